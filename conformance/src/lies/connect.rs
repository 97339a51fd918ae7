//! Lies about section I: connect.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, RecvFlags};
use usocket_core::{Error, Events, POLLERR, POLLHUP, POLLIN, POLLOUT, Result, SockAddr, Socket};

use super::{lies, retold};
use crate::cases::connect;
use crate::{Api, Lie};

lies! {
    backend ConnectsToNobody breaks [80], caught by connect::blocking_connect_establishes;
    backend ForgetsTheBoundPort breaks [80], caught by connect::connect_keeps_a_bound_port;
    backend RefusedIsReset breaks [81], caught by connect::nobody_listens_is_refused;
    api NonBlockingConnectWaits breaks [82], caught by connect::non_blocking_connect_is_in_progress;
    backend ConnectedIsNeverWritable breaks [82],
        caught by connect::non_blocking_connect_is_in_progress;
    backend AlreadyIsInProgress breaks [83, 86],
        caught by connect::connect_while_pending_is_already;
    backend SecondConnectSucceeds breaks [84], caught by connect::connected_stream_is_connected;
    api ConnectTimeoutIsWouldBlock breaks [85], caught by connect::no_answer_times_out;
    api ConnectTimesOutEarly breaks [85], caught by connect::no_answer_times_out;
    backend TimeoutEndsTheAttempt breaks [86], caught by connect::pending_after_a_timeout;
    backend CloseDoesNothing breaks [93], caught by connect::close_cancels_a_pending_connect;
    backend CloseDoesNothing breaks [93], caught by connect::pending_after_a_timeout;
    backend SendWhilePendingIsAPipe breaks [87], caught by connect::pending_connect_moves_nothing;
    backend PendingIsWritable breaks [87], caught by connect::pending_connect_moves_nothing;
    backend RefusedIsQuiet breaks [88], caught by connect::refused_in_the_background;
    backend RefusedForEver breaks [88], caught by connect::refused_in_the_background;
    backend RefusedSocketIsAborted breaks [89], caught by connect::after_a_refused_connect;
    backend RefusedSendsAnyway breaks [89], caught by connect::after_a_refused_connect;
    backend ListenersConnect breaks [90], caught by connect::listener_cannot_connect;
    backend FirstPeerStays breaks [91],
        caught by connect::datagram_connect_sets_and_changes_the_peer;
    backend HearsStrangers breaks [91],
        caught by connect::datagram_connect_sets_and_changes_the_peer;
    backend NoRouteIsRefused breaks [92], caught by connect::no_route_is_unreachable;
}

retold! {
    backend AlreadyIsInProgress: try_connect { Err(Error::EALREADY) => Err(Error::EINPROGRESS) }
    backend SecondConnectSucceeds: try_connect { Err(Error::EISCONN) => Ok(()) }
    api ConnectTimeoutIsWouldBlock: connect { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
    /// After a first attempt the next connect starts afresh.
    backend TimeoutEndsTheAttempt: try_connect { Err(Error::EALREADY) => Err(Error::ETIMEDOUT) }
    backend SendWhilePendingIsAPipe: try_send { Err(_) => Err(Error::EPIPE) }
    backend RefusedSendsAnyway: try_send(data) { Err(_) => Ok(data.len()) }
}

/// Says connected and does nothing.
#[derive(Default)]
struct ConnectsToNobody;

impl<B: Backend> Lie<B> for ConnectsToNobody {
    fn try_connect(&self, _: &B, _: Handle, _: SockAddr) -> Result<()> {
        Ok(())
    }
}

/// A connected socket says another local port than it has.
#[derive(Default)]
struct ForgetsTheBoundPort {
    connected: Cell<bool>,
}

impl<B: Backend> Lie<B> for ForgetsTheBoundPort {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        self.connected.set(true);
        net.try_connect(handle, address)
    }

    fn local_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        let own = net.local_addr(handle)?;
        Ok(if self.connected.get() { own.with_port(own.port() ^ 1) } else { own })
    }
}

#[derive(Default)]
struct RefusedIsReset;

impl<B: Backend> Lie<B> for RefusedIsReset {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        net.try_connect(handle, address).map_err(reset)
    }

    fn connect_result(&self, net: &B, handle: Handle) -> Result<()> {
        net.connect_result(handle).map_err(reset)
    }
}

fn reset(error: Error) -> Error {
    if error == Error::ECONNREFUSED { Error::ECONNRESET } else { error }
}

