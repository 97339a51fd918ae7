//! What the modem's stack knows of one TCP connection.

use std::collections::VecDeque;

use esp8285_sim::net::{Conn, NetEvent};
use usocket_conformance::net::Flow;
use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Instant};

use super::StackHost;

/// A connection, from its SYN to the moment when nobody needs it any more.
#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) handle: Handle,
    pub(super) local_port: u16,
    /// Until when the peer may take to answer; `None` once it has.
    pub(super) opening: Option<Instant>,
    /// The modem has closed it; until when what is unsent may go out.
    pub(super) closing: Option<Instant>,
    /// What the network had no room for yet.
    pub(super) unsent: VecDeque<u8>,
    /// What the modem was told last.
    pub(super) readable: usize,
    arrived: u64,
    finished: bool,
    dead: bool,
}

impl Tcp {
    pub(super) fn new(handle: Handle, local_port: u16, opening: Option<Instant>) -> Self {
        Self {
            handle,
            local_port,
            opening,
            closing: None,
            unsent: VecDeque::new(),
            readable: 0,
            arrived: 0,
            finished: false,
            dead: false,
        }
    }

    /// Sends as much of what is unsent as there is room for.
    pub(super) fn push(&mut self, host: &StackHost<'_>) {
        while !self.unsent.is_empty() {
            let (front, _) = self.unsent.as_slices();
            match host.try_send(self.handle, front) {
                Ok(taken) => drop(self.unsent.drain(..taken)),
                Err(Error::EAGAIN) => return,
                // Reset: its flow tells.
                Err(_) => self.unsent.clear(),
            }
        }
    }

    /// What has happened since the last look, in order; and what will have been acknowledged
    /// when.
    pub(super) fn look(
        &mut self,
        conn: Conn,
        flow: Flow,
        events: &mut VecDeque<NetEvent>,
    ) -> Option<(Instant, u64)> {
        if flow.unread > self.readable {
            events.push_back(NetEvent::Readable(conn));
        }
        self.readable = flow.unread;
        if flow.finished && !self.finished {
            self.finished = true;
            events.push_back(NetEvent::Finished(conn));
        }
        if flow.dead && !self.dead {
            self.dead = true;
            events.push_back(NetEvent::Reset(conn));
        }
        let more = flow.arrived > self.arrived;
        self.arrived = flow.arrived;
        more.then_some((flow.acknowledged, flow.arrived))
    }

    /// Takes up to `max` bytes.
    pub(super) fn recv(&mut self, host: &StackHost<'_>, max: usize) -> Vec<u8> {
        let mut data = vec![0; self.readable.min(max)];
        let mut len = 0;
        while len < data.len() {
            match host.try_recv(self.handle, &mut data[len..], Default::default()) {
                Ok(more @ 1..) => len += more,
                _ => break,
            }
        }
        data.truncate(len);
        self.readable -= len;
        data
    }
}
