//! Readiness: what is true of a socket now (S5).

use usocket_core::spi::Handle;
use usocket_core::{Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};

use super::Machine;
use crate::slot::{Socket, State};

impl Machine<'_> {
    pub(crate) fn readiness(&self, handle: Handle) -> Events {
        #[cfg(feature = "dns")]
        if super::names::is_query(handle) {
            return self.query_readiness(handle);
        }
        let Ok(socket) = self.slots.get(handle) else { return POLLNVAL };
        match socket.state {
            State::Fresh => POLLOUT | POLLHUP,
            State::Connecting => Events::NONE,
            State::Failed => POLLIN | POLLOUT | POLLERR | POLLHUP,
            State::Listening { .. } if self.has_pending() => POLLIN,
            State::Listening { .. } => Events::NONE,
            State::Connected(_) => self.stream_readiness(socket),
            State::Dgram => self.datagram_readiness(socket),
        }
    }

    fn stream_readiness(&self, socket: &Socket) -> Events {
        let State::Connected(ends) = socket.state else { return Events::NONE };
        let pair = self.pairs.get(socket.pair);
        let mut events = Events::NONE;
        if ends.rx || pair.is_some_and(|pair| !pair.rx.is_empty()) {
            events |= POLLIN;
        }
        if ends.tx || pair.is_some_and(|pair| pair.tx.free() > 0) {
            events |= POLLOUT;
        }
        if socket.error.is_some() {
            events |= POLLIN | POLLOUT | POLLERR | POLLHUP;
        }
        events
    }

    fn datagram_readiness(&self, socket: &Socket) -> Events {
        let pair = self.pairs.get(socket.pair);
        let mut events = Events::NONE;
        if pair.is_some_and(|pair| !pair.rx.is_empty()) {
            events |= POLLIN;
        }
        if pair.is_none_or(|pair| pair.tx.free() > self.datagram_worth()) {
            events |= POLLOUT;
        }
        if socket.error.is_some() {
            events |= POLLERR;
        }
        events
    }
}
