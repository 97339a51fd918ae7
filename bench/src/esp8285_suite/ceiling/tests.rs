//! Worked out by hand. At 115200 baud 1 ms is 11.52 bytes of wire, at 2 M baud 200.

use super::*;
use crate::esp8285_suite::conditions::Latencies;

const SLOW: u32 = 115_200;
const FAST: u32 = 2_000_000;

fn on(firmware: Firmware, baud: u32) -> Conditions {
    Conditions::new(firmware, baud)
}

#[track_caller]
fn is(efficiency: f64, payload: f64, of: f64) {
    let expected = payload / of;
    assert!((efficiency - expected).abs() < 1e-6, "{efficiency} is not {expected}");
}

#[test]
fn passive_receive() {
    // AT+CIPRECVDATA=4,2048 CR LF is 23 bytes, 2 ms; CR LF +CIPRECVDATA,2048: is 20,
    // then the data, then CR LF OK CR LF, which is 6.
    let old = |baud| receive(&on(Firmware::V1_7_6, baud), Receiving::Passive);
    is(old(SLOW), 2048.0, 23.0 + 23.04 + 20.0 + 2048.0 + 6.0);
    is(old(FAST), 2048.0, 23.0 + 400.0 + 20.0 + 2048.0 + 6.0);
    // +CIPRECVDATA:2048, is 18.
    let new = |baud| receive(&on(Firmware::V2_2, baud), Receiving::Passive);
    is(new(SLOW), 2048.0, 23.0 + 23.04 + 18.0 + 2048.0 + 6.0);
    is(new(FAST), 2048.0, 23.0 + 400.0 + 18.0 + 2048.0 + 6.0);
}

#[test]
fn rings_bound_a_read_and_sockets_do_not_matter() {
    let conditions = on(Firmware::V1_7_6, SLOW);
    let of =
        |ring, sockets| receive(&Conditions { ring, sockets, ..conditions }, Receiving::Passive);
    // AT+CIPRECVDATA=4,1024 has as many digits.
    is(of(1024, 1), 1024.0, 23.0 + 23.04 + 20.0 + 1024.0 + 6.0);
    // And =4,512 one less, twice.
    is(of(512, 1), 512.0, 22.0 + 23.04 + 19.0 + 512.0 + 6.0);
    is(of(2048, 5), 2048.0, 2120.04);
    is(of(4096, 5), 2048.0, 2120.04);
}

#[test]
fn notices_that_do_not_fit_between_answers_cost_the_rest() {
    // Without latency only the command is between two answers: 23 bytes. 2.2 tells of each
    // read with CR LF +IPD,4,100 CR LF, 14 bytes, which fits. With reads of 8 bytes the command
    // is 20 bytes and still longer. On 1.7.6 there are 2048 / 1460 notices for each read:
    // 19.6 bytes.
    let none = Latencies { command: Duration::ZERO, ..Latencies::FIXED };
    let quick = |firmware, ring| {
        let conditions = Conditions { latencies: none, ring, ..on(firmware, SLOW) };
        receive(&conditions, Receiving::Passive)
    };
    is(quick(Firmware::V2_2, 4096), 2048.0, 23.0 + 18.0 + 2048.0 + 6.0);
    is(quick(Firmware::V2_2, 8), 8.0, 20.0 + 15.0 + 8.0 + 6.0);
    is(quick(Firmware::V1_7_6, 4096), 2048.0, 23.0 + 20.0 + 2048.0 + 6.0);
}

#[test]
fn active_receive() {
    // CR LF +IPD,4,1460: is 14 bytes, with another CR LF behind the data on 2.2.
    for baud in Conditions::RATES {
        is(receive(&on(Firmware::V1_7_6, baud), Receiving::Active), 1460.0, 1474.0);
        is(receive(&on(Firmware::V2_2, baud), Receiving::Active), 1460.0, 1476.0);
    }
}

#[test]
fn windows_bound_what_comes_in_a_round_trip() {
    let latencies = Latencies { round_trip: Duration::from_millis(100), ..Latencies::FIXED };
    let far = |sockets| Conditions { latencies, sockets, ..on(Firmware::V1_7_6, FAST) };
    // 5840 bytes in 100 ms, in which the wire carries 20000.
    is(receive(&far(1), Receiving::Active), 5840.0, 20_000.0);
    is(receive(&far(1), Receiving::Passive), 5840.0, 20_000.0);
    // Two links have twice as much; five have enough.
    is(receive(&far(2), Receiving::Active), 11_680.0, 20_000.0);
    is(receive(&far(5), Receiving::Active), 1460.0, 1474.0);
}

#[test]
fn plain_send() {
    // AT+CIPSEND=4,2048 CR LF is 19 bytes; 4 ms to the >; 2048; 1 ms; the peer 10 ms, during
    // which Recv passes; CR LF SEND OK CR LF is 11.
    let old = |baud| send(&on(Firmware::V1_7_6, baud), Sending::Plain).unwrap();
    is(old(SLOW), 2048.0, 19.0 + 46.08 + 1.0 + 2048.0 + 11.52 + 115.2 + 11.0);
    is(old(FAST), 2048.0, 19.0 + 800.0 + 1.0 + 2048.0 + 200.0 + 2000.0 + 11.0);
    // 1024 at once, CR LF > is 3, and 4 ms instead of the peer's 10.
    let new = |baud| send(&on(Firmware::V2_2, baud), Sending::Plain).unwrap();
    is(new(SLOW), 1024.0, 19.0 + 46.08 + 3.0 + 1024.0 + 11.52 + 46.08 + 11.0);
    is(new(FAST), 1024.0, 19.0 + 800.0 + 3.0 + 1024.0 + 200.0 + 800.0 + 11.0);
}

