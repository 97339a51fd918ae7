//! The whole kit on this backend, each case with a backend and a peer of its own.
//!
//! `cargo test -p usocket-backend-std --test conformance -- --nocapture` prints
//! the coverage. `CASE=name` runs one case.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::harness::StdHarness;
use usocket_conformance::{Coverage, Failure, cases};

/// Cases at the same time: most of them only wait.
const AT_ONCE: usize = 4;

/// Takes all descriptors of the process, which the others need.
const ALONE: &str = "slots_run_out_and_come_back";

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn every_case_holds() {
    let coverage = Mutex::new(Coverage::new());
    let number = AtomicUsize::new(0);
    run(&coverage, &number, |name| name == ALONE);
    number.store(0, Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| run(&coverage, &number, |name| name != ALONE));
        }
    });
    let coverage = coverage.into_inner().unwrap();
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
    if std::env::var_os("CASE").is_none() {
        assert!(coverage.proved() >= 205, "only {} rows are proved", coverage.proved());
    }
}

/// Runs the cases that `wanted` names, from the next number on.
fn run(coverage: &Mutex<Coverage>, next: &AtomicUsize, wanted: impl Fn(&str) -> bool) {
    let only = std::env::var("CASE").ok();
    let mut more = true;
    while more {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let harness = StdHarness::new();
        let mut index = 0;
        cases::visit(&mut |case| {
            let asked = only.as_ref().is_none_or(|only| only == case.name);
            if index == number && asked && wanted(case.name) {
                let run = AssertUnwindSafe(|| (case.run)(&harness));
                let outcome = catch_unwind(run).unwrap_or_else(|_| Err(Failure::new("panicked")));
                coverage.lock().unwrap().note(case, outcome);
            }
            index += 1;
        });
        more = number < index;
    }
}
