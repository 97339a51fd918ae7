//! Lies about section R: what close leaves behind; shutdown and abort.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, RecvFlags, Shutdown};
use usocket_core::{Result, Socket};

use super::lies;
use crate::cases::close;
use crate::{Api, Lie};

lies! {
    backend CloseDiscards breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    backend CloseWaits breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    backend CloseSaysNothing breaks [216], caught by close::the_peer_gets_everything_then_the_end;
    api DropForgets breaks [217], caught by close::dropping_the_last_handle_closes;
    backend CloseReadsFirst breaks [218], caught by close::unread_data_makes_close_a_reset;
    backend CloseKeepsTheSlot breaks [219], caught by close::a_thousand_rounds_leak_nothing;
    backend LingersForEver breaks [219], caught by close::a_thousand_rounds_leak_nothing;
    backend LingersForEver breaks [], caught by close::lingering_ends;
    backend ShutdownOfOneEndsBoth breaks [], caught by close::half_close_goes_on_reading;
    backend ShutdownDoesNothing breaks [], caught by close::half_close_goes_on_reading;
    backend ShutdownDoesNothing breaks [], caught by close::the_end_of_reading_stays;
    backend AbortIsClose breaks [], caught by close::abort_resets_and_waits_for_nothing;
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
struct ShutdownOfOneEndsBoth;

impl<B: Backend> Lie<B> for ShutdownOfOneEndsBoth {
    fn shutdown(&self, net: &B, handle: Handle, _: Shutdown) -> Result<()> {
        net.shutdown(handle, Shutdown::Both)
    }
}

#[derive(Default)]
struct ShutdownDoesNothing;

impl<B: Backend> Lie<B> for ShutdownDoesNothing {
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
