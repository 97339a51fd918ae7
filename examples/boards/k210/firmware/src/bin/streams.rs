//! A test of the way of bytes: five sockets receive at once, one of them read slowly, and every
//! byte is checked. The emulator's server has the streams.
#![no_std]
#![no_main]

use core::time::Duration;

use maix_board::{Board, finish};
use maix_firmware::{BYTES, KEY, Net, SEND_TO, SSID, Start, config, numbered, start};
use static_cell::{ConstStaticCell, StaticCell};
use usocket::esp8285::Resources;
use usocket::prelude::*;
use usocket::spi::Platform;
use usocket_example_apps::Journal;

maix_board::program!(main);

/// All links that the modem has.
const STREAMS: usize = 5;

type Memory = Resources<STREAMS, STREAMS, BYTES, 64>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net<'static>> = StaticCell::new();
    let Start { uart, mut console, .. } = start();
    let net = NET.init_with(|| Net::with_config(uart, Board, MEMORY.take(), config()));
    let outcome = match run(net, &mut console) {
        Ok(true) => Ok(()),
        Ok(false) => Err(()),
        Err(error) => {
            console.line(format_args!("{error}"));
            Err(())
        }
    };
    console.line(format_args!("losses {}", net.stats().lost));
    finish(&mut console, outcome)
}

/// What has come on one socket.
struct Stream<'n> {
    socket: Socket<'n, Net<'n>>,
    len: u32,
    wrong: u32,
    /// How it ended; `None` is the end of the stream.
    end: Option<Option<Error>>,
}

impl Stream<'_> {
    /// Takes one piece of at most so many bytes.
    fn take(&mut self, which: u32, most: usize) {
        let mut buf = [0; 1024];
        match self.socket.recv(&mut buf[..most]) {
            Ok(0) => self.end = Some(None),
            Ok(len) => {
                for byte in &buf[..len] {
                    self.wrong += u32::from(*byte != numbered(self.len * 5 + which));
                    self.len += 1;
                }
            }
            Err(Error::EAGAIN) => {}
            Err(error) => self.end = Some(Some(error)),
        }
    }
}

/// Whether no byte was wrong.
fn run(net: &'static Net<'static>, console: &mut impl Journal) -> Result<bool> {
    net.connect(SSID, KEY)?;
    let mut streams = heapless::Vec::<Stream<'_>, STREAMS>::new();
    for port in (9000_u16..).take(STREAMS) {
        let socket = net.tcp()?;
        socket.settimeout(10)?;
        socket.connect((SEND_TO.0, port))?;
        socket.setblocking(false)?;
        // As many as there is room for.
        let _ = streams.push(Stream { socket, len: 0, wrong: 0, end: None });
    }
    receive(net, &mut streams)?;
    for (which, stream) in streams.iter().enumerate() {
        let Stream { len, wrong, end, .. } = stream;
        match end {
            Some(Some(error)) => {
                console.line(format_args!("stream {which}: {len} bytes, {wrong} wrong, {error}"));
            }
            Some(None) => {
                console.line(format_args!("stream {which}: {len} bytes, {wrong} wrong, end"));
            }
            None => console.line(format_args!("stream {which}: {len} bytes, {wrong} wrong, open")),
        }
    }
    Ok(streams.iter().all(|stream| stream.wrong == 0 && stream.end.is_some()))
}

fn receive(net: &'static Net<'static>, streams: &mut [Stream<'static>]) -> Result<()> {
    let mut poll = Poll::<STREAMS>::new(net);
    // Not the first one, which is read when its time has come.
    for stream in &mut streams[1..] {
        poll.register(&stream.socket, POLLIN)?;
    }
    let limit = Board.now() + LIMIT;
    let mut slow = Board.now();
    while streams.iter().any(|stream| stream.end.is_none()) && Board.now() < limit {
        if Board.now() >= slow && streams[0].end.is_none() {
            streams[0].take(0, SLOW_BYTES);
            slow = slow + SLOW;
        }
        poll.poll(10)?;
        while let Some(ready) = poll.next_ready() {
            let mut named = (0..).zip(&mut *streams);
            if let Some((which, stream)) = named.find(|(_, stream)| ready.is(&stream.socket)) {
                stream.take(which, 1024);
                if stream.end.is_some() {
                    poll.unregister(&stream.socket);
                }
            }
        }
    }
    Ok(())
}

/// 12.8 KB a second.
const SLOW: Duration = Duration::from_millis(20);
const SLOW_BYTES: usize = 256;

/// More than the slow one takes.
const LIMIT: Duration = Duration::from_secs(60);
