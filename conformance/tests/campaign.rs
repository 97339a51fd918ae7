//! Random calls in any order, many runs, each in a fresh world.
//!
//! `USOCKET_RUNS=10000 cargo test --release -p usocket-conformance --test campaign`

mod worlds;

use usocket_conformance::cases::calls_in_any_order;
use usocket_conformance::net::{MemHarness, Network, Virtual};

#[test]
#[expect(clippy::print_stdout, reason = "a campaign says how much it did")]
fn calls_in_any_order_leave_nothing_behind() {
    let runs: u32 = std::env::var("USOCKET_RUNS").map_or(200, |runs| runs.parse().unwrap());
    for seed in 1..=runs {
        let network = Box::new(Network::new(Virtual::new(seed.into())));
        let world: MemHarness<'_, Virtual> = MemHarness::new(&network).unwrap();
        let outcome = worlds::caught(|| calls_in_any_order(&world, seed..seed + 1));
        if let Err(failure) = outcome {
            panic!("seed {seed}: {failure}");
        }
        let held = network.held();
        assert_eq!((held.sockets, held.queries, held.scripts), (0, 0, 0), "seed {seed}: {held:?}");
    }
    println!("{runs} runs");
}
