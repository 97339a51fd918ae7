//! Async without an operating system: two tasks receive a stream each, beside the driver's runner,
//! and check every byte. The hart sleeps while all three wait.
//!
//! The emulator's server has the streams.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use embassy_executor::Spawner;
use embassy_time::{Instant, Timer};
use maix_board::{Board, Executor, finish, on_bytes, slept};
use maix_firmware::{BYTES, KEY, Modem, SEND_TO, SSID, Start, config, numbered, start};
use static_cell::{ConstStaticCell, StaticCell};
use usocket::CriticalSectionRawMutex;
use usocket::esp8285::{Esp8285, Resources};
use usocket::prelude::*;
use usocket_example_apps::Journal;

maix_board::program!(main);

/// The interrupt handler wakes the runner, so the lock masks interrupts.
type Net = Esp8285<'static, Modem, Board, CriticalSectionRawMutex>;
type Memory = Resources<TASKS, TASKS, BYTES, 64>;

/// Tasks that receive.
const TASKS: usize = 2;

/// After so many bytes a task rests.
const PIECE: u32 = 8000;
const REST_MS: u64 = 100;

/// At the end nobody has anything to do for so long.
const IDLE_S: u64 = 2;

/// Bytes of each stream, and those that were wrong.
static RECEIVED: [AtomicU32; TASKS] = [const { AtomicU32::new(0) }; TASKS];
static WRONG: AtomicU32 = AtomicU32::new(0);

/// Streams that have ended, and the last error of anybody.
static ENDED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicU32 = AtomicU32::new(0);

/// 1 when all streams have ended, 2 when the rest is over too.
static DONE: AtomicU32 = AtomicU32::new(0);

/// The task that received last, and how often that was another one than before.
static LAST: AtomicU32 = AtomicU32::new(0);
static TURNS: AtomicU32 = AtomicU32::new(0);

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net> = StaticCell::new();
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let Start { uart, mut console, .. } = start();
    let net = &*NET.init_with(|| Esp8285::with_config(uart, Board, MEMORY.take(), config()));
    on_bytes(net);
    let executor = &*EXECUTOR.init(Executor::new());
    executor.run_until(|spawner| spawn(spawner, net), || DONE.load(Ordering::Relaxed) > 0);
    for (which, received) in RECEIVED.iter().enumerate() {
        console.line(format_args!("stream {which}: {} bytes", received.load(Ordering::Relaxed)));
    }
    let (sleeps, asleep) = slept();
    console.line(format_args!(
        "{TASKS} tasks, {} wrong, {} turns, asleep {sleeps} times, {} of {} ms",
        WRONG.load(Ordering::Relaxed),
        TURNS.load(Ordering::Relaxed),
        asleep.as_millis(),
        Instant::now().as_millis()
    ));
    // The runner and a timer only.
    executor.run_until(|_| {}, || DONE.load(Ordering::Relaxed) > 1);
    console.line(format_args!("then asleep {} times in {IDLE_S} s", slept().0 - sleeps));
    let good = WRONG.load(Ordering::Relaxed) == 0 && FAILED.load(Ordering::Relaxed) == 0;
    finish(&mut console, if good { Ok(()) } else { Err(()) })
}

fn spawn(spawner: Spawner, net: &'static Net) {
    // There is room for each of these once.
    if let (Ok(runner), Ok(whole)) = (runner(net), whole(net, spawner)) {
        spawner.spawn(runner);
        spawner.spawn(whole);
    }
}

/// Drives the modem.
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

/// Joins, lets the others receive, and rests.
#[embassy_executor::task]
async fn whole(net: &'static Net, spawner: Spawner) {
    match net.connect_async(SSID, KEY).await {
        Ok(()) => {
            for which in 0..TASKS {
                if let Ok(task) = stream(net, which) {
                    spawner.spawn(task);
                }
            }
            while ENDED.load(Ordering::Relaxed) < TASKS {
                Timer::after_millis(REST_MS).await;
            }
        }
        Err(error) => failed(error),
    }
    DONE.store(1, Ordering::Relaxed);
    Timer::after_secs(IDLE_S).await;
    DONE.store(2, Ordering::Relaxed);
}

#[embassy_executor::task(pool_size = TASKS)]
async fn stream(net: &'static Net, which: usize) {
    if let Err(error) = receive(net, which).await {
        failed(error);
    }
    ENDED.fetch_add(1, Ordering::Relaxed);
}

/// Receives a stream to its end.
async fn receive(net: &'static Net, which: usize) -> usocket::Result<()> {
    let number = u32::try_from(which).unwrap_or(u32::MAX);
    let socket = net.tcp()?;
    socket.settimeout(30)?;
    let socket = socket.asynch();
    socket.connect((SEND_TO.0, 9000 + number.to_le_bytes()[0] as u16)).await?;
    let (mut buf, mut len, mut rest) = ([0; 512], 0, PIECE);
    loop {
        let got = socket.recv(&mut buf).await?;
        if got == 0 {
            return Ok(());
        }
        for byte in &buf[..got] {
            if *byte != numbered(len * 5 + number) {
                WRONG.fetch_add(1, Ordering::Relaxed);
            }
            len += 1;
        }
        RECEIVED[which].store(len, Ordering::Relaxed);
        if LAST.swap(number, Ordering::Relaxed) != number {
            TURNS.fetch_add(1, Ordering::Relaxed);
        }
        if len >= rest {
            rest += PIECE;
            Timer::after_millis(REST_MS).await;
        }
    }
}

fn failed(error: usocket::Error) {
    FAILED.store(error.errno().unsigned_abs(), Ordering::Relaxed);
}
