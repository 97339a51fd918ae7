//! Lies about section G: `listen`.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Result, SockAddr, Socket};

use super::{lies, retold};
use crate::cases::listen;
use crate::{Api, Lie};

lies! {
    backend BacklogIsAtMostOne breaks [60], caught by listen::default_backlog_holds_two;
    api NegativeBacklogRefused breaks [61], caught by listen::negative_backlog_is_zero;
    backend BacklogZeroTakesNobody breaks [62], caught by listen::backlog_zero_still_accepts;
    backend BacklogIsAtMostOne breaks [63], caught by listen::nothing_beyond_the_backlog_is_lost;
    backend LosesTheThirdConnection breaks [63],
        caught by listen::nothing_beyond_the_backlog_is_lost;
    api HugeBacklogRefused breaks [64], caught by listen::huge_backlog_is_clamped;
    backend UnboundCannotListen breaks [65], caught by listen::listen_binds_implicitly;
    backend SecondListenFails breaks [66], caught by listen::listen_again_changes_the_backlog;
    backend BacklogStays breaks [66], caught by listen::listen_again_changes_the_backlog;
    backend ListenOnConnectedIsUnconnected breaks [67], caught by listen::listen_where_it_cannot_be;
    backend DatagramsListen breaks [67], caught by listen::listen_where_it_cannot_be;
    backend ClosesThePendingInOrder breaks [68],
        caught by listen::closing_a_listener_resets_the_pending;
    backend ResetOfPendingIsTheEnd breaks [68], caught by listen::closed_listener_of_the_peer;
}

retold! {
    /// As lwIP.
    backend ListenOnConnectedIsUnconnected: listen { Err(Error::EINVAL) => Err(Error::ENOTCONN) }
    backend DatagramsListen: listen { Err(Error::EOPNOTSUPP) => Ok(()) }
    backend ResetOfPendingIsTheEnd: try_recv { Err(Error::ECONNRESET) => Ok(0) }
}

/// A lie about `listen` of the backend.
macro_rules! listens {
    ($($(#[$doc:meta])* $lie:ident |$net:ident, $handle:ident, $backlog:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Lie<B> for $lie {
            fn listen(&self, $net: &B, $handle: Handle, $backlog: u32) -> Result<()> {
                $body
            }
        }
    )*};
}
listens! {
    /// One connection waits, whatever the backlog.
    BacklogIsAtMostOne |net, handle, backlog| net.listen(handle, backlog.min(1));
    BacklogZeroTakesNobody |net, handle, backlog| {
        if backlog == 0 { Ok(()) } else { net.listen(handle, backlog) }
    };
    /// As the ports for network controllers.
    UnboundCannotListen |net, handle, backlog| {
        if net.local_addr(handle)?.port() == 0 {
            return Err(Error::ENOTCONN);
        }
        net.listen(handle, backlog)
    };
}

#[derive(Default)]
struct NegativeBacklogRefused;

impl<B: Backend> Api<B> for NegativeBacklogRefused {
    fn listen(&self, socket: &Socket<'_, B>, backlog: Option<i32>) -> Result<()> {
        match backlog {
            Some(..=-1) => Err(Error::EINVAL),
            _ => socket.listen(backlog),
        }
    }
}

#[derive(Default)]
struct HugeBacklogRefused;

impl<B: Backend> Api<B> for HugeBacklogRefused {
    fn listen(&self, socket: &Socket<'_, B>, backlog: Option<i32>) -> Result<()> {
        match backlog {
            Some(65_536..) => Err(Error::ENOMEM),
            _ => socket.listen(backlog),
        }
    }
}

/// The third connection is taken from the queue and forgotten.
#[derive(Default)]
struct LosesTheThirdConnection(Cell<usize>);

impl<B: Backend> Lie<B> for LosesTheThirdConnection {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        let accepted = net.try_accept(handle)?;
        self.0.set(self.0.get() + 1);
        if self.0.get() == 3 { net.try_accept(handle) } else { Ok(accepted) }
    }
}

/// As lwIP.
#[derive(Default)]
struct SecondListenFails(RefCell<heapless::Vec<Handle, 8>>);

impl<B: Backend> Lie<B> for SecondListenFails {
    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        if self.0.borrow().contains(&handle) {
            return Err(Error::ENOTCONN);
        }
        let _ = self.0.borrow_mut().push(handle);
        net.listen(handle, backlog)
    }
}

#[derive(Default)]
struct BacklogStays(RefCell<heapless::Vec<Handle, 8>>);

impl<B: Backend> Lie<B> for BacklogStays {
    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        if self.0.borrow().contains(&handle) {
            return Ok(());
        }
        let _ = self.0.borrow_mut().push(handle);
        net.listen(handle, backlog)
    }
}

#[derive(Default)]
struct ClosesThePendingInOrder;

impl<B: Backend> Lie<B> for ClosesThePendingInOrder {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        while let Ok((pending, _)) = net.try_accept(handle) {
            net.close(pending)?;
        }
        net.close(handle)
    }
}
