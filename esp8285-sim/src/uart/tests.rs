//! The wire with a modem that has nothing but its boot to say.

use std::time::Duration;

use super::{Fault, Faults, Loss, Receiver, RxFlags, Uart, UartConfig, byte_time};
use crate::net::{self, Script, VirtualNet};
use crate::{AccessPoint, Activity, Air, Instant, Knobs, Modem, ResultFault, Rng, Version};

const READY: &[u8] = b"\r\nready\r\n";

struct Host {
    uart: Uart<VirtualNet>,
    now: Instant,
}

impl Host {
    fn new(knobs: Knobs, config: UartConfig) -> Self {
        let modem = Modem::new(Version::V2_2, knobs, Air::default(), VirtualNet::new(1));
        Self { uart: Uart::new(modem, config), now: Instant::ZERO }
    }

    /// Waits, then reads everything.
    fn wait(&mut self, time: Duration) -> Vec<u8> {
        self.now = self.now + time;
        let mut buf = [0; 8192];
        let len = self.uart.read(self.now, &mut buf);
        buf[..len].to_vec()
    }

    /// Writes as fast as the transmitter takes it.
    fn say(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = self.uart.write(self.now, bytes);
            bytes = &bytes[len..];
            self.now = self.now + Duration::from_micros(100);
        }
    }

    /// Waits a second at most.
    fn pause(&mut self) -> Vec<u8> {
        self.now = self.uart.advance_to_pause(self.now + Duration::from_secs(1));
        self.wait(Duration::ZERO)
    }

    fn ask(&mut self, line: &[u8]) -> Vec<u8> {
        self.say(line);
        self.wait(Duration::from_millis(50))
    }
}

fn booted(config: UartConfig) -> Host {
    let mut host = Host::new(Knobs::default(), config);
    assert_eq!(host.wait(Duration::from_millis(400)), READY);
    host
}

#[test]
fn what_is_said_from_outside_begins_at_once() {
    let mut host = Host::new(Knobs::default(), UartConfig::default());
    host.wait(Duration::from_secs(1));
    let now = host.now;
    host.uart.modem(now).interject(now, b"line\r\n");
    assert!(host.uart.poll_at() <= Some(host.now));
    assert_eq!(host.wait(Duration::from_micros(700)), b"line\r\n");
}

#[test]
fn bytes_take_their_time() {
    assert_eq!(byte_time(115_200).as_nanos(), 86_805);
    let mut host = Host::new(Knobs::default(), UartConfig::default());
    assert_eq!(host.wait(Duration::from_millis(300)), b"");
    assert_eq!(host.wait(byte_time(115_200) * 5 - Duration::from_nanos(1)), b"\r\nre");
    assert_eq!(host.wait(Duration::from_nanos(1)), b"a");
    assert_eq!(host.wait(Duration::from_millis(1)), b"dy\r\n");
}

#[test]
fn an_answer_comes_through() {
    let mut host = booted(UartConfig::default());
    assert_eq!(host.ask(b"ATE0\r\n"), b"ATE0\r\n\r\nOK\r\n");
    assert_eq!(host.ask(b"AT\r\n"), b"\r\nOK\r\n");
    assert!(host.uart.is_tx_idle());
    assert_eq!(host.uart.take_flags(), RxFlags::default());
}

/// Sheet section 7: 16 bytes last 1.39 ms at 115200.
#[test]
fn a_late_interrupt_overruns_the_fifo() {
    let text = vec![b'n'; 1000];
    let lost = |micros, depth| {
        let knobs = Knobs { boot_text: text.clone(), ..Knobs::default() };
        let irq_latency = Duration::from_micros(micros);
        let receiver = Receiver { fifo_depth: depth, irq_latency, ..Receiver::default() };
        let mut host = Host::new(knobs, UartConfig { receiver, ..UartConfig::default() });
        let got = host.wait(Duration::from_millis(500)).len();
        let flags = host.uart.take_flags();
        let sent = text.len() + READY.len();
        assert_eq!(usize::try_from(flags.lost).ok(), Some(sent - got));
        assert_eq!(flags.overrun, got < sent);
        sent - got
    };
    assert_eq!(lost(0, 16), 0);
    assert_eq!(lost(1_290, 16), 0);
    assert!(lost(1_500, 16) > 0);
    assert!(lost(700, 8) > 0);
    assert_eq!(lost(600, 8), 0);
}

