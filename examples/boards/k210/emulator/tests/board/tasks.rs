//! Async on the board: tasks receive, and the hart sleeps while they wait.

use std::time::Duration;

use crate::support::{board, no_loss};
use k210_emulator::{Ending, STREAM_LEN};

/// Runs the image; instructions for each received byte.
fn receive(name: &str) -> u64 {
    let (mut machine, _modem) = board(name);
    let limit = Duration::from_secs(60);
    let line = |said: &[u8]| {
        String::from_utf8_lossy(said).lines().any(|line| line.starts_with("2 tasks, "))
            && said.ends_with(b"\n")
    };
    assert_eq!(machine.run(limit, line), Ending::Seen, "{}", machine.console());
    no_loss(&machine);
    let received = machine.stats();

    // Two seconds in which there is nothing to do.
    let (began, before) = (machine.now().since_start(), received.instructions);
    assert_eq!(machine.run(limit, |_| false), Ending::Halted, "{}", machine.console());
    let (rested, rest) =
        (machine.now().since_start() - began, machine.stats().instructions - before);
    let said = machine.console();
    assert!(said.ends_with("passed\n"), "{said}");
    for which in 0..2 {
        assert!(said.contains(&format!("stream {which}: {STREAM_LEN} bytes\n")), "{said}");
    }
    // They began when the console began to speak.
    assert!(rested > Duration::from_millis(1900), "{rested:?}");
    println!("{name}: {rest} instructions in {rested:?} without work\n{said}");
    // The console waits for its bytes: one line here, which takes 4 ms, and `passed`.
    assert!(rest < 200_000, "{rest} instructions in {rested:?}: it does not sleep");

    let numbers: Vec<u64> = said
        .lines()
        .find(|line| line.starts_with("2 tasks, "))
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [_, wrong, turns, sleeps, asleep, all] = numbers[..] else { panic!("{said}") };
    assert_eq!(wrong, 0);
    assert!(turns >= 10, "one after the other: {turns} turns");
    assert!(sleeps > 1000 && asleep * 2 > all, "asleep for {asleep} of {all} ms");
    received.instructions / machine.uart(2).received
}

#[test]
fn two_tasks_receive_at_115200_baud() {
    let each = receive("tasks");
    // An interrupt for each byte, and a turn of the runner after it.
    assert!(each < 4500, "{each} instructions for a byte");
}

#[test]
fn two_tasks_receive_at_921600_baud() {
    let each = receive("tasks-921600");
    // An interrupt for each four bytes.
    assert!(each < 4500, "{each} instructions for a byte");
}
