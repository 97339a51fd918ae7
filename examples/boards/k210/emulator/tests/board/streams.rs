//! Five sockets receive at once, one of them slowly; and what late interrupts do to them.

use std::time::Duration;

use crate::support::{board, no_loss, pass};
use k210_emulator::{Ending, STREAM_LEN};

/// How each stream of the image ended: bytes, wrong bytes, and the last word.
fn streams(console: &str) -> Vec<(u32, u32, String)> {
    let line = |which| {
        let prefix = format!("stream {which}: ");
        let line = console.lines().find_map(|line| line.strip_prefix(&prefix));
        let line = line.unwrap_or_else(|| panic!("no {prefix}in:\n{console}"));
        let mut parts = line.splitn(3, ", ");
        let mut number = || {
            let part = parts.next().unwrap();
            part.split(' ').next().unwrap().parse().unwrap()
        };
        (number(), number(), parts.next().unwrap().to_owned())
    };
    (0..5).map(line).collect()
}

fn all_whole(console: &str) -> bool {
    streams(console)
        .iter()
        .all(|(len, wrong, end)| (*len, *wrong, &end[..]) == (STREAM_LEN, 0, "end"))
}

#[test]
fn all_arrive_at_115200_baud() {
    let (mut machine, _modem) = board("streams");
    pass(&mut machine);
    no_loss(&machine);
    assert!(all_whole(&machine.console()), "{}", machine.console());
}

#[test]
fn all_arrive_at_921600_baud() {
    let (mut machine, _modem) = board("streams-921600");
    pass(&mut machine);
    no_loss(&machine);
    assert!(all_whole(&machine.console()), "{}", machine.console());
    assert!(machine.now().since_start() < Duration::from_secs(12));
}

/// Interrupts are late for a while, at several times: each loss is noticed, never is a byte
/// wrong, and those whose bytes were not hit go on.
#[test]
fn late_interrupts_at_921600_baud_cost_only_those_they_hit() {
    let (mut noticed, mut hit, mut whole) = (0, 0, 0);
    for begin in (4200..5000).step_by(100) {
        let (mut machine, _modem) = board("streams-921600");
        let until = |ms| Duration::from_millis(ms);
        assert_eq!(machine.run(until(begin), |_| false), Ending::TimeUp);
        // 16 bytes last 174 us, and the first call comes after 4 of them.
        machine.set_latency(Duration::from_micros(200));
        let _ = machine.run(until(begin + 2), |_| false);
        machine.set_latency(Duration::ZERO);
        let ending = machine.run(Duration::from_secs(100), |_| false);
        let said = machine.console();
        assert_eq!(ending, Ending::Halted, "{said}");
        let lost = machine.uart(2).overruns;
        assert_eq!(lost > 0, !said.contains("losses 0\n"), "{lost} overruns, but:\n{said}");
        noticed += u32::from(lost > 0);
        for (len, wrong, end) in streams(&said) {
            assert_eq!(wrong, 0, "{said}");
            if end == "end" {
                assert_eq!(len, STREAM_LEN, "a stream that lost bytes ended as if whole:\n{said}");
                whole += 1;
            } else {
                hit += 1;
            }
        }
        println!("late at {begin} ms: {lost} bytes lost\n{said}");
    }
    assert!(noticed >= 4, "only {noticed} runs lost bytes: the test tests nothing");
    assert!(hit > 0 && hit <= noticed, "{hit} streams failed in {noticed} runs");
    assert!(whole >= 5 * 8 - noticed);
}
