//! The kit, and its cases for the community's traits, on this backend; each case in a world of
//! its own. What the traits below cannot carry is a list, and must fail as it says.
//!
//! `cargo test -p usocket-backend-nal --test conformance -- --nocapture` prints the
//! coverage. `CASE=name` runs one case.

mod support;

use std::time::Duration;

use support::{caught, world, world_with};
use usocket_backend_nal::Config;
use usocket_conformance::{Case, Coverage, Harness, Outcome, cases, nal};

/// Cases that cannot hold, and what of `edge_nal` is in the way.
const CANNOT: [(&str, &str); 8] = [
    ("blocking_connect_establishes", "a stream does not tell its local address"),
    ("each_condition_has_its_error", "an address that is not ours is found out by listen"),
    ("foreign_addresses_are_refused", "likewise"),
    ("link_local_needs_its_interface", "an unknown interface has no kind of error"),
    ("no_route_is_unreachable", "nor has a network that cannot be reached"),
    ("reuse_never_allows_two_listeners", "there are no options"),
    ("time_wait_holds_the_address", "likewise"),
    ("writing_to_a_dead_peer", "only the write after the refused one is told"),
];

/// The same, of a stack that has datagrams.
const CANNOT_DATAGRAMS: [(&str, &str); 3] = [
    ("asynch_multiply_bound_datagrams", "a datagram is not told where to leave from"),
    ("asynch_uniquely_bound_datagrams", "which address of ours leads outside is not told"),
    ("membership_values_are_checked", "before bind there is no socket to ask for the interface"),
];

/// Runs the case of this number, if there is one, and notes what came of it.
fn one<H: Harness>(
    world: &H,
    traits: bool,
    number: u64,
    mut note: impl FnMut(&Case<H>, Outcome),
) -> bool {
    let only = std::env::var("CASE").ok();
    let mut index = 0;
    let mut each = |case: &Case<H>| {
        if index == number && only.as_ref().is_none_or(|only| only == case.name) {
            note(case, caught(|| (case.run)(world)));
        }
        index += 1;
    };
    if traits {
        nal::visit(&mut each);
    } else {
        cases::visit(&mut each);
    }
    number < index
}

/// Runs the cases of the kit, or those of the traits.
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn run(traits: bool, config: Config, datagrams: bool) {
    let mut coverage = Coverage::new();
    let mut holds = Vec::new();
    let mut number = 0;
    while world_with(number + 1, config, datagrams, |world| {
        one(world, traits, number, |case, outcome| {
            let more = CANNOT_DATAGRAMS.iter().filter(|_| datagrams);
            match CANNOT.iter().chain(more).any(|(name, _)| *name == case.name) {
                true if outcome.is_ok() => holds.push(case.name),
                true => {}
                false => coverage.note(case, outcome),
            }
        })
    }) {
        number += 1;
    }
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
    assert!(holds.is_empty(), "these hold, and stand on the list of those that cannot: {holds:?}");
}

#[test]
fn every_case_holds_but_those_that_cannot() {
    run(false, Config::default(), true);
}

/// A stack that cannot end one direction of a stream, and has no datagrams.
#[test]
fn without_half_close_and_datagrams() {
    run(false, Config { half_close: false, ..Config::default() }, false);
}

#[test]
fn every_case_of_the_traits_holds() {
    run(true, Config::default(), true);
}

#[test]
fn dropped_futures_lose_nothing() {
    for part in 0..10 {
        let seeds = part * 100..(part + 1) * 100;
        let moment = Duration::from_millis(1);
        let outcome = world(u64::from(part) + 1, Config::default(), |world| {
            caught(|| nal::dropped_futures(world, seeds, moment))
        });
        if let Err(failure) = outcome {
            panic!("part {part}: {failure}");
        }
    }
}
