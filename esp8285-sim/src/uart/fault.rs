//! Bytes that are lost, doubled, changed or invented on the wire.

use crate::rng::Rng;

/// What can happen to a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Repeat,
    /// These bits arrive inverted.
    Flip(u8),
    /// This byte arrives before it.
    Insert(u8),
}

/// The faults of one direction.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Bytes lost, in a million.
    pub drop: u32,
    /// Bytes doubled, in a million.
    pub repeat: u32,
    /// Bytes with one bit changed, in a million.
    pub flip: u32,
    /// Bytes of noise, in a million bytes.
    pub insert: u32,
    /// Faults of single bytes, counted from 0.
    pub at: Vec<(u64, Fault)>,
}

/// Applies faults to a stream of bytes.
#[derive(Debug)]
pub(super) struct FaultSource {
    faults: Faults,
    rng: Rng,
    passed: u64,
}

impl FaultSource {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Self { faults, rng: Rng::new(seed), passed: 0 }
    }

    /// This happens to the next byte.
    pub(super) fn now(&mut self, fault: Fault) {
        self.faults.at.push((self.passed, fault));
    }

    /// How many of the next bytes will arrive as they are.
    pub(super) fn harmless(&self) -> usize {
        let faults = &self.faults;
        if faults.drop | faults.repeat | faults.flip | faults.insert > 0 {
            return 0;
        }
        let next = faults.at.iter().map(|(at, _)| *at).filter(|at| *at >= self.passed).min();
        next.map_or(usize::MAX, |at| usize::try_from(at - self.passed).unwrap_or(usize::MAX))
    }

    /// So many of them have passed.
    pub(super) fn skip(&mut self, count: usize) {
        self.passed += count as u64;
    }

    /// What arrives where `byte` was sent.
    pub(super) fn pass(&mut self, byte: u8) -> Vec<u8> {
        let index = self.passed;
        self.passed += 1;
        let mut arriving = vec![byte];
        let mut happening: Vec<Fault> =
            self.faults.at.iter().filter(|(at, _)| *at == index).map(|(_, fault)| *fault).collect();
        if self.rng.happens(self.faults.drop) {
            happening.push(Fault::Drop);
        }
        if self.rng.happens(self.faults.repeat) {
            happening.push(Fault::Repeat);
        }
        if self.rng.happens(self.faults.flip) {
            happening.push(Fault::Flip(1 << self.rng.below(8)));
        }
        if self.rng.happens(self.faults.insert) {
            happening.push(Fault::Insert(self.rng.byte()));
        }
        for fault in happening {
            match fault {
                Fault::Drop => arriving.clear(),
                Fault::Repeat => arriving.extend(arriving.clone()),
                Fault::Flip(bits) => arriving.iter_mut().for_each(|byte| *byte ^= bits),
                Fault::Insert(noise) => arriving.insert(0, noise),
            }
        }
        arriving
    }
}