#[test]
fn a_full_ring_is_flagged() {
    let receiver = Receiver { ring: 4, ..Receiver::default() };
    let mut host = Host::new(Knobs::default(), UartConfig { receiver, ..UartConfig::default() });
    assert_eq!(host.wait(Duration::from_millis(400)), b"\r\nre");
    let flags = host.uart.take_flags();
    assert!(flags.ring_full && !flags.overrun && flags.lost == 5);
}

/// Sheet section 7: `OK` at the old rate, then the switch.
#[test]
fn the_rate_is_switched_after_the_answer() {
    let mut host = booted(UartConfig::default());
    host.ask(b"ATE0\r\n");
    assert_eq!(host.ask(b"AT+UART_CUR=921600,8,1,0,0\r\n"), b"\r\nOK\r\n");
    let garbage = host.ask(b"AT\r\n");
    assert_ne!(garbage, b"\r\nOK\r\n");
    host.uart.set_baud(host.now, 921_600);
    host.ask(b"\r\n");
    host.uart.take_flags();
    assert_eq!(host.ask(b"AT\r\n"), b"\r\nOK\r\n");
    assert_eq!(host.uart.take_flags(), RxFlags::default());
}

#[test]
fn the_wrong_rate_is_garbage_and_a_framing_error() {
    let mut host = Host::new(Knobs::default(), UartConfig { baud: 9600, ..UartConfig::default() });
    assert_ne!(host.wait(Duration::from_millis(400)), READY);
    assert!(host.uart.take_flags().framing);
    host.uart.set_baud(host.now, 116_000);
    host.ask(b"\r\n");
    assert_eq!(host.ask(b"AT\r\n").last_chunk(), Some(b"\r\nOK\r\n"));
}

#[test]
fn faults_hit_the_byte_they_name() {
    let host = |at| {
        let to_host = Faults { at, ..Faults::default() };
        let mut host = Host::new(Knobs::default(), UartConfig { to_host, ..UartConfig::default() });
        host.wait(Duration::from_millis(400))
    };
    assert_eq!(host(vec![(2, Fault::Drop)]), b"\r\neady\r\n");
    assert_eq!(host(vec![(3, Fault::Repeat)]), b"\r\nreeady\r\n");
    assert_eq!(host(vec![(2, Fault::Flip(0x20))]), b"\r\nReady\r\n");
    assert_eq!(host(vec![(0, Fault::Insert(b'!'))]), b"!\r\nready\r\n");
    let to_modem = Faults { at: vec![(1, Fault::Drop)], ..Faults::default() };
    let mut deaf = booted(UartConfig { to_modem, ..UartConfig::default() });
    assert!(deaf.ask(b"AT\r\n").ends_with(b"\r\nERROR\r\n"));
}

#[test]
fn random_faults_replay() {
    let play = |seed| {
        let knobs = Knobs { boot_text: vec![b'n'; 2000], ..Knobs::default() };
        let to_host = Faults { drop: 9000, repeat: 9000, flip: 9000, insert: 9000, at: Vec::new() };
        let mut host = Host::new(knobs, UartConfig { seed, to_host, ..UartConfig::default() });
        host.wait(Duration::from_millis(500))
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2));
    assert!(play(1).iter().any(|byte| *byte != b'n'));
}

#[test]
fn an_enable_pulse_reboots() {
    let mut host = booted(UartConfig::default());
    host.say(b"AT+CI");
    let now = host.now;
    host.uart.modem(now).reset(now);
    assert_eq!(host.wait(Duration::from_millis(400)).last_chunk(), Some(b"\r\nready\r\n"));
    assert!(host.ask(b"AT\r\n").ends_with(b"\r\nOK\r\n"));
}

/// Reads everything, with a `!` for each loss.
fn checked(host: &mut Host) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buf = [0; 100];
    loop {
        match host.uart.read_checked(host.now, &mut buf) {
            Ok(0) => return all,
            Ok(len) => all.extend(&buf[..len]),
            Err(Loss) => all.push(b'!'),
        }
    }
}

#[test]
fn a_loss_is_told_at_its_place_and_once() {
    let receiver = |fifo_depth, irq_latency, ring| Receiver {
        fifo_depth,
        irq_latency: Duration::from_micros(irq_latency),
        ring,
        ..Receiver::default()
    };
    // Ten bytes take 868 us: after four in the FIFO two are lost until the handler comes.
    let config = UartConfig { receiver: receiver(4, 480, 100), ..UartConfig::default() };
    let mut host = Host::new(Knobs::default(), config);
    host.now = Instant::from_millis(310);
    assert_eq!(checked(&mut host), b"\r\nre!y\r\n");
    assert!(!host.uart.is_readable());

    let config = UartConfig { receiver: receiver(16, 0, 5), ..UartConfig::default() };
    let mut host = Host::new(Knobs::default(), config);
    host.now = Instant::from_millis(310);
    assert_eq!(checked(&mut host), b"\r\nrea!");
    let config = UartConfig { baud: 9600, ..UartConfig::default() };
    let mut host = Host::new(Knobs::default(), config);
    host.now = Instant::from_millis(310);
    host.uart.advance(host.now);
    assert!(host.uart.is_readable());
    assert_eq!(checked(&mut host).iter().filter(|byte| **byte == b'!').count(), READY.len());
}

