//! Lies about section R: close and lifetime.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, RecvFlags, Shutdown};
use usocket_core::{Error, Result, SockAddr, Socket};

use super::lies;
use crate::cases::close;
use crate::{Api, Lie};

lies! {
    backend SecondCloseFails breaks [214], caught by close::close_may_be_repeated;
    api SecondCloseIsAnError breaks [214], caught by close::close_may_be_repeated;
    backend AliveForEver breaks [215], caught by close::a_closed_socket_fails_every_call;
    backend BindsWhenClosed breaks [215], caught by close::a_closed_socket_fails_every_call;
    backend SendsWhenClosed breaks [215], caught by close::a_closed_socket_fails_every_call;
    backend ClosedIsTheEnd breaks [215], caught by close::a_closed_socket_fails_every_call;
    backend ClosedIsUnconnected breaks [215], caught by close::a_closed_socket_fails_every_call;
    backend CloseDiscards breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    backend CloseWaits breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    backend CloseSaysNothing breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    api DropForgets breaks [217], caught by close::dropping_the_last_handle_closes;
    backend CloseReadsFirst breaks [218], caught by close::unread_data_makes_close_a_reset;
    backend CloseKeepsTheSlot breaks [219], caught by close::a_thousand_rounds_leak_nothing;
    backend LingersForEver breaks [219], caught by close::a_thousand_rounds_leak_nothing;
    backend LingersForEver breaks [], caught by close::lingering_ends;
    backend HalfIsWhole breaks [], caught by close::half_close_goes_on_reading;
    backend HalfIsNothing breaks [], caught by close::half_close_goes_on_reading;
    backend AbortIsClose breaks [], caught by close::abort_resets_and_waits_for_nothing;
}

#[derive(Default)]
struct SecondCloseFails {
    closed: Cell<Option<Handle>>,
}

impl<B: Backend> Lie<B> for SecondCloseFails {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        if self.closed.replace(Some(handle)) == Some(handle) {
            return Err(Error::EINVAL);
        }
        net.close(handle)
    }
}

#[derive(Default)]
struct SecondCloseIsAnError;

impl<B: Backend> Api<B> for SecondCloseIsAnError {
    fn close(&self, socket: &Socket<'_, B>) -> Result<()> {
        socket.local_addr()?;
        socket.close()
    }
}

#[derive(Default)]
struct AliveForEver;

impl<B: Backend> Lie<B> for AliveForEver {
    fn alive(&self, _: &B, _: Handle) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct BindsWhenClosed;

impl<B: Backend> Lie<B> for BindsWhenClosed {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        match net.bind(handle, address) {
            Err(Error::EBADF) => Ok(()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct SendsWhenClosed;

impl<B: Backend> Lie<B> for SendsWhenClosed {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EBADF) => Ok(data.len()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ClosedIsTheEnd;

impl<B: Backend> Lie<B> for ClosedIsTheEnd {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EBADF) => Ok(0),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ClosedIsUnconnected;

impl<B: Backend> Lie<B> for ClosedIsUnconnected {
    fn peer_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        net.peer_addr(handle).map_err(|_| Error::ENOTCONN)
    }
}

#[derive(Default)]
struct CloseDiscards;

impl<B: Backend> Lie<B> for CloseDiscards {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        net.abort(handle)
    }
}

/// Waits until the peer has taken everything.
#[derive(Default)]
struct CloseWaits;

impl<B: Backend> Lie<B> for CloseWaits {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        let answer = net.close(handle);
        while net.lingering() > 0 {
            let next = net.drive(net.platform().now());
            net.platform().idle(next, &mut || net.pending());
        }
        answer
    }
}

/// Closes its own end and tells nobody.
#[derive(Default)]
struct CloseSaysNothing {
    closed: Cell<Option<Handle>>,
}

impl<B: Backend> Lie<B> for CloseSaysNothing {
    fn close(&self, _: &B, handle: Handle) -> Result<()> {
        self.closed.set(Some(handle));
        Ok(())
    }
}

#[derive(Default)]
struct DropForgets;

impl<B: Backend> Api<B> for DropForgets {
    fn drop_socket(&self, socket: Socket<'_, B>) {
        core::mem::forget(socket);
    }
}

/// Takes what was not read, so that close is in order.
#[derive(Default)]
struct CloseReadsFirst;

impl<B: Backend> Lie<B> for CloseReadsFirst {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        while matches!(net.try_recv(handle, &mut [0; 64], RecvFlags::default()), Ok(1..)) {}
        net.close(handle)
    }
}

#[derive(Default)]
struct CloseKeepsTheSlot;

impl<B: Backend> Lie<B> for CloseKeepsTheSlot {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        net.shutdown(handle, Shutdown::Both)
    }
}

#[derive(Default)]
struct LingersForEver;

impl<B: Backend> Lie<B> for LingersForEver {
    fn lingering(&self, net: &B) -> usize {
        net.lingering() + 1
    }
}

#[derive(Default)]
struct HalfIsWhole;

impl<B: Backend> Lie<B> for HalfIsWhole {
    fn shutdown(&self, net: &B, handle: Handle, _: Shutdown) -> Result<()> {
        net.shutdown(handle, Shutdown::Both)
    }
}

#[derive(Default)]
struct HalfIsNothing;

impl<B: Backend> Lie<B> for HalfIsNothing {
    fn shutdown(&self, net: &B, handle: Handle, _: Shutdown) -> Result<()> {
        net.alive(handle)
    }
}

#[derive(Default)]
struct AbortIsClose;

impl<B: Backend> Lie<B> for AbortIsClose {
    fn abort(&self, net: &B, handle: Handle) -> Result<()> {
        // The linger of the socket stays its own.
        let _ = net.set_option(handle, &Opt::Linger(None));
        net.close(handle)
    }
}
