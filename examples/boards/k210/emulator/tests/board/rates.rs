//! The largest rate at which the interrupt handler keeps up, and what a byte costs it.

use std::time::Duration;

use crate::support::image;
use k210_emulator::{Cost, Ending, Machine, Source};

/// What the divisor of 195 MHz has exactly, or within a per cent.
const RATES: [u32; 12] = [
    115_200, 230_400, 460_800, 921_600, 1_500_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000,
    6_500_000, 9_750_000, 12_187_500,
];
const BYTES: u32 = 20_000;

/// A run at one rate.
struct Run {
    /// Every byte came, in order.
    good: bool,
    /// Instructions of the handler for each byte.
    each: f64,
}

fn run(rate: u32, times: u64) -> Run {
    run_with(rate, times, Source::new(rate, BYTES))
}

fn run_with(rate: u32, times: u64, source: Source) -> Run {
    let base = Cost::default();
    let cost = Cost { access: base.access * times, ..base };
    let mut machine = Machine::new(image("uart_rate"), cost, Box::new(source));
    let ending = machine.run(Duration::from_secs(20), |_| false);
    let (uart, said) = (machine.uart(2), machine.console());
    let good = ending == Ending::Halted && said.ends_with("passed\n");
    // Whoever loses a byte says so, and before a loss none is wrong. What is too fast may
    // leave the program no time to say anything.
    if ending == Ending::Halted {
        assert!(said.contains(" 0 wrong, "), "{rate} baud: {said}");
        assert_eq!(good, said.contains(" 0 losses\n"), "{rate} baud: {said}");
        assert!(good || said.contains(" losses\n"), "{rate} baud: {said}");
    }
    assert!(!good || uart.overruns == 0, "{rate} baud: {uart:?}\n{said}");
    Run { good, each: machine.stats().handler as f64 / uart.received as f64 }
}

/// The line control cannot be written then.
#[test]
fn the_rate_is_switched_while_a_byte_comes_in() {
    for rate in [921_600, 2_000_000] {
        assert!(run_with(rate, 1, Source::hasty(rate, BYTES)).good, "{rate} baud");
    }
}

#[test]
fn the_handler_keeps_up_with_2_mbaud_at_ten_times_the_cost() {
    println!("an access costs     largest rate     handler's instructions per byte");
    println!("                                     there     at 921600     at 115200");
    for (times, target) in [(1, 2_000_000), (10, 2_000_000), (30, 115_200)] {
        let runs: Vec<_> = RATES.map(|rate| (rate, run(rate, times))).into_iter().collect();
        let kept_up = runs.iter().take_while(|(_, run)| run.good);
        let (rate, best) = kept_up.last().expect("even 115200 baud is too fast");
        let cycles = Cost::default().access * times;
        println!(
            "{cycles:4} cycles ({times:2}x) {rate:10} baud {:14.1} {:13.1} {:13.1}",
            best.each, runs[3].1.each, runs[0].1.each
        );
        assert!(*rate >= target, "{rate} baud at {times} times the cost");
    }
}
