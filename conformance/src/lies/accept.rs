//! Lies about section H: accept.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, Result, SockAddr, Socket, Timeout};

use super::{lies, retold};
use crate::cases::accept;
use crate::{Api, Lie};

lies! {
    backend PeerIsTheListener breaks [69], caught by accept::accept_gives_a_socket_and_its_peer;
    backend NotListeningIsUnconnected breaks [70], caught by accept::accept_needs_a_listener;
    backend AcceptOnDatagramsIsInvalid breaks [71],
        caught by accept::datagram_or_closed_sockets_accept_nothing;
    backend NobodyWaitingIsAborted breaks [72], caught by accept::nobody_waiting_would_block;
    api AcceptTimeoutIsWouldBlock breaks [73], caught by accept::nobody_waiting_times_out;
    api AcceptTimesOutEarly breaks [73], caught by accept::nobody_waiting_times_out;
    backend NewestFirst breaks [74], caught by accept::connections_come_in_order;
    api AcceptedInheritsTheMode breaks [75], caught by accept::an_accepted_socket_starts_blocking;
    backend LosesTheFirstBytes breaks [76], caught by accept::what_came_before_accept_is_kept;
    backend ResetStopsTheQueue breaks [77], caught by accept::a_reset_before_accept_is_no_failure;
    backend RecvOnListenerWouldBlock breaks [78], caught by accept::a_listener_receives_nothing;
    backend CloseTakesTheAcceptedAlong breaks [79],
        caught by accept::listener_and_accepted_are_independent;
}

retold! {
    backend NotListeningIsUnconnected: try_accept { Err(Error::EINVAL) => Err(Error::ENOTCONN) }
    backend AcceptOnDatagramsIsInvalid: try_accept { Err(Error::EOPNOTSUPP) => Err(Error::EINVAL) }
    backend NobodyWaitingIsAborted: try_accept { Err(Error::EAGAIN) => Err(Error::ECONNABORTED) }
    api AcceptTimeoutIsWouldBlock: accept { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
    backend RecvOnListenerWouldBlock: try_recv { Err(Error::ENOTCONN) => Err(Error::EAGAIN) }
}

/// Says the local address where the peer's belongs.
#[derive(Default)]
struct PeerIsTheListener;

impl<B: Backend> Lie<B> for PeerIsTheListener {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        let (accepted, _) = net.try_accept(handle)?;
        Ok((accepted, net.local_addr(accepted)?))
    }
}

#[derive(Default)]
struct AcceptTimesOutEarly;

impl<B: Backend> Api<B> for AcceptTimesOutEarly {
    fn accept<'b>(&self, socket: &Socket<'b, B>) -> Result<(Socket<'b, B>, SockAddr)> {
        let mode = socket.timeout();
        socket.settimeout(0.02)?;
        let answer = socket.accept();
        socket.settimeout(mode)?;
        answer
    }
}

/// Takes all that wait and shows the newest first.
struct NewestFirst {
    waiting: RefCell<heapless::Vec<(Handle, SockAddr), 4>>,
}

impl Default for NewestFirst {
    fn default() -> Self {
        Self { waiting: RefCell::new(heapless::Vec::new()) }
    }
}

impl<B: Backend> Lie<B> for NewestFirst {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        let mut waiting = self.waiting.borrow_mut();
        loop {
            match net.try_accept(handle) {
                Ok(accepted) => drop(waiting.push(accepted)),
                Err(error) => return waiting.pop().ok_or(error),
            }
        }
    }
}

#[derive(Default)]
struct AcceptedInheritsTheMode;

impl<B: Backend> Api<B> for AcceptedInheritsTheMode {
    fn accept<'b>(&self, socket: &Socket<'b, B>) -> Result<(Socket<'b, B>, SockAddr)> {
        let (accepted, peer) = socket.accept()?;
        if socket.timeout() != Timeout::Never {
            accepted.settimeout(socket.timeout())?;
        }
        Ok((accepted, peer))
    }
}

/// What came before accept is thrown away.
#[derive(Default)]
struct LosesTheFirstBytes;

impl<B: Backend> Lie<B> for LosesTheFirstBytes {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        let accepted = net.try_accept(handle)?;
        let _ = net.try_recv(accepted.0, &mut [0; 64], RecvFlags::default());
        Ok(accepted)
    }
}

/// A connection that was reset while it waited is an error of the listener.
#[derive(Default)]
struct ResetStopsTheQueue {
    broken: Cell<bool>,
}

impl<B: Backend> Lie<B> for ResetStopsTheQueue {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        if self.broken.get() {
            return Err(Error::ECONNABORTED);
        }
        let accepted = net.try_accept(handle)?;
        let peek = RecvFlags { peek: true };
        if net.try_recv(accepted.0, &mut [0; 1], peek) == Err(Error::ECONNRESET) {
            self.broken.set(true);
            return Err(Error::ECONNABORTED);
        }
        Ok(accepted)
    }
}

/// Closing a listener closes what it accepted last.
#[derive(Default)]
struct CloseTakesTheAcceptedAlong {
    last: Cell<Option<(Handle, Handle)>>,
}

impl<B: Backend> Lie<B> for CloseTakesTheAcceptedAlong {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        let (accepted, peer) = net.try_accept(handle)?;
        self.last.set(Some((handle, accepted)));
        Ok((accepted, peer))
    }

    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        match self.last.get() {
            Some((listener, accepted)) if listener == handle => {
                let _ = net.close(accepted);
            }
            _ => {}
        }
        net.close(handle)
    }
}
