//! The community's traits on this backend: their cases, each in a world of its own, and a
//! thousand schedules of dropped futures.
//!
//! `cargo test -p usocket-backend-smoltcp --test nal -- --nocapture`. `CASE=name` runs one
//! case.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use support::world::{World, world_on};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_conformance::{Coverage, Failure, Outcome, nal};

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn every_case_holds() {
    support::roomy(|| {
        let only = std::env::var("CASE").ok();
        let mut coverage = Coverage::new();
        let mut number = 0;
        let mut run = |world: &World<'_>, number: u64| {
            let mut index = 0;
            nal::visit(&mut |case| {
                if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                    coverage.note(case, caught(|| (case.run)(world)));
                }
                index += 1;
            });
            number < index
        };
        while world_on(Medium::Ethernet, number + 1, |world| run(world, number)) {
            number += 1;
        }
        println!("{coverage}");
        assert_eq!(coverage.failed(), 0, "see the table above");
    });
}

#[test]
fn dropped_futures_lose_nothing() {
    support::roomy(|| {
        for part in 0..10 {
            let seeds = part * 100..(part + 1) * 100;
            let run = |world: &World<'_>| nal::dropped_futures(world, seeds.clone(), MOMENT);
            let outcome = world_on(Medium::Ethernet, u64::from(part) + 1, |w| caught(|| run(w)));
            if let Err(failure) = outcome {
                panic!("part {part}: {failure}");
            }
        }
    });
}

const MOMENT: Duration = Duration::from_millis(1);

fn caught(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().unwrap_or("");
        let waits = text.starts_with("virtual time");
        Err(Failure::new(if waits { "a call waits for ever" } else { "panicked" }))
    })
}
