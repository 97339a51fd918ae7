//! Lies about cancel safety (R15): what a dropped future leaves behind.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, Wait, WaitKey};
use usocket_core::{POLLIN, POLLOUT, Result};

use super::lies;
use crate::Lie;
use crate::cases::cancel;

lies! {
    backend DroppedFutureReceives breaks [], caught by cancel::dropped_receives_lose_nothing;
    backend DroppedFutureSends breaks [], caught by cancel::dropped_sends_send_nothing;
    backend DroppedFutureAccepts breaks [], caught by cancel::dropped_accepts_lose_no_connection;
    backend DroppedFutureReceives breaks [],
        caught by cancel::dropped_datagram_receives_lose_nothing;
    backend DroppedFutureStaysRegistered breaks [], caught by cancel::dropped_waits_leave_no_trace;
    backend DroppedConnectIsForgotten breaks [], caught by cancel::a_dropped_connect_stays_pending;
}

/// What was registered last.
#[derive(Default)]
struct Last(Cell<Option<Handle>>);

impl Last {
    fn register<B: Backend>(
        &self,
        net: &B,
        key: Option<WaitKey>,
        wait: Wait<'_>,
    ) -> Result<WaitKey> {
        if wait.events == POLLIN || wait.events == POLLOUT {
            self.0.set(Some(wait.handle));
        }
        net.register(key, wait)
    }
}

/// Does something to the socket when a waiter is taken back.
macro_rules! drop_lie {
    ($($lie:ident: $net:ident, $handle:ident => $does:expr;)*) => {$(
        #[derive(Default)]
        struct $lie(Last);

        impl<B: Backend> Lie<B> for $lie {
            fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
                self.0.register(net, key, wait)
            }

            fn unregister(&self, $net: &B, key: WaitKey) {
                $net.unregister(key);
                if let Some($handle) = self.0.0.take() {
                    $does;
                }
            }
        }
    )*};
}

drop_lie! {
    DroppedFutureReceives: net, handle => {
        let _ = net.try_recv(handle, &mut [0; 1], RecvFlags::default());
    };
    DroppedFutureSends: net, handle => {
        let _ = net.try_send(handle, b"!");
    };
    DroppedFutureAccepts: net, handle => {
        let _ = net.try_accept(handle).and_then(|(accepted, _)| net.close(accepted));
    };
}

#[derive(Default)]
struct DroppedFutureStaysRegistered;

impl<B: Backend> Lie<B> for DroppedFutureStaysRegistered {
    fn unregister(&self, _: &B, _: WaitKey) {}
}

/// A dropped connect is forgotten.
#[derive(Default)]
struct DroppedConnectIsForgotten(Last);

impl<B: Backend> Lie<B> for DroppedConnectIsForgotten {
    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        self.0.register(net, key, wait)
    }

    fn unregister(&self, net: &B, key: WaitKey) {
        net.unregister(key);
        self.0.0.set(None);
    }

    fn try_connect(&self, net: &B, handle: Handle, address: usocket_core::SockAddr) -> Result<()> {
        match net.try_connect(handle, address) {
            Err(usocket_core::Error::EALREADY) if self.0.0.get().is_none() => {
                Err(usocket_core::Error::EINPROGRESS)
            }
            answer => answer,
        }
    }
}