#[test]
fn one_send_at_a_time_for_all_sockets() {
    for firmware in [Firmware::V1_7_6, Firmware::V2_2] {
        let one = on(firmware, SLOW);
        let five = Conditions { sockets: 5, ..one };
        let (one, five) = (send(&one, Sending::Plain), send(&five, Sending::Plain));
        is(five.unwrap(), one.unwrap(), 1.0);
    }
}

#[test]
fn strings_that_are_slower_than_the_latencies_count() {
    // 1200 baud: 1 ms is 0.12 bytes. OK has 6 bytes, in which 2 of the 4 ms pass; Recv has 19,
    // in which all 10 pass.
    let slow = send(&on(Firmware::V1_7_6, 1200), Sending::Plain).unwrap();
    is(slow, 2048.0, 19.0 + 0.24 + 6.0 + 1.0 + 2048.0 + 0.12 + 19.0 + 11.0);
}

#[test]
fn pipelined_send() {
    let at = |baud, sockets, ring| {
        let conditions = Conditions { sockets, ring, ..on(Firmware::V1_7_6, baud) };
        send(&conditions, Sending::Pipelined).unwrap()
    };
    // AT+CIPSENDBUF=4,1460 CR LF is 22 bytes, CR LF Recv 1460 bytes CR LF 19. One socket:
    // two pieces of 1460 fill the buffer, and the first of them is acknowledged before the
    // third is asked for.
    is(at(SLOW, 1, 4096), 1460.0, 22.0 + 46.08 + 1.0 + 1460.0 + 11.52 + 19.0);
    is(at(FAST, 1, 4096), 1460.0, 22.0 + 800.0 + 1.0 + 1460.0 + 200.0 + 19.0);
    is(at(SLOW, 1, 1024), 1024.0, 22.0 + 46.08 + 1.0 + 1024.0 + 11.52 + 19.0);
    // Five sockets have five buffers: whole pieces.
    is(at(SLOW, 5, 4096), 2048.0, 22.0 + 46.08 + 1.0 + 2048.0 + 11.52 + 19.0);
    is(at(FAST, 5, 4096), 2048.0, 22.0 + 800.0 + 1.0 + 2048.0 + 200.0 + 19.0);
}

#[test]
fn a_far_peer_fills_the_send_buffer() {
    let latencies = Latencies { round_trip: Duration::from_secs(1), ..Latencies::FIXED };
    let far = Conditions { latencies, ..on(Firmware::V1_7_6, FAST) };
    // Eight pieces of 365 in a second and what lies between the command that waits and Recv:
    // 2 ms to the prompt, > and the data (366 bytes, 1.83 ms), 1 ms. The other seven follow
    // at once.
    let round = 1.0 + 0.002 + 0.001_83 + 0.001;
    is(send(&far, Sending::Pipelined).unwrap(), 2920.0 * 5e-6, round);
}

#[test]
fn only_1_x_has_cipsendbuf() {
    let new = on(Firmware::V2_2, SLOW);
    assert_eq!(send(&new, Sending::Pipelined), None);
    assert_eq!(echo(&new, Receiving::Active, Sending::Pipelined, 32), None);
}

#[test]
fn echoes() {
    let millis = |firmware, receiving, sending, baud| {
        let time = echo(&on(firmware, baud), receiving, sending, 32).unwrap();
        time.as_secs_f64() * 1e3
    };
    let at = |bytes: f64, waits: f64, baud: u32| waits + bytes * 1e4 / f64::from(baud);
    // AT+CIPSEND=4,32 CR LF is 17 bytes, > 1, data 32, SEND OK 11; 4 + 1 + 10 ms.
    // Active: CR LF +IPD,4,32: is 12, data 32.
    // Passive: CR LF +IPD,4,32 CR LF is 13, AT+CIPRECVDATA=4,32 CR LF 21, 2 ms,
    // CR LF +CIPRECVDATA,32: 18, data 32, OK 6.
    let (active, passive) = (Receiving::Active, Receiving::Passive);
    for baud in [SLOW, FAST] {
        let cases = [
            (Firmware::V1_7_6, active, Sending::Plain, 17 + 1 + 32 + 11 + 12 + 32, 15.0),
            (Firmware::V1_7_6, passive, Sending::Plain, 17 + 1 + 32 + 11 + 13 + 21 + 56, 17.0),
            // AT+CIPSENDBUF= is 3 longer, CR LF 4,1,SEND OK CR LF 4 longer.
            (Firmware::V1_7_6, active, Sending::Pipelined, 20 + 1 + 32 + 15 + 12 + 32, 15.0),
            // SEND OK has passed long before; the prompt has 3; the answer has 16.
            (Firmware::V2_2, active, Sending::Plain, 17 + 3 + 32 + 12 + 32, 15.0),
            (Firmware::V2_2, passive, Sending::Plain, 17 + 3 + 32 + 13 + 21 + 54, 17.0),
        ];
        for (firmware, receiving, sending, bytes, waits) in cases {
            let got = millis(firmware, receiving, sending, baud);
            let expected = at(f64::from(bytes), waits, baud);
            assert!((got - expected).abs() < 1e-4, "{firmware:?} {sending:?}: {got}, {expected}");
        }
    }
}

#[test]
fn half_and_twice_the_latencies() {
    let fixed = on(Firmware::V1_7_6, SLOW);
    let scaled = |latencies| receive(&Conditions { latencies, ..fixed }, Receiving::Passive);
    is(scaled(Latencies::FIXED.halved()), 2048.0, 23.0 + 11.52 + 20.0 + 2048.0 + 6.0);
    is(scaled(Latencies::FIXED.doubled()), 2048.0, 23.0 + 46.08 + 20.0 + 2048.0 + 6.0);
}
