//! The conformance kit's world: this backend on the loopback, and a peer made
//! of threads with sockets of the operating system.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::Socket;
use usocket_backend_std::StdNet;
use usocket_conformance::{Actor, Caps, Harness, Peer, Report, Step};
use usocket_core::spi::Handle;
use usocket_core::{Error, Family, Result, SockAddr};

use super::script::Script;
use super::{Silent, has_ipv6, refusing_at};

/// This backend and a peer, both on the loopback.
pub(crate) struct StdHarness {
    net: StdNet,
    peer: ThreadPeer,
    caps: Caps,
}

impl StdHarness {
    /// A new backend and a peer with nothing running.
    pub(crate) fn new() -> Self {
        lower_limit();
        let caps = Caps {
            ipv6: has_ipv6(),
            server: true,
            udp: true,
            multicast: has_multicast(),
            broadcast: true,
            half_close: true,
            reset: true,
            time_wait: true,
            reuse_addr: true,
            linger: true,
            client_port: true,
            empty_datagrams: true,
            keep_alive: true,
            no_delay: true,
            port_unreachable: true,
            fileno: cfg!(unix),
            local_address: cfg!(target_os = "linux"),
            max_datagram: 65_507,
            max_sockets: None,
        };
        Self { net: StdNet::new(), peer: ThreadPeer::new(caps.ipv6), caps }
    }
}

impl Harness for StdHarness {
    type Net = StdNet;

    fn net(&self) -> &StdNet {
        &self.net
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn peer(&self) -> &dyn Peer {
        &self.peer
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => Some(Ipv4Addr::LOCALHOST.into()),
            Family::V6 => self.caps.ipv6.then_some(Ipv6Addr::LOCALHOST.into()),
        }
    }

    #[cfg(unix)]
    fn fileno(&self, handle: Handle) -> Result<i32> {
        Ok(self.net.fileno(handle))
    }

    fn pass(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// One thread per script.
pub(crate) struct ThreadPeer {
    ipv4: Ipv4Addr,
    ipv6: bool,
    scripts: Mutex<Scripts>,
    /// Kept open, as the address would not be silent otherwise.
    silent: Mutex<HashMap<Family, Silent>>,
    /// Kept bound, as somebody else might listen there otherwise.
    refusing: Mutex<HashMap<Family, (Socket, SockAddr)>>,
}

#[derive(Default)]
struct Scripts {
    running: HashMap<usize, Script>,
    last: usize,
}

impl ThreadPeer {
    fn new(ipv6: bool) -> Self {
        // Linux has all of 127/8; other systems have the one address.
        let own = Ipv4Addr::new(127, 0, 0, 2);
        let ipv4 = if UdpSocket::bind((own, 0)).is_ok() { own } else { Ipv4Addr::LOCALHOST };
        Self {
            ipv4,
            ipv6,
            scripts: Mutex::default(),
            silent: Mutex::default(),
            refusing: Mutex::default(),
        }
    }

    fn scripts(&self) -> std::sync::MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part of a script that outlives the lock.
    fn script(&self, actor: Actor) -> super::script::Shared {
        let scripts = self.scripts();
        scripts.running.get(&actor.0).expect("a script that was not stopped").shared()
    }

    fn host(&self, family: Family) -> IpAddr {
        self.ip(family).expect("a family that the harness has")
    }
}

impl Peer for ThreadPeer {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => Some(self.ipv4.into()),
            Family::V6 => self.ipv6.then_some(Ipv6Addr::LOCALHOST.into()),
        }
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        let script = Script::start(self.ipv4, script.to_vec()).map_err(|_| Error::ENOMEM)?;
        let mut scripts = self.scripts();
        scripts.last += 1;
        let number = scripts.last;
        scripts.running.insert(number, script);
        Ok(Actor(number))
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        self.script(actor).address()
    }

    fn report(&self, actor: Actor) -> Report {
        self.script(actor).report()
    }

    fn settle(&self, actor: Actor) -> Report {
        self.script(actor).settle()
    }

    fn stop(&self, actor: Actor) -> Report {
        let script = self.scripts().running.remove(&actor.0);
        script.expect("a script that was not stopped").stop()
    }

    fn refusing(&self, family: Family) -> SockAddr {
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        refusing.entry(family).or_insert_with(|| refusing_at(self.host(family))).1
    }

    fn silent(&self, family: Family) -> SockAddr {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.entry(family).or_insert_with(|| Silent::at(self.host(family))).address
    }

    fn name(&self) -> &'static str {
        "localhost"
    }
}

/// Lowers this process's limit of descriptors, so that a case can reach it.
fn lower_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        const LIMIT: u64 = 400;
        let now = getrlimit(Resource::Nofile);
        if now.current.is_none_or(|current| current > LIMIT) {
            let lower = Rlimit { current: Some(LIMIT), maximum: now.maximum };
            setrlimit(Resource::Nofile, lower).expect("a limit can always be lowered");
        }
    }
}

/// Whether the loopback takes part in multicast.
fn has_multicast() -> bool {
    let group = Ipv4Addr::new(239, 255, 77, 77);
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_ok())
}
