//! Faults at random, over and over, and what must hold nevertheless.
//!
//! `cargo test --release -p usocket-backend-esp8285-at --test campaign -- --nocapture`
//!
//! `RUNS=1000000` sets how many runs there are, `FIRST` the first seed, `THREADS` how many
//! threads share them. `SEED=n` replays one with a trace.
//!
//! Faults have two classes. After a *detectable* one (a loss that the UART flags, a reply of a
//! wrong length, a boot, `busy`, a lost link, results that are late, missing or doubled) each
//! stream is a prefix of what was sent, and datagrams are whole or absent. Nobody can detect
//! the others without a checksum, which the protocol lacks: a bit flipped in payload, a byte
//! lost and another doubled in one reply, a byte of pushed payload lost without a flag, a
//! byte of a send hurt on its way to the modem, and a reply of a wrong length whose payload
//! itself holds what must follow a reply, just there, or where a second fault puts it there.
//! After these bytes may be wrong, but
//! they stay inside their link. In both, every call ends in time, nothing panics or leaks,
//! and the driver works again.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    reason = "a program that reports; numbers are small and of our own making"
)]

mod app;
mod fault;
mod pattern;
mod plan;
mod report;
mod rig;
mod run;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use report::Report;

/// Runs without an optimiser are there to see that it works at all.
const RUNS: u64 = if cfg!(debug_assertions) { 150 } else { 10_000 };

#[test]
fn campaign() {
    if let Some(seed) = number("SEED") {
        let shown = run::run(seed, true);
        println!("{shown:#?}");
        assert!(shown.is_ok(), "seed {seed}: {shown:?}");
        return;
    }
    let (runs, first) = (number("RUNS").unwrap_or(RUNS), number("FIRST").unwrap_or(1));
    let threads = number("THREADS").unwrap_or(2).max(1);
    let next = AtomicU64::new(first);
    let began = std::time::Instant::now();
    std::panic::set_hook(Box::new(|_| {}));
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| share(&next, first + runs))).collect();
        for worker in workers {
            report.merge(worker.join().expect("a worker catches what its runs throw"));
        }
    });
    let _ = std::panic::take_hook();
    println!("{report}");
    let rate = runs as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} runs a second on {threads} threads");
    let missed = report.floors();
    for floor in &missed {
        println!("FLOOR: {floor}");
    }
    assert!(report.violations.is_empty(), "see above; SEED=n replays a run");
    assert!(missed.is_empty(), "floors were not reached");
}

/// Runs seeds until they are used up.
fn share(next: &AtomicU64, end: u64) -> Report {
    let mut report = Report::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return report;
        }
        let result = catch_unwind(AssertUnwindSafe(|| run::run(seed, false)));
        let result = result.unwrap_or_else(|cause| Err(format!("panic: {}", text(&*cause))));
        report.add(seed, plan::Plan::new(seed).class, result);
    }
}

fn text(cause: &(dyn Any + Send)) -> String {
    let known = cause.downcast_ref::<String>().cloned();
    let known = known.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    known.unwrap_or_else(|| "?".to_owned())
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}
