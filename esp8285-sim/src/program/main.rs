//! The simulated modem on a pseudo-terminal or a TCP port, in real time.
#![forbid(unsafe_code)]

mod demo;
mod options;
mod port;
mod table;
mod trace;

use std::io::Write;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant as Clock};

use esp8285_sim::net::{Network, RealNet};
use esp8285_sim::uart::Uart;
use esp8285_sim::{Activity, Instant, Modem};

use self::options::{Options, Request, World};
use self::port::Incoming;
use self::trace::{Direction, Trace};

fn main() -> ExitCode {
    match begin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if that cannot be said either.
            let _ = writeln!(std::io::stderr(), "esp8285-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn begin() -> Result<(), Box<dyn std::error::Error>> {
    let options = match options::parse(std::env::args_os().skip(1))? {
        Request::Help => return Ok(write!(std::io::stdout(), "{}", table::help())?),
        Request::Run(options) => *options,
    };
    let (incoming, name) = port::open(&options.place)?;
    let mut out = std::io::stdout();
    writeln!(out, "port: {name}")?;
    out.flush()?;
    match options.world {
        World::Real => run(options, RealNet::new(), &incoming),
        World::Virtual => {
            let net = demo::net(options.knobs.seed, &options.clients);
            run(options, net, &incoming)
        }
    }
}

/// Couples the port, the clock and the modem until the port is gone.
fn run<N: Network>(
    options: Options,
    net: N,
    incoming: &Receiver<Incoming>,
) -> Result<(), Box<dyn std::error::Error>> {
    let modem = Modem::new(options.version, options.knobs, options.air, net);
    let mut uart = Uart::new(modem, options.uart);
    let mut trace = Trace::new(options.trace);
    let mut writer: Option<Box<dyn Write + Send>> = None;
    if let Ok(Incoming::Writer(port)) = incoming.try_recv() {
        writer = Some(port);
    }
    let mut pending = Vec::new();
    let began = Clock::now();
    loop {
        let now = Instant::ZERO + began.elapsed();
        let mut buf = [0; 4096];
        let len = uart.read(now, &mut buf);
        trace.bytes(now, Direction::ToHost, &buf[..len]);
        if let Some(port) = &mut writer
            && port.write_all(&buf[..len]).and_then(|()| port.flush()).is_err()
        {
            writer = None;
        }
        while let Some(event) = uart.modem(now).poll_event() {
            trace.event(now, &event);
        }
        // A terminal does not follow `UART_CUR`: the wire always agrees with the modem, but
        // for the noise of a boot.
        if uart.modem(now).activity() != Activity::Booting {
            let baud = uart.modem(now).baud();
            uart.set_baud(now, baud);
        }
        let taken = uart.write(now, &pending);
        pending.drain(..taken);
        match incoming.recv_timeout(wait(&uart, now, !pending.is_empty() || len == buf.len())) {
            Ok(Incoming::Writer(port)) => writer = Some(port),
            Ok(Incoming::Bytes(bytes)) => {
                trace.bytes(Instant::ZERO + began.elapsed(), Direction::ToModem, &bytes);
                pending.extend(bytes);
            }
            Err(RecvTimeoutError::Timeout) if len == 0 => trace.quiet(now),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// How long nothing will happen, if the host says nothing.
fn wait<N: Network>(uart: &Uart<N>, now: Instant, more: bool) -> Duration {
    let until = uart.poll_at().map_or(LONGEST, |at| at.since(now));
    if more { SHORTEST } else { until.clamp(SHORTEST, LONGEST) }
}

/// A thread cannot be woken much more exactly.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(200);
