//! The operations, on the state that the runner shares.

use core::net::{IpAddr, SocketAddr};

use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Opt, OptName, Platform, RecvFlags, RecvInfo, Shutdown,
    SockType,
};
use usocket_core::{Error, Family, Result, SockAddr};

use crate::net::{FIRST_PORT, NalNet, PORTS};
use crate::shared::Pending;
use crate::socket::{Phase, Socket};

impl<P: Platform, const S: usize, const BUF: usize, const L: usize, const C: usize, const W: usize>
    NalNet<'_, P, S, BUF, L, C, W>
{
    fn socket<T>(
        &self,
        handle: Handle,
        call: impl FnOnce(&mut Socket<BUF>) -> Result<T>,
    ) -> Result<T> {
        self.shared.with(|state| state.socket(handle).and_then(call))
    }

    /// The same, where it gives the runner something to do.
    fn act<T>(
        &self,
        handle: Handle,
        call: impl FnOnce(&mut Socket<BUF>) -> Result<T>,
    ) -> Result<T> {
        let answer = self.socket(handle, call);
        if answer.is_ok() {
            self.work();
        }
        answer
    }

    fn release(&self, handle: Handle, reset: bool) -> Result<()> {
        let until = self.platform.now() + self.shared.config.linger;
        self.act(handle, |socket| {
            socket.release(reset, until);
            Ok(())
        })
    }

    fn is_dgram(&self, handle: Handle) -> Result<bool> {
        self.socket(handle, |socket| Ok(socket.kind == SockType::Dgram))
    }

    /// Notes the address of a socket; port 0 picks one. The stack is not asked.
    fn reserve(&self, handle: Handle, address: SockAddr) -> Result<SocketAddr> {
        self.shared.with(|state| {
            let socket = state.socket(handle)?;
            if socket.phase != Phase::Idle || socket.bound.is_some() {
                return Err(Error::EINVAL);
            }
            let kind = socket.kind;
            let mut address = SocketAddr::from(address);
            let taken = |port: u16, sockets: &[Socket<BUF>]| {
                let same = |bound: SocketAddr| bound.port() == port;
                sockets
                    .iter()
                    .filter(|socket| socket.open && socket.kind == kind)
                    .any(|socket| socket.bound.is_some_and(same))
            };
            if address.port() == 0 {
                // The traits do not tell which port the stack would take.
                for _ in 0..PORTS {
                    state.next_port = (state.next_port + 1) % PORTS;
                    let port = FIRST_PORT + state.next_port;
                    if !taken(port, &state.sockets) {
                        address.set_port(port);
                        break;
                    }
                }
            }
            if taken(address.port(), &state.sockets) {
                return Err(Error::EADDRINUSE);
            }
            state.socket(handle)?.bound = Some(address);
            Ok(address)
        })
    }

    fn bind_datagrams(&self, handle: Handle, address: SockAddr) -> Result<()> {
        // Another may just have been closed, and hold the port still.
        self.drive(self.platform.now());
        let local = self.reserve(handle, address)?;
        self.act(handle, |socket| {
            (socket.phase, socket.busy) = (Phase::Binding(local), true);
            Ok(())
        })?;
        // Most stacks know at once whether they can.
        self.drive(self.platform.now());
        self.socket(handle, |socket| socket.error.take().map_or(Ok(()), Err))
    }

    /// Whoever connects or sends needs a port.
    fn bind_implicitly(&self, handle: Handle) -> Result<()> {
        let (phase, any) =
            self.socket(handle, |socket| Ok((socket.phase, socket.family.unspecified())))?;
        if phase != Phase::Idle {
            return Ok(());
        }
        self.bind_datagrams(handle, SockAddr::new(any, 0)).map_err(|error| match error {
            // It was our choice, and there is no better one.
            Error::EADDRINUSE | Error::EINVAL => Error::ENOBUFS,
            error => error,
        })
    }

    fn send_datagram(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        let largest = self.shared.config.max_datagram;
        self.socket(handle, |socket| socket.may_send(data.len(), to, largest))?;
        self.bind_implicitly(handle)?;
        let alone = self.socket(handle, |socket| Ok(socket.tx.is_empty()))?;
        let len = self.act(handle, |socket| socket.queue_datagram(data, to))?;
        if alone {
            // Most stacks know at once what they refuse.
            self.drive(self.platform.now());
            self.socket(handle, |socket| socket.error.take().map_or(Ok(()), Err))?;
        }
        Ok(len)
    }
}

