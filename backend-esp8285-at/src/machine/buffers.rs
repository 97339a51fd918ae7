//! Pairs of rings, leased to whoever has data.

use core::num::NonZero;

use crate::ring::{Marks, Ring};

/// What one socket has received and wants to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) rx: Marks,
    pub(crate) tx: Marks,
    leased: bool,
}

impl Pair {
    /// One that nobody has, before it belongs to a driver. All zero, so that memory that
    /// holds nothing else takes no room in flash.
    pub(crate) const EMPTY: Self = Self::new(0, 0);

    /// One that nobody has, for rings of these sizes.
    const fn new(rx: usize, tx: usize) -> Self {
        Self { rx: Marks::new(rx), tx: Marks::new(tx), leased: false }
    }
}

/// The number of a pair, from 1 on, so that an optional one is a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairId(NonZero<u8>);

impl PairId {
    fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// All pairs.
#[derive(Debug)]
pub(crate) struct Pairs<'r> {
    pairs: &'r mut [Pair],
    /// The bytes of all rings, one ring after the other.
    rx: &'r mut [u8],
    tx: &'r mut [u8],
}

impl<'r> Pairs<'r> {
    pub(crate) fn new(pairs: &'r mut [Pair], rx: &'r mut [u8], tx: &'r mut [u8]) -> Self {
        let count = pairs.len().max(1);
        pairs.fill(Pair::new(rx.len() / count, tx.len() / count));
        Self { pairs, rx, tx }
    }

    /// Leases a pair, empty.
    pub(crate) fn lease(&mut self) -> Option<PairId> {
        let mut numbered = self.pairs.iter_mut().zip(1..);
        let (pair, number) = numbered.find(|(pair, _)| !pair.leased)?;
        pair.leased = true;
        pair.rx.clear();
        pair.tx.clear();
        NonZero::new(number).map(PairId)
    }

    #[inline(never)] // once in an image
    pub(crate) fn release(&mut self, pair: Option<PairId>) {
        if let Some(pair) = self.get_mut(pair) {
            pair.leased = false;
        }
    }

    pub(crate) fn get(&self, pair: Option<PairId>) -> Option<&Pair> {
        self.pairs.get(pair?.index())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, pair: Option<PairId>) -> Option<&mut Pair> {
        self.pairs.get_mut(pair?.index())
    }

    /// The ring of what was received.
    pub(crate) fn rx(&mut self, pair: Option<PairId>) -> Option<Ring<'_>> {
        let index = pair?.index();
        let marks = &mut self.pairs.get_mut(index)?.rx;
        let from = index * marks.capacity();
        Some(Ring { bytes: self.rx.get_mut(from..from + marks.capacity())?, marks })
    }

    /// The ring of what is to be sent.
    pub(crate) fn tx(&mut self, pair: Option<PairId>) -> Option<Ring<'_>> {
        let index = pair?.index();
        let marks = &mut self.pairs.get_mut(index)?.tx;
        let from = index * marks.capacity();
        Some(Ring { bytes: self.tx.get_mut(from..from + marks.capacity())?, marks })
    }

    /// The oldest bytes to be sent that lie together.
    pub(crate) fn tx_front(&self, pair: Option<PairId>) -> &[u8] {
        let front = || {
            let index = pair?.index();
            let marks = &self.pairs.get(index)?.tx;
            self.tx.get(index * marks.capacity()..)?.get(marks.front())
        };
        front().unwrap_or_default()
    }

    /// A part of the memory for what is received, and where it is, for whoever fills it
    /// before anything else is done to the ring.
    pub(crate) fn vacant(&mut self, pair: PairId) -> Option<core::ops::Range<usize>> {
        let marks = &mut self.get_mut(Some(pair))?.rx;
        let from = pair.index() * marks.capacity();
        let vacant = marks.vacant();
        Some(from + vacant.start..from + vacant.end)
    }

    /// That part.
    #[inline]
    pub(crate) fn part(&mut self, range: core::ops::Range<usize>) -> Option<&mut [u8]> {
        self.rx.get_mut(range)
    }

    /// How much one pair can hold to receive and to send.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        self.pairs.first().map_or((0, 0), |pair| (pair.rx.capacity(), pair.tx.capacity()))
    }
}