#[test]
fn the_enable_pin_holds_the_modem_in_reset() {
    let mut host = booted(UartConfig::default());
    let now = host.now;
    host.uart.modem(now).set_enabled(now, false);
    assert_eq!(host.ask(b"AT\r\n"), b"");
    let now = host.now;
    host.uart.modem(now).reset(now);
    assert_eq!(host.wait(Duration::from_secs(5)), b"");
    let now = host.now;
    host.uart.modem(now).set_enabled(now, true);
    host.uart.modem(now).set_enabled(now, true);
    assert_eq!(host.wait(Duration::from_millis(400)), READY);
    assert!(host.ask(b"AT\r\n").ends_with(b"OK\r\n"));
}

/// What a host sees, with the time at which it could be read first: a byte or a loss.
type Heard = Vec<(u64, Option<u8>)>;

fn heard(runs: bool, seed: u64) -> (Heard, RxFlags, String) {
    let mut rng = Rng::new(seed);
    let pick = |rng: &mut Rng, bound| usize::try_from(rng.below(bound)).unwrap_or(0);
    let version = Version::ALL[pick(&mut rng, 6)];
    let bauds = [115_200, 921_600, 2_000_000];
    let baud = bauds[pick(&mut rng, 3)];
    let latency = [0, 0, 100, 700, 2000][pick(&mut rng, 5)];
    let receiver = Receiver {
        irq_latency: Duration::from_micros(latency),
        irq_jitter: Duration::from_micros([0, 0, 90][pick(&mut rng, 3)]),
        ring: [300, 1 << 20][pick(&mut rng, 2)],
        ..Receiver::default()
    };
    let chance = [0, 0, 0, 300][pick(&mut rng, 4)];
    let to_host =
        Faults { drop: chance, at: vec![(rng.below(9000), Fault::Repeat)], ..Faults::default() };
    let to_modem = Faults { at: vec![(rng.below(900), Fault::Insert(b' '))], ..Faults::default() };
    let config = UartConfig { baud, seed, receiver, to_host, to_modem, tx_depth: 64 };
    let knobs = Knobs {
        seed,
        flash_baud: baud,
        boot_noise: 40,
        boot_baud: Some(74_880),
        tx_ring: [100, 2048][pick(&mut rng, 2)],
        ..Knobs::default()
    };
    let mut net = VirtualNet::new(seed);
    let page = Script::send_and_close(&[b'x'; 9000]);
    let host = net::Host::default().tcp(7, Script::echo()).tcp(80, page);
    net.add_host([10, 0, 0, 1], host);
    let air = Air::with(AccessPoint::new(b"net", b"password"));
    let mut uart = Uart::new(Modem::new(version, knobs, air, net), config);
    uart.runs = runs;
    let payload = vec![b'+'; 700];
    let [rate, mode] = [format!("AT+UART_CUR={},8,1,0,0", bauds[0]), format!("ATE{}", seed % 2)];
    let script: [&[u8]; 12] = [
        mode.as_bytes(),
        b"AT+CWJAP=\"net\",\"password\"",
        b"AT+CIPMUX=1",
        b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",7",
        b"AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",80",
        b"AT+CIPSEND=4,700",
        &payload,
        b"AT+CIPRECVMODE=1",
        b"AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",80",
        b"AT+CIPRECVDATA=3,2048",
        rate.as_bytes(),
        b"AT+CIPRECVDATA=3,2048",
    ];
    let (mut now, mut heard) = (Instant::from_millis(400), Vec::new());
    let mut listen = |uart: &mut Uart<VirtualNet>, now: &mut Instant, until: Instant| {
        while *now < until {
            *now = uart.poll_at().map_or(until, |at| at.min(until)).max(*now);
            while uart.is_readable() {
                let mut buf = [0; 256];
                match uart.read_checked(*now, &mut buf) {
                    Ok(len) => heard.extend(buf[..len].iter().map(|b| (now.as_nanos(), Some(*b)))),
                    Err(Loss) => heard.push((now.as_nanos(), None)),
                }
            }
            uart.advance(*now);
        }
    };
    for line in script {
        for part in [line, b"\r\n"] {
            let mut rest = part;
            while !rest.is_empty() {
                rest = &rest[uart.write(now, rest)..];
                // Now and then a long look away, so that there is something to move.
                let away = Duration::from_micros(rng.below(4000));
                if rng.happens(500_000) {
                    now = now + away;
                    uart.advance(now);
                } else {
                    let until = now + away;
                    listen(&mut uart, &mut now, until);
                }
            }
        }
        let wait = [5, 20, 4000][pick(&mut rng, 3)];
        let until = now + Duration::from_millis(wait);
        listen(&mut uart, &mut now, until);
    }
    let until = now + Duration::from_secs(20);
    listen(&mut uart, &mut now, until);
    let events = std::iter::from_fn(|| uart.modem(now).poll_event()).collect::<Vec<_>>();
    (heard, uart.take_flags(), format!("{events:?}"))
}

