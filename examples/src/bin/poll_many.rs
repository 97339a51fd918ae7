//! One poll over many sockets, a wake and a timer.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket::{CriticalSectionRawMutex, UserWake};
use usocket_example_apps::poll_many;
use usocket_examples::{Network, Printer, Program, Site, Trouble, out, program, seconds};

const HELP: &str = "
Watches 100 UDP sockets, a listener, a timer and a wake by another thread in one
poll, makes some traffic, and shows what becomes ready and when. On a modem, which has
five links, there are 3 UDP sockets.

usage: poll_many [options]

  --ticks N         how many turns of the timer (default: 5)
  --tick SECONDS    time between two (default: 0.2)
{network}
  --help            this text
";

fn main() -> ExitCode {
    program("poll_many", HELP, |mut parser| {
        let (mut ticks, mut tick) = (5, Duration::from_millis(200));
        let mut network = Network::std();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("ticks") => ticks = parser.value()?.parse()?,
                Long("tick") => tick = seconds(&mut parser)?,
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                _ => return Err(arg.unexpected().into()),
            }
        }
        // Two links of a modem's five are the two ends of the connection.
        if network.is_modem() {
            return network.run(Run::<3, 5> { ticks, tick });
        }
        network.run(Run::<100, 102> { ticks, tick })
    })
}

struct Run<const SOCKETS: usize, const ENTRIES: usize> {
    ticks: usize,
    tick: Duration,
}

impl<const SOCKETS: usize, const ENTRIES: usize> Program for Run<SOCKETS, ENTRIES> {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let wake = Arc::new(UserWake::<CriticalSectionRawMutex>::new());
        let done = Arc::new(AtomicBool::new(false));
        let somebody = {
            let (wake, done, pause) = (Arc::clone(&wake), Arc::clone(&done), self.tick * 2 / 3);
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    wake.wake();
                    thread::sleep(pause);
                }
            })
        };
        let (tick, ticks, mut around) = (self.tick, self.ticks, *site);
        let seen =
            poll_many::<B, _, SOCKETS, ENTRIES>(net, &mut around, &wake, tick, ticks, &mut Printer);
        done.store(true, Ordering::Relaxed);
        let _ = somebody.join();
        let seen = seen.map_err(|error| Trouble::of("poll", error))?;
        out(format_args!(
            "{} datagrams, {} connections, {} wakes, {} ticks",
            seen.datagrams, seen.connections, seen.wakes, seen.ticks
        ));
        Ok(())
    }
}
