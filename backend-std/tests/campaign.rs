//! Random calls in any order on the host's sockets: nothing is leaked. Alone in
//! its process, as it counts descriptors.
//!
//! `USOCKET_RUNS=200 cargo test --release -p usocket-backend-std --test campaign`

mod support;

use support::harness::StdHarness;
use usocket_conformance::cases::calls_in_any_order;

#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "a campaign says how much it did")]
fn calls_in_any_order_leave_no_descriptor() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let runs: u32 = std::env::var("USOCKET_RUNS").map_or(20, |runs| runs.parse().unwrap());
    let before = descriptors();
    for seed in 1..=runs {
        let harness = StdHarness::new();
        if let Err(failure) = calls_in_any_order(&harness, seed..seed + 1) {
            panic!("seed {seed}: {failure}");
        }
    }
    // The threads of the last scripts may take a moment to end.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while descriptors() > before && std::time::Instant::now() < patience {
        std::thread::yield_now();
    }
    assert!(descriptors() <= before, "{} descriptors more", descriptors() - before);
    println!("{runs} runs");
}
