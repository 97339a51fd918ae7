//! The telemetry uploader against bad networks: one test for each, in virtual time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use usocket::Error;
use usocket_example_apps::telemetry::{Collector, Failure, GaveUp, Policy, Queue, upload};
use usocket_testkit::{Faults, Host, Link, Record, Served, Talk, World};

const COLLECTOR: Collector<'_> =
    Collector { host: "collector.example", port: 80, path: "/readings" };

/// What a collector says that has stored everything.
const STORED: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A station with some readings, and a collector that may misbehave.
struct Station {
    world: World,
    host: Host,
    stored: Stored,
    queue: Queue<64>,
}

/// What the collector has, and how often each reading came.
#[derive(Clone, Default)]
struct Stored(Rc<RefCell<BTreeMap<u32, (i32, u32)>>>);

impl Stored {
    /// Receives a request and stores its readings.
    async fn take(&self, talk: &mut Talk<'_>) -> usocket::Result<()> {
        let head = String::from_utf8(talk.until("\r\n\r\n").await?).unwrap();
        if !head.ends_with("\r\n\r\n") {
            return Err(Error::ECONNRESET);
        }
        assert!(head.starts_with("POST /readings HTTP/1.1\r\n"), "{head:?}");
        assert!(head.contains("\r\nHost: collector.example\r\n"), "{head:?}");
        let announced = head.split("Content-Length: ").nth(1).unwrap();
        let len = announced.split("\r\n").next().unwrap().parse().unwrap();
        let body = talk.exactly(len).await?;
        if body.len() < len {
            return Err(Error::ECONNRESET);
        }
        for line in String::from_utf8(body).unwrap().lines() {
            let (number, value) = line.split_once(' ').unwrap();
            let mut stored = self.0.borrow_mut();
            let entry = stored.entry(number.parse().unwrap()).or_insert((0, 0));
            entry.0 = value.parse().unwrap();
            entry.1 += 1;
        }
        Ok(())
    }

    /// The readings, in the order of their numbers.
    fn values(&self) -> Vec<i32> {
        self.0.borrow().values().map(|&(value, _)| value).collect()
    }

    /// How often the one that came most often came.
    fn most(&self) -> u32 {
        self.0.borrow().values().map(|&(_, count)| count).max().unwrap_or(0)
    }
}

impl Station {
    fn new(seed: u64, readings: i32) -> Self {
        let world = World::new(seed);
        let host = world.host("10.0.0.2");
        world.name(COLLECTOR.host, &["10.0.0.2"]);
        let mut queue = Queue::new();
        (0..readings).for_each(|value| queue.push(value));
        Self { world, host, stored: Stored::default(), queue }
    }

