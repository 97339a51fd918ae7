//! The short way of received bytes: while nothing but counted payload is coming in, a byte is
//! put into its ring and nothing else is done, so that an interrupt for each byte is cheap.
//!
//! The account is kept in a [`Direct`], apart from the machine, and is settled before anybody
//! else looks at the machine.

use usocket_core::Instant;

use super::{Machine, Out, PairId};

/// A part of the memory of rings that payload is being put into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Direct {
    pair: Option<PairId>,
    /// The part: what is filled, then what is free.
    begin: usize,
    at: usize,
    end: usize,
    /// From when on there may be something else to do.
    until: Instant,
    /// When the last byte came.
    heard: Instant,
}

impl Direct {
    /// There is no such part.
    pub(crate) const NONE: Self =
        Self { pair: None, begin: 0, at: 0, end: 0, until: Instant::ZERO, heard: Instant::ZERO };

    /// Whether a byte that comes now may go the short way.
    #[inline]
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        self.at < self.end && now < self.until
    }

    /// Whether there is such a part.
    #[inline]
    pub(crate) fn is_begun(&self) -> bool {
        self.at < self.end
    }

    /// So many bytes have been put there; whether there is still room.
    #[inline]
    pub(crate) fn filled(&mut self, now: Instant, len: usize) -> bool {
        self.at += len;
        self.heard = now;
        self.at < self.end
    }
}

impl Machine<'_> {
    /// Where payload goes until `next`, if nothing else is going on.
    pub(crate) fn direct(&mut self, next: Option<Instant>) -> Direct {
        let left = self.digest.payload_left();
        if left == 0 || self.work || self.touched || self.out != Out::Idle || self.has_input() {
            return Direct::NONE;
        }
        let Some(index) = self.target.pair() else { return Direct::NONE };
        let Some(vacant) = self.pairs.vacant(index) else { return Direct::NONE };
        Direct {
            pair: Some(index),
            begin: vacant.start,
            at: vacant.start,
            end: vacant.end.min(vacant.start + left),
            until: next.unwrap_or(Instant::from_micros(u64::MAX)),
            heard: Instant::ZERO,
        }
    }

    /// The free part.
    #[inline]
    pub(crate) fn direct_room(&mut self, direct: &Direct) -> &mut [u8] {
        self.pairs.part(direct.at..direct.end).unwrap_or_default()
    }

    /// Brings the machine to the account.
    pub(crate) fn settle(&mut self, direct: &mut Direct) {
        let Direct { pair, begin, at, heard, .. } = core::mem::replace(direct, Direct::NONE);
        let len = at - begin;
        if len == 0 {
            return;
        }
        self.now = self.now.max(heard);
        self.heard = self.heard.max(heard);
        count!(self, rx_bytes, len as u64);
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.rx.stage(len);
        }
        self.digest.payload_passed(len);
        self.payload_moved();
    }
}
