//! What takes the place of the server without the feature `server`: there is none.

use usocket_core::spi::Handle;
use usocket_core::{Error, Family, Result, SockAddr};

use super::Machine;
use crate::address::Address;
use crate::link::{Owner, Phase as LinkPhase};

/// Nothing is wanted of the modem's server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Listener;

impl Machine<'_> {
    pub(crate) fn listen(&mut self, _: Handle, _: u32) -> Result<()> {
        Err(Error::EOPNOTSUPP)
    }

    pub(crate) fn accept(&mut self, _: Handle) -> Result<(Handle, SockAddr)> {
        Err(Error::EOPNOTSUPP)
    }

    pub(super) fn is_listening(&self, _: (Family, u16)) -> bool {
        true
    }

    pub(super) fn unlisten(&mut self) {}

    pub(super) fn pending_lost(&mut self) {}

    pub(super) fn pending_complete(&mut self) {}

    pub(super) fn server_doubted(&mut self) {}

    pub(super) fn server_forgotten(&mut self) {
        self.listener = Listener;
    }

    pub(super) fn has_pending(&self) -> bool {
        false
    }

    pub(super) fn server_next(&mut self) -> bool {
        false
    }

    /// A client of a server that nobody has started: it is closed at once.
    pub(super) fn client_came(&mut self, link: u8, _: Option<Address>) {
        if !self.links[usize::from(link)].is_taken() {
            self.links[usize::from(link)].renew(LinkPhase::Open, Owner::Orphan);
            self.work = true;
        }
    }
}