    /// A collector that does `misbehave` first, which says whether it goes on.
    fn collect(&self, misbehave: impl AsyncFn(&mut Talk<'_>) -> bool + 'static) -> Served {
        let stored = self.stored.clone();
        self.host.serve(80, async move |mut talk| {
            if misbehave(&mut talk).await {
                stored.take(&mut talk).await?;
                talk.send(STORED).await?;
            }
            Ok(())
        })
    }

    fn upload(&mut self) -> Result<u32, GaveUp> {
        self.upload_with(&Policy::default())
    }

    fn upload_with(&mut self, policy: &Policy) -> Result<u32, GaveUp> {
        upload(self.world.net(), &COLLECTOR, policy, &mut self.queue, &mut [0; 512])
    }

    /// Everything arrived, and nothing is left behind.
    #[track_caller]
    fn assert_all_stored(&self, readings: i32) {
        assert_eq!(self.stored.values(), (0..readings).collect::<Vec<_>>());
        assert!(self.queue.is_empty());
        self.world.assert_nothing_left();
    }
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let mut station = Station::new(1, 5);
    station.collect(async |talk| {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX:\r\n y\r\n\r\n";
        talk.send(interim).await.is_ok()
    });
    assert_eq!(station.upload(), Ok(5));
    station.assert_all_stored(5);
    assert_eq!(station.stored.most(), 1);
}

#[test]
fn a_good_network() {
    let mut station = Station::new(1, 50);
    let served = station.collect(async |_| true);
    assert_eq!(station.upload(), Ok(50));
    station.assert_all_stored(50);
    // 256 bytes of readings in each request.
    assert_eq!((served.accepted(), station.stored.most()), (2, 1));
    assert!(station.world.now() < secs(1));
}

#[test]
fn a_name_that_does_not_exist_is_not_asked_for_again() {
    let mut station = Station::new(1, 3);
    station.world.set_name(COLLECTOR.host, Record::Unknown);
    let gave_up = GaveUp { last: Failure::Net(Error::EAI_NONAME), failures: 1 };
    assert_eq!(station.upload(), Err(gave_up));
    assert_eq!(station.queue.len(), 3);
    assert!(station.world.now() < secs(1));
}

#[test]
fn a_name_server_that_is_down_for_a_while() {
    for record in [Record::Silent, Record::Failure] {
        let mut station = Station::new(1, 3);
        station.collect(async |_| true);
        station.world.set_name(COLLECTOR.host, record);
        station.world.after(secs(6), |world| world.name(COLLECTOR.host, &["10.0.0.2"]));
        assert_eq!(station.upload(), Ok(3));
        station.assert_all_stored(3);
    }
}

#[test]
fn a_collector_that_restarts_refuses_meanwhile() {
    let mut station = Station::new(1, 3);
    let host = station.host.clone();
    host.set_faults(Faults { refuse: true, ..Faults::NONE });
    station.collect(async |_| true);
    station.world.after(secs(5), move |_| host.set_faults(Faults::NONE));
    assert_eq!(station.upload(), Ok(3));
    // Tried at 0, 1, 3 and 7 seconds.
    assert!((secs(7)..secs(8)).contains(&station.world.now()));
    station.assert_all_stored(3);
}

#[test]
fn a_black_hole_costs_a_bounded_time() {
    let mut station = Station::new(1, 3);
    station.host.set_faults(Faults { silent: true, ..Faults::NONE });
    let gave_up = GaveUp { last: Failure::Net(Error::ETIMEDOUT), failures: 5 };
    assert_eq!(station.upload(), Err(gave_up));
    // Five attempts of 10 s and pauses of 1, 2, 4 and 8.
    assert!((secs(65)..secs(66)).contains(&station.world.now()), "{:?}", station.world.now());
    assert_eq!(station.queue.len(), 3);
    station.world.assert_nothing_left();
}

#[test]
fn a_collector_that_accepts_and_says_nothing() {
    let mut station = Station::new(1, 3);
    station.collect(async |talk| {
        if talk.number() == 0 {
            let _ = talk.hang().await;
        }
        true
    });
    assert_eq!(station.upload(), Ok(3));
    assert!((secs(11)..secs(12)).contains(&station.world.now()), "{:?}", station.world.now());
    station.assert_all_stored(3);
}

#[test]
fn an_answer_byte_by_byte_does_not_hold_it_longer() {
    let mut station = Station::new(1, 3);
    station.collect(async |talk| {
        if talk.number() == 0 {
            let _ = talk.drip(STORED, secs(4)).await;
        }
        talk.number() > 0
    });
    assert_eq!(station.upload(), Ok(3));
    assert!((secs(11)..secs(12)).contains(&station.world.now()), "{:?}", station.world.now());
    station.assert_all_stored(3);
}

#[test]
fn a_lost_answer_makes_doubles_and_loses_nothing() {
    let mut station = Station::new(1, 3);
    let stored = station.stored.clone();
    station.host.serve(80, async move |mut talk| {
        stored.take(&mut talk).await?;
        if talk.number() == 0 { talk.reset() } else { talk.send(STORED).await }
    });
    assert_eq!(station.upload(), Ok(3));
    assert_eq!(station.stored.most(), 2);
    station.assert_all_stored(3);
}

#[test]
fn a_reset_in_the_middle_of_a_request() {
    let mut station = Station::new(1, 40);
    let host = station.host.clone();
    host.set_faults(Faults { reset_after: Some(200), ..Faults::NONE });
    station.collect(async |_| true);
    station.world.after(secs(2), move |_| host.set_faults(Faults::NONE));
    assert_eq!(station.upload(), Ok(40));
    station.assert_all_stored(40);
}

#[test]
fn short_reads() {
    let mut station = Station::new(1, 20);
    station.host.set_faults(Faults { segment: Some(1), ..Faults::NONE });
    station.collect(async |_| true);
    assert_eq!(station.upload(), Ok(20));
    assert_eq!(station.stored.most(), 1);
    station.assert_all_stored(20);
}

#[test]
fn a_long_and_thin_line() {
    let mut station = Station::new(1, 20);
    let line = Faults { latency: secs(1), bandwidth: Some(200), ..Faults::NONE };
    station.host.set_faults(line);
    station.collect(async |_| true);
    assert_eq!(station.upload(), Ok(20));
    assert_eq!(station.stored.most(), 1);
    station.assert_all_stored(20);
}

#[test]
fn a_stall_shorter_than_an_attempt_is_waited_for() {
    let mut station = Station::new(1, 3);
    let served = station.collect(async |_| true);
    station.host.stall(secs(8));
    assert_eq!(station.upload(), Ok(3));
    assert_eq!((served.accepted(), station.stored.most()), (1, 1));
    station.assert_all_stored(3);
}

#[test]
fn a_collector_that_is_overloaded_is_asked_again() {
    for status in ["503 Busy", "429 Slow down", "500 Oops"] {
        let mut station = Station::new(1, 3);
        let (stored, status) = (station.stored.clone(), format!("HTTP/1.1 {status}\r\n\r\n"));
        station.host.serve(80, async move |mut talk| {
            let number = talk.number();
            if number < 2 {
                talk.until("\r\n\r\n").await?;
                talk.until("2 2\n").await?;
                return talk.send(&status).await;
            }
            stored.take(&mut talk).await?;
            talk.send(STORED).await
        });
        assert_eq!(station.upload(), Ok(3));
        assert!((secs(3)..secs(4)).contains(&station.world.now()));
        station.assert_all_stored(3);
    }
}

#[test]
fn only_failures_in_a_row_count_and_pauses_have_an_end() {
    let mut station = Station::new(1, 60);
    // Each second connection is let down.
    let served = station.collect(async |talk| talk.number() % 2 == 1);
    let policy = Policy { failures: 2, ..Policy::default() };
    assert_eq!(station.upload_with(&policy), Ok(60));
    assert_eq!(served.accepted(), 4);
    station.assert_all_stored(60);

    let mut station = Station::new(1, 3);
    station.host.set_faults(Faults { refuse: true, ..Faults::NONE });
    let policy = Policy { failures: 10, longest_pause: secs(4), ..Policy::default() };
    let gave_up = GaveUp { last: Failure::Net(Error::ECONNREFUSED), failures: 10 };
    assert_eq!(station.upload_with(&policy), Err(gave_up));
    // Pauses of 1, 2 and seven times 4 seconds.
    assert!((secs(31)..secs(32)).contains(&station.world.now()), "{:?}", station.world.now());
}

#[test]
fn a_collector_that_does_not_want_them_is_not_asked_again() {
    let mut station = Station::new(1, 3);
    let served = station.host.serve(80, async |mut talk| {
        talk.until("2 2\n").await?;
        talk.send("HTTP/1.1 403 Forbidden\r\n\r\n").await
    });
    assert_eq!(station.upload(), Err(GaveUp { last: Failure::Status(403), failures: 1 }));
    assert_eq!((served.accepted(), station.queue.len()), (1, 3));
}

#[test]
fn something_else_answers() {
    for garbage in ["220 mail.example ESMTP\r\n", "", "HTTP/1.1 20"] {
        let mut station = Station::new(1, 3);
        station.host.serve(80, async move |mut talk| {
            talk.until("2 2\n").await?;
            talk.send(garbage).await
        });
        let gave_up = GaveUp { last: Failure::Answer, failures: 5 };
        assert_eq!(station.upload(), Err(gave_up), "{garbage:?}");
        assert_eq!(station.queue.len(), 3);
        station.world.assert_nothing_left();
    }
}

#[test]
fn a_head_without_end_does_not_overflow() {
    let mut station = Station::new(1, 3);
    station.host.serve(80, async |mut talk| {
        talk.until("2 2\n").await?;
        talk.send("HTTP/1.1 200 OK\r\n").await?;
        loop {
            talk.send("X: y\r\n").await?;
        }
    });
    assert_eq!(station.upload(), Err(GaveUp { last: Failure::Answer, failures: 5 }));
    station.world.assert_nothing_left();
}

#[test]
fn wifi_that_goes_and_comes() {
    let mut station = Station::new(1, 40);
    station.host.set_faults(Faults { bandwidth: Some(200), ..Faults::NONE });
    station.collect(async |_| true);
    station.world.after(secs(1), |world| world.set_link(Link::Down));
    station.world.after(secs(4), |world| world.set_link(Link::Up));
    assert_eq!(station.upload(), Ok(40));
    station.assert_all_stored(40);
}

#[test]
fn a_dead_address_of_the_name_is_passed_over() {
    let mut station = Station::new(1, 3);
    station.world.name(COLLECTOR.host, &["10.0.0.9", "10.0.0.2"]);
    station.collect(async |_| true);
    assert_eq!(station.upload(), Ok(3));
    // The time in which a neighbour is looked for.
    assert!((secs(3)..secs(4)).contains(&station.world.now()), "{:?}", station.world.now());
    station.assert_all_stored(3);
}

#[test]
fn the_oldest_readings_go_when_it_was_offline_for_long() {
    let mut station = Station::new(1, 100);
    station.collect(async |_| true);
    assert_eq!(station.queue.dropped(), 36);
    assert_eq!(station.upload(), Ok(64));
    assert_eq!(station.stored.values(), (36..100).collect::<Vec<_>>());
}

#[test]
fn whatever_the_network_does_for_a_minute_all_arrives() {
    for seed in 0..100 {
        let mut station = Station::new(seed, 40);
        let host = station.host.clone();
        station.collect(async move |talk| match (talk.number() as u64 + seed) % 5 {
            0 => talk.until("\r\n\r\n").await.is_err(),
            1 => talk.drip("HTTP/1.1", secs(3)).await.is_err(),
            _ => true,
        });
        host.set_faults(Faults {
            latency: Duration::from_millis(seed * 7 % 900),
            bandwidth: (seed % 3 == 0).then_some(150),
            segment: (seed % 2 == 0).then_some(5),
            reset_after: (seed % 7 < 4).then_some(100 + seed),
            silent: seed % 11 == 0,
            ..Faults::NONE
        });
        station.world.after(secs(seed % 50), |world| world.set_link(Link::Down));
        station.world.after(secs(seed % 50 + 5), |world| world.set_link(Link::Up));
        station.world.after(secs(60), move |_| host.set_faults(Faults::NONE));
        let policy = Policy { failures: 20, longest_pause: secs(8), ..Policy::default() };
        assert_eq!(station.upload_with(&policy), Ok(40), "seed {seed}");
        station.assert_all_stored(40);
    }
}
