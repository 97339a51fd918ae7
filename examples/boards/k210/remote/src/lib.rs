//! The kit's peer is a program beside the emulator; the cases are in the firmware. This is what
//! they say to each other: one request, one answer, in a plain binary form.
#![no_std]
#![forbid(unsafe_code)]

mod kit;
mod plain;

use usocket_conformance::{Actor, Outcome, Step};
use usocket_core::Family;

/// What the firmware asks; each method of the kit's peer, and what a run needs.
#[derive(Clone, Debug)]
pub enum Ask<'s> {
    /// Which case to run: answered by a `u32`.
    Case,
    /// Starts a script: `Result<Actor>`.
    Start(&'s [Step]),
    /// The address of a script: `Result<SockAddr>`, which may be `EAGAIN`.
    Address(Actor),
    /// What it has seen: a `Report`.
    Report(Actor),
    /// Whether it has got as far as it will by itself: `bool`.
    Settled(Actor),
    /// Stops it: a `Report`.
    Stop(Actor),
    /// An address on which nobody listens: a `SockAddr`.
    Refusing(Family),
    /// An address that does not answer: a `SockAddr`.
    Silent(Family),
    /// What came of the case: nothing.
    Outcome(Outcome),
    /// There is no case of this number: nothing.
    NoMore,
}

/// Types that go over the port.
pub trait Wire: Sized {
    /// Writes it.
    fn put(&self, to: &mut Writer<'_>);
    /// Reads it; `None` where the bytes mean nothing.
    fn get(from: &mut Reader<'_>) -> Option<Self>;
}

/// Takes the bytes of a message. Too many are dropped, which the reader will notice.
#[derive(Debug)]
pub struct Writer<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    /// An empty message.
    #[must_use]
    pub const fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// What was written.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.buf[..self.len]
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(room) = self.buf.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }
}

/// Gives the bytes of a message.
#[derive(Debug)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    /// Makes bytes last as long as a step and a failure have them.
    keep: fn(&[u8]) -> &'static [u8],
}

impl<'b> Reader<'b> {
    /// A message that was received.
    #[must_use]
    pub const fn new(bytes: &'b [u8], keep: fn(&[u8]) -> &'static [u8]) -> Self {
        Self { bytes, keep }
    }

    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(front)
    }
}

/// The steps of a script that was received.
pub type Steps = ([Option<Step>; usocket_conformance::MAX_STEPS], usize);

/// What was asked, as the other end reads it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and no allocator")]
pub enum Asked {
    /// See [`Ask`].
    Case,
    /// See [`Ask`].
    Start(Steps),
    /// See [`Ask`].
    Address(Actor),
    /// See [`Ask`].
    Report(Actor),
    /// See [`Ask`].
    Settled(Actor),
    /// See [`Ask`].
    Stop(Actor),
    /// See [`Ask`].
    Refusing(Family),
    /// See [`Ask`].
    Silent(Family),
    /// See [`Ask`].
    Outcome(Outcome),
    /// See [`Ask`].
    NoMore,
}

impl Ask<'_> {
    /// Writes the question.
    pub fn put(&self, to: &mut Writer<'_>) {
        match self {
            Self::Case => 0_u8.put(to),
            Self::Start(steps) => {
                1_u8.put(to);
                (steps.len() as u64).put(to);
                steps.iter().for_each(|step| step.put(to));
            }
            Self::Address(actor) => (2_u8, *actor).put(to),
            Self::Report(actor) => (3_u8, *actor).put(to),
            Self::Settled(actor) => (4_u8, *actor).put(to),
            Self::Stop(actor) => (5_u8, *actor).put(to),
            Self::Refusing(family) => (6_u8, *family).put(to),
            Self::Silent(family) => (7_u8, *family).put(to),
            Self::Outcome(outcome) => (8_u8, *outcome).put(to),
            Self::NoMore => 9_u8.put(to),
        }
    }
}

impl Asked {
    /// Reads a question.
    #[must_use]
    pub fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => Self::Case,
            1 => {
                let len = usize::try_from(u64::get(from)?).ok()?;
                let mut steps = [None; usocket_conformance::MAX_STEPS];
                for place in steps.get_mut(..len)? {
                    *place = Some(Step::get(from)?);
                }
                Self::Start((steps, len))
            }
            2 => Self::Address(Actor::get(from)?),
            3 => Self::Report(Actor::get(from)?),
            4 => Self::Settled(Actor::get(from)?),
            5 => Self::Stop(Actor::get(from)?),
            6 => Self::Refusing(Family::get(from)?),
            7 => Self::Silent(Family::get(from)?),
            8 => Self::Outcome(Outcome::get(from)?),
            9 => Self::NoMore,
            _ => return None,
        })
    }
}
