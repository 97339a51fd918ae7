//! `esp-at-nal` as it is joins, downloads, uploads and echoes through the simulator.

use std::time::Duration;

use esp8285_sim::uart::{Receiver, RxFlags, UartConfig};
use esp8285_sim::{Knobs, Version};
use esp8285_sim_peers::{Failure, Setup, download, echo, upload};

/// Passive receive is all it knows, so 1.5 is not for it.
const VERSIONS: [Version; 5] =
    [Version::V1_7_0, Version::V1_7_2, Version::V1_7_6, Version::V2_1, Version::V2_2];

fn setup(version: Version, baud: u32) -> Setup {
    Setup { version, uart: UartConfig { baud, ..UartConfig::default() }, ..Setup::default() }
}

/// Payload bits by wire bits, in per cent.
fn efficiency(bytes: usize, time: Duration, baud: f64) -> f64 {
    bytes as f64 * 1000.0 / (time.as_secs_f64() * baud)
}

#[test]
fn it_downloads_on_every_firmware_with_passive_receive() {
    for version in VERSIONS {
        let report = download::<1024, 1024>(&setup(version, 115_200), 1, 20_000);
        let report = report.unwrap_or_else(|why| panic!("{version:?}: {why}"));
        assert_eq!((report.bytes, report.flags), (20_000, RxFlags::default()), "{version:?}");
        let share = efficiency(report.bytes, report.time, 115_200.0);
        assert!((50.0..100.0).contains(&share), "{version:?}: {share} per cent");
    }
}

#[test]
fn it_downloads_on_five_sockets_at_once() {
    let report = download::<1024, 1024>(&setup(Version::V1_7_6, 921_600), 5, 5_000);
    assert_eq!(report.map(|report| report.bytes), Ok(25_000));
}

#[test]
fn it_uploads() {
    for version in VERSIONS {
        let report = upload::<2048, 256>(&setup(version, 115_200), 2, 10_000, 2048);
        let report = report.unwrap_or_else(|why| panic!("{version:?}: {why}"));
        let share = efficiency(report.bytes, report.time, 115_200.0);
        assert!((50.0..100.0).contains(&share), "{version:?}: {share} per cent");
    }
}

/// Its pause after each command is most of a round trip.
#[test]
fn it_echoes_and_waits_for_its_cooldown() {
    let (slow, fast) = (echo_time(20, 4), echo_time(5, 4));
    let (slow, fast) = (slow.expect("echoes"), fast.expect("echoes"));
    assert!(slow > fast + Duration::from_millis(20), "{slow:?} and {fast:?}");
    assert!(fast > Duration::from_millis(10), "{fast:?} is less than the peer's round trip");
}

/// It takes the `OK` of `CIPSEND` for the prompt: only the cooldown keeps the two apart.
#[test]
fn it_sends_before_the_prompt() {
    assert!(matches!(echo_time(0, 4), Err(Failure::Driver("send", _))));
    assert!(echo_time(0, 2).is_ok(), "OK and the prompt come together");
}

/// What an echo of 32 bytes takes with this cooldown and this time to the prompt.
fn echo_time(cooldown: u64, prompt: u64) -> Result<Duration, Failure> {
    let [cooldown, prompt_latency] = [cooldown, prompt].map(Duration::from_millis);
    let knobs = Knobs { prompt_latency, ..Knobs::default() };
    let setup = Setup { cooldown, knobs, ..Setup::default() };
    echo::<256, 256>(&setup, 32, 10).map(|report| report.time / 10)
}

/// The same setup gives the same time to the nanosecond.
#[test]
fn a_run_replays() {
    let play = || download::<1024, 512>(&setup(Version::V2_2, 460_800), 2, 3_000);
    assert_eq!(play(), play());
}

/// The harness notices what goes wrong.
#[test]
fn lost_bytes_are_no_success() {
    let irq_latency = Duration::from_millis(5);
    let receiver = Receiver { irq_latency, ..Receiver::default() };
    let uart = UartConfig { receiver, ..UartConfig::default() };
    let lost = Setup { uart, ..setup(Version::V1_7_6, 115_200) };
    assert!(matches!(download::<1024, 1024>(&lost, 1, 20_000), Err(Failure::Driver(..))));
    let short = Setup { limit: Duration::from_secs(4), ..setup(Version::V1_7_6, 115_200) };
    assert_eq!(download::<1024, 1024>(&short, 1, 20_000), Err(Failure::TooLate));
}
