//! The std backend against `std::net`, `polling` and `mio`.

pub mod contender;
pub mod datagrams;
pub mod ops;
pub mod peers;
pub mod polls;
pub mod streams;

use std::cell::RefCell;
use std::time::Duration;

use self::contender::{Ours, Plain};
use self::polls::{MOST, MioPoll, OurPoll, PollingPoll, Standing, Traffic, Waiter};
use self::streams::Buffers;
use crate::machine::{Cores, pin};
use crate::pairs::{Paired, Plan, Sample, compare};
use crate::table::{Line, Target, cost, rate};

/// Takes the lines whose name contains `only`; `done` hears of each.
pub fn run(plan: &Plan, only: &str, done: &mut dyn FnMut(&Line)) -> Vec<Line> {
    let mut suite = Suite { plan, only, done, lines: Vec::new() };
    let two = Cores::two(plan.pin);
    pin(two.first);
    suite.streams(two);
    suite.connections(two);
    suite.line("UDP, 64 byte, send and receive", "std::net", "packet", Target::Rate, |line| {
        line(&mut |n| datagrams::packets(Ours, n), &mut |n| datagrams::packets(Plain, n));
    });
    for sockets in [10, 100, MOST] {
        suite.polls(sockets);
    }
    suite.growth();
    suite.lines
}

/// Runs one comparison with our sample and the peer's.
type Compare<'a> = &'a mut dyn FnMut(Sample<'_>, Sample<'_>);

struct Suite<'a> {
    plan: &'a Plan,
    only: &'a str,
    done: &'a mut dyn FnMut(&Line),
    lines: Vec<Line>,
}

impl Suite<'_> {
    fn streams(&mut self, two: Cores) {
        for (name, chunk) in [("64 KiB", 64 << 10), ("1 KiB", 1 << 10)] {
            let buffers = &RefCell::new(Buffers::new(chunk));
            let what = format!("bulk, {name} buffers, two threads");
            self.line(&what, "std::net", "B", Target::AtLeast(0.98), |line| {
                line(&mut |n| streams::bulk(Ours, two, &mut buffers.borrow_mut(), n), &mut |n| {
                    streams::bulk(Plain, two, &mut buffers.borrow_mut(), n)
                });
            });
            let what = format!("bulk, {name} buffers, send and recv in turn");
            self.line(&what, "std::net", "B", Target::AtLeast(0.98), |line| {
                line(&mut |n| streams::in_turn(Ours, &mut buffers.borrow_mut(), n), &mut |n| {
                    streams::in_turn(Plain, &mut buffers.borrow_mut(), n)
                });
            });
        }
        for (name, cores) in [("one core", two.one()), ("two cores", two)] {
            let what = format!("ping-pong, 1 byte, two threads on {name}");
            self.line(&what, "std::net", "round", Target::AtLeast(0.97), |line| {
                line(&mut |n| streams::ping_pong(Ours, cores, n), &mut |n| {
                    streams::ping_pong(Plain, cores, n)
                });
            });
        }
    }

    fn connections(&mut self, two: Cores) {
        self.line("connect, accept, close, one thread", "std::net", "conn", ACCEPTS, |line| {
            line(&mut |n| streams::connections(Ours, n), &mut |n| streams::connections(Plain, n));
        });
        self.line("accept and close, connected elsewhere", "std::net", "conn", ACCEPTS, |line| {
            line(&mut |n| streams::accepts(Ours, two, n), &mut |n| streams::accepts(Plain, two, n));
        });
    }

    fn polls(&mut self, sockets: usize) {
        let what = format!("poll, {sockets} sockets, one stays ready");
        let target = if sockets == MOST { Target::AtMost(1.1) } else { Target::Cost };
        self.line(&what, "polling", "", target, |line| {
            line(
                &mut sampler(Standing::<OurPoll>::new(sockets)),
                &mut sampler(Standing::<PollingPoll>::new(sockets)),
            );
        });
        let what = format!("send, poll, recv, {sockets} sockets in rotation");
        self.line(&what, "polling", "", Target::Cost, |line| {
            line(
                &mut rotation(Traffic::<OurPoll>::new(sockets)),
                &mut rotation(Traffic::<PollingPoll>::new(sockets)),
            );
        });
        self.line(&what, "mio", "", Target::Cost, |line| {
            line(
                &mut rotation(Traffic::<OurPoll>::new(sockets)),
                &mut rotation(Traffic::<MioPoll>::new(sockets)),
            );
        });
    }

    fn growth(&mut self) {
        let what = format!("poll, {MOST} sockets over 10, one stays ready");
        self.line(&what, "itself", "", Target::AtMost(1.5), |line| {
            line(
                &mut sampler(Standing::<OurPoll>::new(MOST)),
                &mut sampler(Standing::<OurPoll>::new(10)),
            );
        });
    }

    /// One line of the table, if it is wanted.
    fn line(
        &mut self,
        what: &str,
        peer: &str,
        unit: &str,
        target: Target,
        measure: impl FnOnce(Compare<'_>),
    ) {
        if !what.contains(self.only) {
            return;
        }
        let mut paired: Option<Paired> = None;
        measure(&mut |ours, peer| paired = Some(compare(self.plan, ours, peer)));
        let Some(paired) = paired else { return };
        let show =
            |seconds: f64| if unit.is_empty() { cost(seconds) } else { rate(1.0 / seconds, unit) };
        let line = Line {
            what: what.into(),
            peer: peer.into(),
            ours: show(paired.ours()),
            theirs: show(paired.peer()),
            ratio: if target.is_cost() { paired.costs() } else { paired.rates() },
            target,
        };
        (self.done)(&line);
        self.lines.push(line);
    }
}

fn sampler<W: Waiter>(mut standing: Standing<W>) -> impl FnMut(u64) -> Duration {
    move |count| standing.run(count)
}

fn rotation<W: Waiter>(mut traffic: Traffic<W>) -> impl FnMut(u64) -> Duration {
    move |count| traffic.run(count)
}

/// Connections per second over those of the peer.
const ACCEPTS: Target = Target::AtLeast(0.95);