/// A non-blocking connect waits.
#[derive(Default)]
struct NonBlockingConnectWaits;

impl<B: Backend> Api<B> for NonBlockingConnectWaits {
    fn connect(&self, socket: &Socket<'_, B>, address: SockAddr) -> Result<()> {
        let mode = socket.timeout();
        socket.setblocking(true)?;
        let answer = socket.connect(address);
        socket.settimeout(mode)?;
        answer
    }
}

#[derive(Default)]
struct ConnectedIsNeverWritable;

impl<B: Backend> Lie<B> for ConnectedIsNeverWritable {
    fn readiness(&self, net: &B, handle: Handle) -> Events {
        net.readiness(handle) & !POLLOUT
    }
}

#[derive(Default)]
struct ConnectTimesOutEarly;

impl<B: Backend> Api<B> for ConnectTimesOutEarly {
    fn connect(&self, socket: &Socket<'_, B>, address: SockAddr) -> Result<()> {
        let mode = socket.timeout();
        if mode != usocket_core::Timeout::Zero {
            socket.settimeout(0.05)?;
        }
        let answer = socket.connect(address);
        socket.settimeout(mode)?;
        answer
    }
}

#[derive(Default)]
struct CloseDoesNothing;

impl<B: Backend> Lie<B> for CloseDoesNothing {
    fn close(&self, _: &B, _: Handle) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct PendingIsWritable;

impl<B: Backend> Lie<B> for PendingIsWritable {
    fn readiness(&self, net: &B, handle: Handle) -> Events {
        net.readiness(handle) | POLLOUT
    }
}

#[derive(Default)]
struct RefusedIsQuiet;

impl<B: Backend> Lie<B> for RefusedIsQuiet {
    fn readiness(&self, net: &B, handle: Handle) -> Events {
        net.readiness(handle) & (POLLIN | POLLOUT | POLLHUP)
    }
}

/// The refusal is told again and again.
#[derive(Default)]
struct RefusedForEver {
    told: Cell<bool>,
}

impl<B: Backend> Lie<B> for RefusedForEver {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        if self.told.get() {
            return Err(Error::ECONNREFUSED);
        }
        self.told.set(answer == Err(Error::ECONNREFUSED));
        answer
    }
}

/// A socket whose connect was refused cannot connect again.
#[derive(Default)]
struct RefusedSocketIsAborted {
    refused: Cell<bool>,
}

impl<B: Backend> Lie<B> for RefusedSocketIsAborted {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        if self.refused.get() {
            return Err(Error::ECONNABORTED);
        }
        let answer = net.try_connect(handle, address);
        self.refused.set(matches!(answer, Err(Error::ECONNREFUSED)));
        answer
    }

    fn connect_result(&self, net: &B, handle: Handle) -> Result<()> {
        let answer = net.connect_result(handle);
        self.refused.set(answer == Err(Error::ECONNREFUSED));
        answer
    }
}

/// Connecting a listener turns it into a stream.
#[derive(Default)]
struct ListenersConnect;

impl<B: Backend> Lie<B> for ListenersConnect {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        match net.option(handle, usocket_core::spi::OptName::Listening) {
            Ok(Opt::Listening(true)) => Ok(()),
            _ => net.try_connect(handle, address),
        }
    }
}

#[derive(Default)]
struct FirstPeerStays {
    connected: Cell<bool>,
}

impl<B: Backend> Lie<B> for FirstPeerStays {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        if self.connected.replace(true) { Ok(()) } else { net.try_connect(handle, address) }
    }
}

/// Hears a stranger once there is nothing else to hear.
#[derive(Default)]
struct HearsStrangers;

impl<B: Backend> Lie<B> for HearsStrangers {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EAGAIN) if !net.readiness(handle).intersects(POLLIN | POLLERR) => Ok(1),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct NoRouteIsRefused;

impl<B: Backend> Lie<B> for NoRouteIsRefused {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        match net.try_connect(handle, address) {
            Err(Error::ENETUNREACH | Error::EHOSTUNREACH) => Err(Error::ECONNREFUSED),
            answer => answer,
        }
    }

    fn connect_result(&self, net: &B, handle: Handle) -> Result<()> {
        match net.connect_result(handle) {
            Err(Error::ENETUNREACH | Error::EHOSTUNREACH) => Err(Error::ECONNREFUSED),
            answer => answer,
        }
    }
}
