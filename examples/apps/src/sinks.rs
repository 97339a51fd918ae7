//! What a board supplies around the network: where bytes go, who is told.

use core::fmt;

/// Takes the bytes of a file in order: a card, a flash, a screen.
pub trait Sink {
    /// Why bytes were not taken.
    type Error: fmt::Display;

    /// Takes all of `piece`.
    fn append(&mut self, piece: &[u8]) -> Result<(), Self::Error>;
}

/// Gives back what a [`Sink`] took, or anything else that has bytes.
pub trait Source {
    /// Why bytes could not be had.
    type Error: fmt::Display;

    /// Copies bytes from `offset` on into `buf`, as many as there are; 0 at the end.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error>;
}

/// Is told how far a transfer is.
pub trait Progress {
    /// `done` bytes of `total`, which may be unknown. Called once before the
    /// first byte and after each piece.
    fn progress(&mut self, done: u64, total: Option<u64>);
}

/// Is told what a server or a poll sees, one line at a time.
pub trait Journal {
    /// One line, without its end.
    fn line(&mut self, text: fmt::Arguments<'_>);
}

/// Nobody is told.
impl Progress for () {
    fn progress(&mut self, _: u64, _: Option<u64>) {}
}

/// Nobody is told.
impl Journal for () {
    fn line(&mut self, _: fmt::Arguments<'_>) {}
}

/// Memory as a file; full is an error.
impl<const N: usize> Sink for heapless::Vec<u8, N> {
    type Error = heapless::CapacityError;

    fn append(&mut self, piece: &[u8]) -> Result<(), Self::Error> {
        self.extend_from_slice(piece)
    }
}

impl Source for &[u8] {
    type Error = core::convert::Infallible;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or(&[]);
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}
