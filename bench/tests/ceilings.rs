//! The ceilings are neither too low nor out of reach: a host that knows what comes gets as
//! far on the simulated modem, in all lines, and not further.

mod ideal;

use ideal::{Ideal, Service};
use usocket_bench::esp8285_suite::conditions::{Firmware, Receiving, Sending};
use usocket_bench::esp8285_suite::jobs::{Best, ECHO, Job, Line, lines};

/// What an ideal host gets beside the ceiling: 1 is all.
fn reached(line: &Line) -> f64 {
    let on = line.on;
    let largest = |most: usize| most.min(on.ring);
    match (line.job, line.best().expect("a ceiling")) {
        (Job::Receive(how), Best::Efficiency(best)) => {
            let mut host = Ideal::new(on, how, Service::Source(400_000));
            host.receive(how, 32, largest(2048)) / best
        }
        (Job::Send(how), Best::Efficiency(best)) => {
            let piece = match (how, on.firmware, on.sockets) {
                (_, Firmware::V2_2, _) => 1024,
                (Sending::Pipelined, _, 1) => 1460,
                _ => 2048,
            };
            let mut host = Ideal::new(on, Receiving::Passive, Service::Sink);
            host.send(how, 40, largest(piece)) / best
        }
        (Job::Echo(receiving, sending), Best::RoundTrip(best)) => {
            let mut host = Ideal::new(on, receiving, Service::Echo);
            best / host.echo(receiving, sending, 8, ECHO).as_secs_f64()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ideal_host_reaches_each_ceiling_and_none_is_passed() {
    let mut failures = Vec::new();
    for line in lines().into_iter().filter(|line| line.judged || line.on.sockets == 1) {
        let reached = reached(&line);
        // With other latencies the late results of CIPSENDBUF come just when the prompt does.
        let least = if line.judged { 0.998 } else { 0.97 };
        if !(least..1.0005).contains(&reached) {
            failures.push(format!("{reached:.4}  {}", line.name()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