/// Moving bytes at once changes neither bytes nor times nor flags nor what the modem does.
#[test]
fn runs_of_bytes_are_no_different_from_single_ones() {
    let mut long = 0;
    for seed in 0..200 {
        let (fast, slow) = (heard(true, seed), heard(false, seed));
        assert!(fast == slow, "seed {seed}");
        long += usize::from(fast.0.len() > 9000);
    }
    assert!(long > 20, "{long} with much to move");
}

#[test]
fn a_pause_is_where_the_line_falls_silent() {
    let mut host = Host::new(Knobs::default(), UartConfig::default());
    assert_eq!(host.pause(), READY);
    let end = Duration::from_millis(300) + byte_time(115_200) * 9;
    assert_eq!(host.now, Instant::ZERO + end);
    host.ask(b"ATE0\r\n");
    let asked = host.now;
    host.uart.write(host.now, b"AT\r\n");
    assert_eq!(host.pause(), b"\r\nOK\r\n");
    let answered = byte_time(115_200) * 10 + Knobs::default().command_latency;
    assert_eq!(host.now, asked + answered);
    assert_eq!(host.pause(), b"", "nothing comes any more");
    assert_eq!(host.now, asked + answered + Duration::from_secs(1));
}

/// Faults that a test commits when it sees fit.
#[test]
fn faults_can_be_committed_while_it_runs() {
    let mut host = booted(UartConfig::default());
    host.ask(b"ATE0\r\n");
    host.uart.fault_to_host(host.now, Fault::Drop);
    assert_eq!(host.ask(b"AT\r\n"), b"\nOK\r\n");
    host.uart.fault_to_modem(host.now, Fault::Insert(b'?'));
    assert_eq!(host.ask(b"AT\r\n"), b"\r\nERROR\r\n");
    let now = host.now;
    let modem = host.uart.modem(now);
    let next = modem.counts().results;
    modem.knobs_mut().result_faults.push((next, ResultFault::Lost));
    assert_eq!(host.ask(b"AT\r\n"), b"");
    assert_eq!(host.ask(b"AT\r\n"), b"\r\nOK\r\n");
    let now = host.now;
    host.uart.modem(now).interject(now, b"9,CLOSED\r\n");
    host.uart.modem(now).crash(now);
    // What was to be said is lost but for the byte on the wire.
    assert_eq!(host.wait(Duration::from_millis(400)), [b"9", READY].concat());
}

/// A payload that goes out is told apart from what the modem does meanwhile.
#[test]
fn a_reply_on_the_wire_can_be_seen() {
    let mut net = VirtualNet::new(1);
    let page = Script::new([net::Step::Send(vec![b'x'; 100])]);
    net.add_host([10, 0, 0, 1], net::Host::default().tcp(80, page));
    let air = Air::with(AccessPoint::new(b"net", b"password"));
    let modem = Modem::new(Version::V1_5, Knobs::default(), air, net);
    let mut host = Host { uart: Uart::new(modem, UartConfig::default()), now: Instant::ZERO };
    host.wait(Duration::from_millis(400));
    host.ask(b"ATE0\r\n");
    host.ask(b"AT+CWJAP=\"net\",\"password\"\r\n");
    host.wait(Duration::from_secs(5));
    host.say(b"AT+CIPSTART=\"TCP\",\"10.0.0.1\",80\r\n");
    let mut seen = Vec::new();
    for _ in 0..400 {
        let (activity, _) = (host.uart.activity(), host.wait(Duration::from_micros(100)));
        if seen.last() != Some(&activity) {
            seen.push(activity);
        }
    }
    use Activity::{Command, Idle, Reply};
    assert_eq!(seen, [Idle, Command, Idle, Reply, Idle]);
}
