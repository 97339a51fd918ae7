//! An echo server: many clients, TCP and UDP on one port, one poll, no thread.

use core::net::Ipv4Addr;

use usocket::prelude::*;

use crate::Journal;

/// Serves up to `N - 2` clients at once. `BUF` bytes are kept per client.
///
/// A client that does not read what it sent is not read from either: there is room
/// for one piece per client, and while it is full only `POLLOUT` is asked for. When all
/// places are taken the listener is left alone, and further clients wait in its
/// backlog.
pub struct EchoServer<'b, B: Backend, const N: usize, const BUF: usize> {
    listener: Socket<'b, B>,
    datagrams: Socket<'b, B>,
    poll: Poll<'b, N>,
    clients: heapless::Vec<Client<'b, B, BUF>, N>,
    served: usize,
    /// The stack has no room for whoever is first in line.
    full: bool,
}

/// How often, in milliseconds, the stack is asked whether it has room again.
const RETRY: i32 = 100;

struct Client<'b, B: Backend, const BUF: usize> {
    socket: Socket<'b, B>,
    peer: SockAddr,
    /// What is still to go back.
    unsent: heapless::Vec<u8, BUF>,
    echoed: u64,
}

impl<'b, B: Backend, const N: usize, const BUF: usize> EchoServer<'b, B, N, BUF> {
    /// Listens on `port` of `ip`, TCP and UDP; 0 picks one port for both.
    pub fn new(net: &'b B, (ip, port): (Ipv4Addr, u16)) -> Result<Self> {
        let listener = net.tcp()?;
        listener.setsockopt(usocket::SOL_SOCKET, usocket::SO_REUSEADDR, 1)?;
        listener.bind((ip, port))?;
        // Whoever finds no place waits in line.
        listener.listen(i32::try_from(N).unwrap_or(i32::MAX))?;
        listener.setblocking(false)?;
        let datagrams = net.udp()?;
        datagrams.bind((ip, listener.local_addr()?.port()))?;
        datagrams.setblocking(false)?;

        let mut poll = Poll::new(net);
        poll.register(&listener, POLLIN)?;
        poll.register(&datagrams, POLLIN)?;
        let clients = heapless::Vec::new();
        Ok(Self { listener, datagrams, poll, clients, served: 0, full: false })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> Result<SockAddr> {
        self.listener.local_addr()
    }

    /// How many clients have come and gone.
    #[must_use]
    pub fn served(&self) -> usize {
        self.served
    }

    /// Waits at most `ms` milliseconds (`None`: for ever) and deals with all that
    /// is ready. Call it again and again.
    ///
    /// # Errors
    /// Those of the poll. What goes wrong with one client ends only that client.
    pub fn turn(&mut self, ms: Option<i32>, journal: &mut impl Journal) -> Result<()> {
        let full = self.full;
        let ms = if full { ms.filter(|ms| (0..RETRY).contains(ms)).or(Some(RETRY)) } else { ms };
        self.poll.poll(ms)?;
        // One by one, as the poll changes meanwhile.
        while let Some(ready) = self.poll.next_ready() {
            if ready.is(&self.listener) {
                self.accept(journal)?;
            } else if ready.is(&self.datagrams) {
                self.echo_datagram();
            } else if let Some(at) = self.clients.iter().position(|c| ready.is(&c.socket)) {
                self.serve(at, journal)?;
            }
        }
        if full && self.full && self.poll.len() < N {
            self.accept(journal)?;
        }
        Ok(())
    }

    fn accept(&mut self, journal: &mut impl Journal) -> Result<()> {
        let (socket, peer) = match self.listener.accept() {
            Ok(pair) => pair,
            // It stays in line, and the listener ready: whoever asked at once would spin.
            Err(error @ (Error::ENOBUFS | Error::ENOMEM | Error::EMFILE | Error::ENFILE)) => {
                if !core::mem::replace(&mut self.full, true) {
                    journal.line(format_args!("accept: {error}"));
                }
                return self.poll.modify(&self.listener, Events::NONE);
            }
            // It went away again.
            Err(error) => {
                journal.line(format_args!("accept: {error}"));
                self.full = false;
                return self.poll.modify(&self.listener, POLLIN);
            }
        };
        self.full = false;
        self.poll.modify(&self.listener, POLLIN)?;
        journal.line(format_args!("{peer}: hello"));
        socket.setblocking(false)?;
        self.poll.register(&socket, POLLIN)?;
        let client = Client { socket, peer, unsent: heapless::Vec::new(), echoed: 0 };
        // The last place is asked for below, before it could be missing.
        let _ = self.clients.push(client);
        if self.poll.len() == N {
            self.poll.modify(&self.listener, Events::NONE)?;
        }
        Ok(())
    }

    /// A datagram goes back whole or, where there is no room, not at all.
    fn echo_datagram(&self) {
        let mut buf = [0; BUF];
        match self.datagrams.recv_info(&mut buf, 0) {
            Ok(info) if !info.truncated() => {
                let _ = self.datagrams.sendto(&buf[..info.len], info.from);
            }
            _ => {}
        }
    }

    fn serve(&mut self, at: usize, journal: &mut impl Journal) -> Result<()> {
        let client = &mut self.clients[at];
        match client.step() {
            Ok(true) => {
                let mask = if client.unsent.is_empty() { POLLIN } else { POLLOUT };
                return self.poll.modify(&client.socket, mask);
            }
            Ok(false) => {
                journal.line(format_args!("{}: {} bytes, bye", client.peer, client.echoed));
            }
            Err(error) => journal.line(format_args!("{}: {error}", client.peer)),
        }
        self.poll.unregister(&client.socket);
        self.clients.swap_remove(at);
        self.served += 1;
        self.poll.modify(&self.listener, POLLIN)
    }
}

impl<B: Backend, const BUF: usize> Client<'_, B, BUF> {
    /// Moves what can be moved without waiting; `false` at the end of the stream.
    fn step(&mut self) -> Result<bool> {
        if self.unsent.is_empty() {
            let mut buf = [0; BUF];
            match self.socket.recv(&mut buf) {
                Ok(0) => return Ok(false),
                // As long as the buffer, so it fits.
                Ok(len) => {
                    self.unsent.extend_from_slice(&buf[..len]).map_err(|_| Error::ENOBUFS)?;
                }
                Err(Error::EAGAIN) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        match self.socket.send(&self.unsent) {
            Ok(sent) => {
                self.echoed += sent as u64;
                self.unsent.copy_within(sent.., 0);
                self.unsent.truncate(self.unsent.len() - sent);
                Ok(true)
            }
            Err(Error::EAGAIN) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
