//! Pairs of rings, leased to whoever has data.

use crate::ring::Ring;

/// Most pairs of a driver.
pub(crate) const MAX_PAIRS: usize = 8;

/// What one socket has received and wants to send.
#[derive(Debug)]
pub(crate) struct Pair<'r> {
    pub(crate) rx: Ring<'r>,
    pub(crate) tx: Ring<'r>,
    leased: bool,
}

/// All pairs.
#[derive(Debug)]
pub(crate) struct Pairs<'r>(heapless::Vec<Pair<'r>, MAX_PAIRS>);

#[expect(clippy::cast_possible_truncation, reason = "there are at most eight pairs")]
impl<'r> Pairs<'r> {
    pub(crate) fn new(buffers: impl Iterator<Item = (&'r mut [u8], &'r mut [u8])>) -> Self {
        let pair = |(rx, tx)| Pair { rx: Ring::new(rx), tx: Ring::new(tx), leased: false };
        Self(buffers.map(pair).collect())
    }

    /// Leases a pair, empty.
    pub(crate) fn lease(&mut self) -> Option<u8> {
        let (index, pair) = self.0.iter_mut().enumerate().find(|(_, pair)| !pair.leased)?;
        pair.leased = true;
        pair.rx.clear();
        pair.tx.clear();
        Some(index as u8)
    }

    #[inline(never)] // once in an image
    pub(crate) fn release(&mut self, pair: Option<u8>) {
        if let Some(pair) = pair.and_then(|pair| self.0.get_mut(usize::from(pair))) {
            pair.leased = false;
        }
    }

    pub(crate) fn get(&self, pair: Option<u8>) -> Option<&Pair<'r>> {
        self.0.get(usize::from(pair?))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, pair: Option<u8>) -> Option<&mut Pair<'r>> {
        self.0.get_mut(usize::from(pair?))
    }

    /// How much one pair can hold to receive and to send.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        self.0.first().map_or((0, 0), |pair| (pair.rx.capacity(), pair.tx.capacity()))
    }
}
