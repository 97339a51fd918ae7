//! Async without an operating system: two tasks talk to a server, each on its own connection,
//! beside the backend's runner. The hart sleeps while all three wait.
//!
//! Where the echo server is says the setting `echo`.
#![no_std]
#![no_main]

use core::net::SocketAddrV4;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use embassy_executor::Spawner;
use embassy_time::{Instant, Timer};
use riscv_rt::entry;
use static_cell::{ConstStaticCell, StaticCell};
use usocket::CriticalSectionRawMutex;
use usocket::prelude::*;
use usocket::smoltcp::{Config, OWN, Storage};
use usocket::spi::Link;
use usocket_example_apps::Journal;
use virt_board::{Board, Console, Executor, Nic, finish, on_frames, setting, slept};

/// The backend: the interrupt handler uses it too, so its lock masks interrupts.
type Net = usocket::smoltcp::Net<'static, Nic, Board, CriticalSectionRawMutex>;
type Memory = Storage<'static, 4, 2, 2048, 2048, 1, 7360, 4, { 2 + 1 + OWN }>;

/// Tasks that talk.
const TASKS: usize = 2;

/// Messages of each.
const ROUNDS: u32 = 25;

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(20);

/// Messages of each task that came back.
static DONE: [AtomicU32; TASKS] = [const { AtomicU32::new(0) }; TASKS];

/// The task whose message came back last, and how often that was another one than before.
static LAST: AtomicU32 = AtomicU32::new(0);
static TURNS: AtomicU32 = AtomicU32::new(0);

#[entry]
fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net> = StaticCell::new();
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let Some(nic) = Nic::take() else { fail("no network interface") };
    let config = Config::ethernet(nic.address()).dhcp();
    let Ok(net) = Net::new(nic, Board, &config, MEMORY.take()) else { fail("no network") };
    let net = &*NET.init(net);
    on_frames(net);
    EXECUTOR.init(Executor::new()).run(|spawner| spawn(spawner, net))
}

fn spawn(spawner: Spawner, net: &'static Net) {
    let server = setting("echo").and_then(|text| text.parse().ok());
    let Some(server) = server else { fail("no setting `echo`") };
    match (runner(net), talk(net, server, 0), talk(net, server, 1)) {
        (Ok(runner), Ok(first), Ok(second)) => {
            spawner.spawn(runner);
            spawner.spawn(first);
            spawner.spawn(second);
        }
        _ => fail("no room for a task"),
    }
}

/// Drives the backend.
#[embassy_executor::task]
async fn runner(net: &'static Net) {
    net.run(|until| async move {
        match until {
            Some(until) => Timer::at(Instant::from_micros(until.as_micros())).await,
            None => core::future::pending().await,
        }
    })
    .await;
}

#[embassy_executor::task(pool_size = TASKS)]
async fn talk(net: &'static Net, server: SocketAddrV4, number: usize) {
    if let Err(error) = converse(net, server, number).await {
        Console::new().line(format_args!("task {number}: {error}"));
        finish(Err(()));
    }
    if DONE.iter().all(|done| done.load(Ordering::Relaxed) == ROUNDS) {
        report();
    }
}

/// Sends messages, and waits for each to come back.
async fn converse(net: &'static Net, server: SocketAddrV4, number: usize) -> usocket::Result<()> {
    while net.link() != Link::Up {
        Timer::after_millis(10).await;
    }
    let socket = net.tcp()?;
    socket.settimeout(10)?;
    let socket = socket.asynch();
    socket.connect((*server.ip(), server.port())).await?;
    for round in 0..ROUNDS {
        let message = [number.to_le_bytes()[0], round.to_le_bytes()[0]].map(u32::from);
        let message = (message[0] << 8 | message[1]).to_be_bytes();
        socket.sendall(message).await?;
        let mut answer = [0; 4];
        if socket.read(&mut answer).await? != 4 || answer != message {
            return Err(usocket::Error::EIO);
        }
        DONE[number].fetch_add(1, Ordering::Relaxed);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if LAST.swap(number, Ordering::Relaxed) != number {
            TURNS.fetch_add(1, Ordering::Relaxed);
        }
        Timer::after_micros(u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX)).await;
    }
    Ok(())
}

/// Both tasks are through: says what it took.
fn report() -> ! {
    let (sleeps, slept) = slept();
    let (turns, all) =
        (TURNS.load(Ordering::Relaxed), Duration::from_micros(Instant::now().as_micros()));
    Console::new().line(format_args!(
        "{TASKS} tasks, {ROUNDS} messages each, {turns} turns between them; \
         asleep {sleeps} times, {} of {} ms",
        slept.as_millis(),
        all.as_millis(),
    ));
    // One after the other would be one turn, and a hart that looks all the time would never
    // sleep. On a computer that is busy both take longer than they would: hence the margins.
    let good = turns >= ROUNDS / 3 && sleeps >= ROUNDS && slept >= all / 4;
    finish(if good { Ok(()) } else { Err(()) })
}

fn fail(what: &str) -> ! {
    Console::new().line(format_args!("{what}"));
    finish(Err(()))
}
