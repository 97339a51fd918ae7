//! Fresh worlds for cases and lies.
#![allow(dead_code, reason = "each test uses a part")]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use usocket_conformance::net::{MemHarness, Network, Virtual};
use usocket_conformance::{Failure, Outcome};

pub(crate) type World<'n> = MemHarness<'n, Virtual>;

/// Calls `run` with a fresh world.
pub(crate) fn one<T>(seed: usize, run: impl FnOnce(&World<'_>) -> T) -> T {
    let network = Box::new(Network::new(Virtual::new(seed as u64 + 1)));
    let world = MemHarness::new(&network).expect("a new network has room for two hosts");
    run(&world)
}

/// Calls `run` with fresh worlds and growing numbers until it says that there
/// is no such number.
pub(crate) fn each(mut run: impl FnMut(&World<'_>, usize) -> bool) {
    let mut number = 0;
    while one(number, |world| run(world, number)) {
        number += 1;
    }
}

/// A panic is a failure: of virtual time, when a call would wait for ever.
pub(crate) fn caught(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().unwrap_or("");
        let waits = text.starts_with("virtual time");
        Err(Failure::new(if waits { "a call waits for ever" } else { "panicked" }))
    })
}

/// Panics of lies are expected: they are reported in one line each. Those of the
/// test itself are printed as ever.
pub(crate) fn quiet_panics() {
    let loud = take_hook();
    set_hook(Box::new(move |panic| {
        let place = panic.location().map_or("", |place| place.file());
        if !place.contains("src") {
            loud(panic);
        }
    }));
}
