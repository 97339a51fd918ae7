//! The community's traits on this backend: their cases, each with a backend and a peer of its
//! own, and a thousand schedules of dropped futures.
//!
//! `cargo test -p usocket-backend-std --test nal -- --nocapture`. `CASE=name` runs one case.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use support::harness::StdHarness;
use usocket_conformance::{Coverage, Failure, nal};

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn every_case_holds() {
    let only = std::env::var("CASE").ok();
    let mut coverage = Coverage::new();
    let (mut number, mut more) = (0, true);
    while more {
        let harness = StdHarness::new();
        let mut index = 0;
        nal::visit(&mut |case| {
            if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                let run = AssertUnwindSafe(|| (case.run)(&harness));
                let outcome = catch_unwind(run).unwrap_or_else(|_| Err(Failure::new("panicked")));
                coverage.note(case, outcome);
            }
            index += 1;
        });
        number += 1;
        more = number < index;
    }
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
}

/// Most of a schedule is waiting: four at once.
#[test]
fn dropped_futures_lose_nothing() {
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                let harness = StdHarness::new();
                let seeds = part * 250..(part + 1) * 250;
                if let Err(failure) = nal::dropped_futures(&harness, seeds, MOMENT) {
                    panic!("part {part}: {failure}");
                }
            });
        }
    });
}

/// The loopback is quicker than a wire.
const MOMENT: Duration = Duration::from_micros(50);
