//! The whole kit on this backend, each case in a world of its own: two stacks and a wire
//! under virtual time.
//!
//! `cargo test -p usocket-backend-smoltcp --test conformance -- --nocapture` prints
//! the coverage. `CASE=name` runs one case.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use support::world::{World, world_on};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_conformance::{Coverage, Failure, cases};

#[test]
fn every_case_holds() {
    support::roomy(|| whole_kit(Medium::Ethernet));
}

#[test]
fn every_case_holds_on_bare_ip() {
    support::roomy(|| whole_kit(Medium::Ip));
}

#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn whole_kit(medium: Medium) {
    let only = std::env::var("CASE").ok();
    let mut coverage = Coverage::new();
    let mut number = 0;
    while world_on(medium, number + 1, |world| run(world, number, only.as_deref(), &mut coverage)) {
        number += 1;
    }
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
    if only.is_none() {
        let floor = if cfg!(feature = "ipv6") { 219 } else { 217 };
        assert!(coverage.proved() >= floor, "only {} rows are proved", coverage.proved());
    }
}

/// Runs the case of this number; whether there is one.
fn run(world: &World<'_>, number: u64, only: Option<&str>, coverage: &mut Coverage) -> bool {
    let mut index = 0;
    cases::visit(&mut |case| {
        if index == number && only.is_none_or(|only| only == case.name) {
            let run = AssertUnwindSafe(|| (case.run)(world));
            let outcome = catch_unwind(run).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<&str>().copied().unwrap_or("");
                let waits = text.starts_with("virtual time");
                let what = if waits { "a call waits for ever" } else { "panicked" };
                Err(Failure::new(what))
            });
            coverage.note(case, outcome);
        }
        index += 1;
    });
    number < index
}
