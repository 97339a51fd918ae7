//! What takes the place of datagrams without the feature `udp`: there are none.

use usocket_core::spi::{Handle, RecvInfo};
use usocket_core::{Error, Result, SockAddr};

use super::input::Target;
use super::{Machine, PairId};
use crate::address::Address;

impl Machine<'_> {
    pub(super) fn datagram_worth(&self) -> usize {
        0
    }

    pub(super) fn connect_datagrams(&mut self, _: Handle, _: SockAddr) -> Result<()> {
        Err(Error::EOPNOTSUPP)
    }

    pub(crate) fn send_to(&mut self, _: Handle, _: &[u8], _: Option<SockAddr>) -> Result<usize> {
        Err(Error::EOPNOTSUPP)
    }

    pub(crate) fn recv_datagram(&mut self, _: Handle, _: &mut [u8], _: bool) -> Result<RecvInfo> {
        Err(Error::EOPNOTSUPP)
    }

    pub(super) fn open_datagrams(&mut self, _: u8) -> bool {
        false
    }

    pub(super) fn datagrams_opened(&mut self, link: u8, _: bool) {
        self.hold_link(link);
    }

    pub(super) fn datagrams_closed(&mut self, link: u8, _: u8) {
        self.hold_link(link);
    }

    pub(super) fn send_datagram(&mut self, _: u8, _: Option<PairId>) -> bool {
        false
    }

    pub(super) fn datagram_prompted(&mut self, _: Option<PairId>) {}

    pub(super) fn datagram_refused(&mut self, _: u8) {}

    pub(super) fn datagram_begins(&mut self, _: u8, _: u16, _: Option<Address>) -> Target {
        Target::Nowhere
    }
}
