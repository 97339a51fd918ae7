//! What becomes of reads and sends.

use core::time::Duration;

use atat::AtatCmd;
use usocket_core::Error;

use super::flight::{Reading, Sending};
use super::{Machine, Out, PairId};
use crate::cmd::{Segment, SendBuffered};
use crate::link::Owner;
use crate::reply::Hint;
use crate::slot::State;

/// How long a link whose buffer in the modem is full is left alone, unless a segment is
/// acknowledged first.
const FULL_AGAIN: Duration = Duration::from_millis(50);
/// After `ERROR` to a read of a link that has data, by all that is known (scenario 26).
const READ_AGAIN: Duration = Duration::from_millis(100);

impl Machine<'_> {
    /// The buffers of a link: its socket's, or its own.
    pub(super) fn pair_of(&self, link: u8) -> Option<PairId> {
        let state = &self.links[usize::from(link)];
        match state.owner {
            Owner::Slot(slot) => {
                self.slots.0.get(usize::from(slot))?.socket.as_ref().and_then(|socket| socket.pair)
            }
            _ => state.pair,
        }
    }

    /// Whether the socket of a link has shut its reading side: what comes is taken from the
    /// modem, so that its peer is not held up, and dropped.
    pub(super) fn is_shut(&mut self, link: u8) -> bool {
        let Owner::Slot(slot) = self.links[usize::from(link)].owner else { return false };
        // Where the peer has ended the stream there is no link any more.
        let state = self.slots.at(slot).map(|socket| socket.state);
        matches!(state, Some(State::Connected(ends)) if ends.rx)
    }

    /// The result of a `CIPRECVDATA`.
    pub(super) fn read_ended(&mut self, reading: Reading, ok: bool) {
        let index = usize::from(reading.link);
        let Some(got) = reading.got.filter(|_| ok) else {
            if reading.got.is_some() || ok {
                // Data without `OK`, or `OK` without data.
                self.read_broken(reading);
                self.lose_track();
                return;
            }
            self.nothing_to_read(reading.link);
            return;
        };
        if !reading.framed {
            self.read_broken(reading);
            self.lose_track();
            return;
        }
        let (pair, shut) = (self.pair_of(reading.link), self.is_shut(reading.link));
        if let Some(pair) = self.pairs.get_mut(pair) {
            if shut { pair.rx.discard() } else { pair.rx.commit() }
        }
        let link = &mut self.links[index];
        // As much as was asked for: there may be more.
        link.owed = got == reading.asked;
        link.noticed |= link.owed;
        link.readable = link.noticed || link.gone || self.short_replies;
        link.fed = Some(self.now);
        count!(self, payload, u64::from(got));
        self.touched = true;
    }

    /// `ERROR`: nothing waits, or the read failed for want of memory.
    fn nothing_to_read(&mut self, link: u8) {
        let state = &mut self.links[usize::from(link)];
        let noticed = state.noticed || (state.gone && core::mem::take(&mut state.owed));
        state.readable = false;
        state.fed = None;
        if noticed {
            self.lengths_at = Some(self.now + READ_AGAIN);
        } else if state.gone {
            self.end_of_stream(link);
        } else {
            self.lengths_at.get_or_insert(self.now + READ_AGAIN * 5);
        }
        if noticed && self.links[usize::from(link)].gone {
            // `CIPRECVLEN?` shows nothing of a closed link on 1.7: read once more.
            self.links[usize::from(link)].noticed = false;
            self.links[usize::from(link)].readable = true;
        }
    }

    /// Everything of a closed link has been read.
    pub(super) fn end_of_stream(&mut self, link: u8) {
        if let Owner::Slot(slot) = self.links[usize::from(link)].owner
            && let Some(socket) = self.slots.at(slot)
        {
            if let State::Connected(ends) = &mut socket.state {
                ends.rx = true;
                ends.tx = true;
            }
            socket.link = None;
            let pair = socket.pair;
            if let Some(pair) = self.pairs.get_mut(pair) {
                pair.tx.clear();
            }
        }
        self.free_link(link);
    }

    /// A counted reply was hurt: nothing of it reaches the user, and as it is gone from
    /// the modem, the stream ends here.
    pub(super) fn read_broken(&mut self, reading: Reading) {
        let pair = self.pair_of(reading.link);
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.rx.discard();
        }
        count!(self, framing);
        self.fail_link(reading.link, Error::EIO);
    }

    /// The line that names the segment of a `CIPSENDBUF`.
    pub(super) fn segment_named(&mut self, sending: Sending, line: &[u8]) {
        if !sending.buffered {
            return;
        }
        let command = SendBuffered { link: sending.link, len: sending.len };
        if let Ok(Segment(segment)) = command.parse(Ok(line)) {
            let link = &mut self.links[usize::from(sending.link)];
            if link.segments.count() == 0 {
                link.first_segment = segment;
            }
        }
    }

    /// `CIPSENDBUF` has the data; the result comes later.
    pub(super) fn send_buffered(&mut self, sending: Sending) {
        let link = &mut self.links[usize::from(sending.link)];
        if link.gone {
            self.send_done(sending.link);
            return;
        }
        link.segments.push(sending.len);
        self.send_done(sending.link);
    }

    /// `<id>,<segment>,SEND OK` or `FAIL`.
    pub(super) fn segment_done(&mut self, link: u8, segment: u32, ok: bool) {
        let state = &mut self.links[usize::from(link)];
        if !state.is_open() || state.segments.count() == 0 {
            count!(self, stray);
            return;
        }
        let count = segment.wrapping_sub(state.first_segment).wrapping_add(1);
        if count == 0 || count as usize > state.segments.count() {
            count!(self, stray);
            return;
        }
        for _ in 0..count {
            state.segments.pop();
        }
        state.first_segment = segment.wrapping_add(1);
        state.send_at = None;
        self.work = true;
        if !ok {
            self.fail_link(link, Error::ECONNABORTED);
        }
    }

    /// A send was refused before its data were sent: nothing is lost.
    pub(super) fn send_refused(&mut self, sending: Sending, hint: Option<Hint>) {
        let link = sending.link;
        match hint {
            Some(Hint::Full) => {
                self.links[usize::from(link)].send_at = Some(self.now + FULL_AGAIN);
            }
            _ if self.links[usize::from(link)].tcp => {
                // The link is not there any more, whether or not `CLOSED` was seen.
                self.links[usize::from(link)].send_at = Some(self.now + FULL_AGAIN);
                if !self.links[usize::from(link)].gone {
                    self.status_due = true;
                }
            }
            _ => self.datagram_refused(link),
        }
        self.send_done(link);
    }

    /// `SEND OK` or `SEND FAIL`.
    pub(super) fn send_ended(&mut self, sending: Sending, ok: bool) {
        if !ok {
            self.send_failed(sending.link);
        }
        self.send_done(sending.link);
    }

    /// Nobody knows whether the data arrived: they are never sent again (R23).
    pub(super) fn send_unknown(&mut self, sending: Sending) {
        if sending.stage <= super::flight::Stage::Prompt {
            // The data have not begun.
            self.send_done(sending.link);
            return;
        }
        // What is left of a datagram is none.
        if let Out::Data { pair, left } = core::mem::replace(&mut self.out, Out::Idle)
            && let Some(pair) = self.pairs.get_mut(pair)
        {
            pair.tx.consume(left.into());
        }
        self.send_failed(sending.link);
        self.send_done(sending.link);
    }

    fn send_failed(&mut self, link: u8) {
        if self.links[usize::from(link)].tcp {
            self.fail_link(link, Error::ECONNABORTED);
        }
    }

    /// A send is over. Buffers that were kept for it may be free now.
    fn send_done(&mut self, link: u8) {
        self.work = true;
        let state = &self.links[usize::from(link)];
        if state.owner == Owner::Orphan && state.gone {
            self.free_link(link);
        } else if let Owner::Orphan = state.owner
            && state.reset
        {
            let pair = self.links[usize::from(link)].pair;
            if let Some(pair) = self.pairs.get_mut(pair) {
                pair.tx.clear();
            }
        }
        self.touched = true;
    }
}