impl<P: Platform, const S: usize, const BUF: usize, const L: usize, const C: usize, const W: usize>
    Backend for NalNet<'_, P, S, BUF, L, C, W>
{
    fn platform(&self) -> &dyn Platform {
        &self.platform
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        self.shared.with(|state| {
            if kind == SockType::Dgram && !state.datagrams {
                return Err(Error::EOPNOTSUPP);
            }
            state.open(family, kind).map(|place| state.handle(place))
        })
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.socket(handle, |_| Ok(()))
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        if self.is_dgram(handle)? {
            return self.bind_datagrams(handle, address);
        }
        self.reserve(handle, address).map(|_| ())
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        if self.is_dgram(handle)? {
            return Err(Error::EOPNOTSUPP);
        }
        // Another may just have been closed, and hold the port still.
        self.drive(self.platform.now());
        let phase = self.socket(handle, |socket| Ok(socket.phase))?;
        if !matches!(phase, Phase::Idle | Phase::Binding(_) | Phase::Listening) {
            return Err(Error::EINVAL);
        }
        if self.socket(handle, |socket| Ok(socket.bound))?.is_none() {
            let any = self.socket(handle, |socket| Ok(socket.family.unspecified()))?;
            self.bind(handle, SockAddr::new(any, 0))?;
        }
        self.shared.with(|state| {
            let socket = state.socket(handle)?;
            socket.backlog = usize::try_from(backlog).unwrap_or(C).clamp(1, C);
            if phase != Phase::Idle {
                return Ok(());
            }
            let local = socket.bound.ok_or(Error::EINVAL)?;
            let free = state.listeners.iter().position(Option::is_none).ok_or(Error::ENOBUFS)?;
            state.listeners[free] = Some((handle.slot(), handle.generation()));
            state.sockets[handle.slot()].phase = Phase::Binding(local);
            Ok::<_, Error>(())
        })?;
        self.work();
        // Most stacks know at once whether they can.
        self.drive(self.platform.now());
        self.socket(handle, |socket| socket.error.take().map_or(Ok(()), Err))
    }

    fn in_effect(&self, handle: Handle) -> bool {
        self.socket(handle, |socket| {
            Ok(!matches!(socket.phase, Phase::Binding(_)) && socket.change.is_none())
        })
        .unwrap_or(true)
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let accepted = self.shared.with(|state| {
            let socket = state.socket(handle)?;
            if socket.kind == SockType::Dgram {
                return Err(Error::EOPNOTSUPP);
            }
            if !matches!(socket.phase, Phase::Binding(_) | Phase::Listening) {
                return Err(Error::EINVAL);
            }
            let (family, bound) = (socket.family, socket.bound);
            let (task, number, peer) = state.oldest(handle.slot()).ok_or(Error::EAGAIN)?;
            // Where no place is free the connection stays in the backlog (S16).
            let place = state.open(family, SockType::Stream)?;
            let socket = &mut state.sockets[place];
            (socket.phase, socket.busy) = (Phase::Connected, true);
            (socket.peer, socket.bound) = (Some(peer), bound);
            state.pending[task][number] = Pending::Taken(place);
            Ok((state.handle(place), peer.into()))
        })?;
        self.work();
        Ok(accepted)
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        if self.is_dgram(handle)? {
            self.bind_implicitly(handle)?;
            return self.socket(handle, |socket| {
                socket.peer = Some(address.into());
                Ok(())
            });
        }
        self.act(handle, |socket| match socket.phase {
            Phase::Connecting(_) => Err(Error::EALREADY),
            Phase::Binding(_) | Phase::Listening => Err(Error::EISCONN),
            Phase::Failed(error) => {
                socket.phase = Phase::Idle;
                Err(error)
            }
            // The traits connect from where the stack likes.
            Phase::Idle | Phase::Ended if socket.bound.is_some() => Err(Error::EADDRNOTAVAIL),
            Phase::Idle | Phase::Ended => {
                (socket.phase, socket.busy) = (Phase::Connecting(address.into()), true);
                Ok(())
            }
            Phase::Connected | Phase::Bound => Err(Error::EISCONN),
        })?;
        Err(Error::EINPROGRESS)
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.socket(handle, |socket| match socket.phase {
            _ if socket.kind == SockType::Dgram && socket.peer.is_some() => Ok(()),
            Phase::Connecting(_) => Err(Error::EAGAIN),
            Phase::Connected => Ok(()),
            Phase::Failed(error) => {
                socket.phase = Phase::Idle;
                Err(error)
            }
            _ => Err(Error::ENOTCONN),
        })
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        if self.is_dgram(handle)? {
            let peer = self.socket(handle, |socket| socket.peer.ok_or(Error::EDESTADDRREQ))?;
            return self.send_datagram(handle, data, peer.into());
        }
        self.act(handle, |socket| socket.send(data))
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if !self.is_dgram(handle)? {
            return Err(Error::EOPNOTSUPP);
        }
        self.send_datagram(handle, data, to)
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if self.is_dgram(handle)? {
            return self.try_recv_info(handle, buf, flags).map(|info| info.len);
        }
        if flags.peek {
            return self.socket(handle, |socket| socket.recv(buf, flags));
        }
        self.act(handle, |socket| socket.recv(buf, flags))
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        if self.is_dgram(handle)? {
            // What is taken makes room for the next.
            return self.act(handle, |socket| socket.recv_datagram(buf, flags));
        }
        let len = self.try_recv(handle, buf, flags)?;
        let from = self.peer_addr(handle)?;
        Ok(RecvInfo { len, full_len: len, from, local: None })
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        let half_close = self.shared.config.half_close;
        self.act(handle, |socket| match socket.kind {
            SockType::Stream => socket.shutdown(how, half_close),
            SockType::Dgram => socket.shutdown_datagrams(how),
        })
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.release(handle, false)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.release(handle, true)
    }

    fn lingering(&self) -> usize {
        self.shared.with(|state| state.lingering())
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        let change = match *option {
            Opt::Join(group) => (group, true),
            Opt::Leave(group) => (group, false),
            _ => return self.alive(handle).and(Err(Error::ENOPROTOOPT)),
        };
        if !self.is_dgram(handle)? {
            return Err(Error::ENOPROTOOPT);
        }
        self.act(handle, |socket| socket.ask_member(change))?;
        // Most stacks know at once whether they can.
        self.drive(self.platform.now());
        self.socket(handle, Socket::member_asked)
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.socket(handle, |socket| match name {
            OptName::Type => Ok(Opt::Type(socket.kind)),
            OptName::Listening => {
                let listens = matches!(socket.phase, Phase::Binding(_) | Phase::Listening);
                Ok(Opt::Listening(listens))
            }
            _ => Err(Error::ENOPROTOOPT),
        })
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.socket(handle, |socket| match socket.phase {
            Phase::Failed(error) => {
                socket.phase = Phase::Ended;
                Ok(Some(error))
            }
            _ => Ok(socket.error.take()),
        })
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.socket(handle, |socket| {
            let unknown = SockAddr::new(socket.family.unspecified(), 0);
            Ok(socket.bound.map_or(unknown, SockAddr::from))
        })
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.socket(handle, |socket| socket.peer.map(SockAddr::from).ok_or(Error::ENOTCONN))
    }

    fn start_query(&self, name: &str, family: Option<Family>, _: bool) -> Result<Handle> {
        // The runner may have one that nobody waits for any more.
        self.drive(self.platform.now());
        let handle = self.shared.with(|state| {
            let free = |query: &crate::shared::Query| !query.open && !query.taken;
            let place = state.queries.iter().position(free).ok_or(Error::EAI_MEMORY)?;
            let query = &mut state.queries[place];
            query.name.clear();
            query.name.push_str(name).map_err(|_| Error::EAI_NONAME)?;
            (query.open, query.family, query.answer) = (true, family, None);
            let slot = u32::try_from(S + place).map_err(|_| Error::EAI_MEMORY)?;
            Ok::<_, Error>(Handle::new(slot, query.generation))
        })?;
        self.work();
        Ok(handle)
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.shared.with(|state| {
            let query = state.query(query).ok_or(Error::EBADF)?;
            let ip = query.answer.ok_or(Error::EAGAIN)??;
            // An empty list has room for one.
            let _ = answer.addresses.push(ip);
            Ok(())
        })
    }

    fn end_query(&self, query: Handle) {
        self.shared.with(|state| {
            if let Some(query) = state.query(query) {
                query.open = false;
                query.generation = query.generation.wrapping_add(1);
            }
        });
        self.work();
    }

    /// The traits do not tell which addresses are ours.
    fn has_address(&self, _: IpAddr) -> bool {
        false
    }

    /// Whatever the stack's default route is.
    fn route(&self, _: IpAddr) -> Option<u8> {
        Some(0)
    }
}
