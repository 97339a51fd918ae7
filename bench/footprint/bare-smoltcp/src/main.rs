//! Connects to a numeric address, GETs and checks the hash, on smoltcp without anything else.
//!
//! As a careful program would: each wait has a limit, a refused connection is told from one that
//! nobody answers and from one that breaks, sleep ends when the stack or the controller wants
//! attention, and the end waits until the peer has acknowledged what was sent.
#![no_std]
#![no_main]

use footprint_board::{ADDRESS, Get, Network, OWN, PORT, Place, REQUEST, TICKS};
use footprint_network::Port;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Address};

/// Of the connection's buffers.
const BYTES: usize = footprint_board::size(option_env!("FOOTPRINT_BYTES"), 2048);

/// How long a single step may take, and the end.
const PATIENCE: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_secs(10);

struct Memory {
    rx: [u8; BYTES],
    tx: [u8; BYTES],
    sockets: [SocketStorage<'static>; 1],
}

static MEMORY: Place<Memory> = Place::new();
static STACK: Place<Stack> = Place::new();

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let outcome = start().and_then(download);
    footprint_board::finish(outcome.unwrap_or(false))
}

#[derive(Debug)]
enum Failure {
    /// No address or route could be set.
    Setup,
    Refused,
    TimedOut,
    Broken,
}

struct Stack {
    device: Port,
    iface: Interface,
    set: SocketSet<'static>,
    tcp: SocketHandle,
}

fn start() -> Result<&'static mut Stack, Failure> {
    // SAFETY: once.
    let mut device = Port::new(unsafe { Network::new() });
    #[cfg(feature = "ethernet")]
    let hardware =
        HardwareAddress::Ethernet(smoltcp::wire::EthernetAddress(footprint_board::HARDWARE));
    #[cfg(not(feature = "ethernet"))]
    let hardware = HardwareAddress::Ip;
    let mut config = Config::new(hardware);
    config.random_seed = footprint_board::now();
    let mut iface = Interface::new(config, &mut device, now());
    let (address, prefix, router) = OWN;
    let mut room = true;
    iface.update_ip_addrs(|own| {
        room = own.push(IpCidr::new(Ipv4Address::from(address).into(), prefix)).is_ok();
    });
    let routed = iface.routes_mut().add_default_ipv4_route(router.into());
    if !room || routed.is_err() {
        return Err(Failure::Setup);
    }
    let memory =
        MEMORY.put(|| Memory { rx: [0; BYTES], tx: [0; BYTES], sockets: [SocketStorage::EMPTY] });
    let mut set = SocketSet::new(&mut memory.sockets[..]);
    let buffers =
        (tcp::SocketBuffer::new(&mut memory.rx[..]), tcp::SocketBuffer::new(&mut memory.tx[..]));
    let tcp = set.add(tcp::Socket::new(buffers.0, buffers.1));
    Ok(STACK.put(|| Stack { device, iface, set, tcp }))
}

fn download(stack: &mut Stack) -> Result<bool, Failure> {
    stack.connect()?;
    let mut rest = REQUEST;
    while !rest.is_empty() {
        rest = &rest[stack.send(rest)?..];
    }
    let mut get = Get::default();
    let mut page = [0; 128];
    loop {
        let len = stack.recv(&mut page)?;
        if len == 0 || get.feed(&page[..len]) {
            break;
        }
    }
    stack.close()?;
    Ok(get.is_good())
}

impl Stack {
    fn connect(&mut self) -> Result<(), Failure> {
        let local = 49_152 + (footprint_board::now() & 0x3fff) as u16;
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.tcp);
        let to = (Ipv4Address::from(ADDRESS), PORT);
        socket.connect(self.iface.context(), to, local).map_err(|_| Failure::Setup)?;
        self.wait(PATIENCE, &mut |socket| match socket.state() {
            tcp::State::SynSent | tcp::State::SynReceived => Ok(None),
            tcp::State::Closed => Err(Failure::Refused),
            _ => Ok(Some(0)),
        })?;
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        self.wait(PATIENCE, &mut |socket| match socket.send_slice(bytes) {
            Ok(0) => Ok(None),
            Ok(taken) => Ok(Some(taken)),
            Err(_) => Err(Failure::Broken),
        })
    }

    /// What has come; 0 is the end of the stream.
    fn recv(&mut self, page: &mut [u8]) -> Result<usize, Failure> {
        self.wait(PATIENCE, &mut |socket| match socket.recv_slice(page) {
            Ok(0) => Ok(None),
            Ok(given) => Ok(Some(given)),
            Err(tcp::RecvError::Finished) => Ok(Some(0)),
            Err(tcp::RecvError::InvalidState) => Err(Failure::Broken),
        })
    }

    /// Until the peer has everything; our FIN, too.
    fn close(&mut self) -> Result<(), Failure> {
        self.set.get_mut::<tcp::Socket<'_>>(self.tcp).close();
        self.wait(LINGER, &mut |socket| match socket.state() {
            tcp::State::FinWait2 | tcp::State::TimeWait | tcp::State::Closed => Ok(Some(0)),
            _ => Ok(None),
        })?;
        Ok(())
    }

    /// Moves the stack until a step is done, at most so long.
    fn wait(&mut self, limit: Duration, step: &mut Step<'_>) -> Result<usize, Failure> {
        let deadline = now() + limit;
        loop {
            let time = now();
            self.iface.poll(time, &mut self.device, &mut self.set);
            if let Some(done) = step(self.set.get_mut(self.tcp))? {
                // What it queued goes out at once.
                self.iface.poll(now(), &mut self.device, &mut self.set);
                return Ok(done);
            }
            if time >= deadline {
                self.set.get_mut::<tcp::Socket<'_>>(self.tcp).abort();
                return Err(Failure::TimedOut);
            }
            let until = self.iface.poll_at(time, &self.set).map_or(deadline, |at| at.min(deadline));
            let until = u64::try_from(until.total_micros()).unwrap_or(0);
            let ticks = until.saturating_mul(TICKS / 100_000) / 10;
            footprint_board::idle(ticks, &mut footprint_board::frame_came);
        }
    }
}

/// One attempt: `None` is not yet.
type Step<'s> = dyn FnMut(&mut tcp::Socket<'static>) -> Result<Option<usize>, Failure> + 's;

fn now() -> Instant {
    let micros = footprint_board::now() * 10 / (TICKS / 100_000);
    Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}
