//! The table of descriptors: handles to entries, without a lock on lookup.

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwapOption, Guard};
use usocket_core::spi::Handle;
use usocket_core::{Error, Result};

use crate::entry::Entry;

/// Chunks double in size, so that the table grows without moving a slot.
const FIRST_CHUNK: usize = 64;
const CHUNKS: usize = 20;

#[derive(Debug)]
pub(crate) struct Table {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    free: Mutex<Free>,
}

type Slot = ArcSwapOption<Entry>;

#[derive(Debug, Default)]
struct Free {
    /// Freed slots with the generation of their next handle.
    slots: Vec<Handle>,
    /// Slots ever used.
    used: u32,
}

/// An entry kept alive for the length of one call.
///
/// The guard is a hazard, not a count: it costs no write to shared memory.
/// Taking the entry out of the table turns it into a count, by which
/// [`close`](crate::close) sees whether somebody is inside.
pub(crate) struct Live(Guard<Option<Arc<Entry>>>);

impl Deref for Live {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        self.0.as_deref().expect("only a full slot makes a Live")
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS], free: Mutex::default() }
    }

    /// The entry of a live handle; `EBADF` for a stale one (S9).
    #[inline]
    pub(crate) fn get(&self, handle: Handle) -> Result<Live> {
        let slot = self.slot(handle.slot()).ok_or(Error::EBADF)?;
        let guard = slot.load();
        match &*guard {
            Some(entry) if entry.handle == handle => Ok(Live(guard)),
            _ => Err(Error::EBADF),
        }
    }

    /// Puts an entry into a free slot; `ENOMEM` when the table is full.
    pub(crate) fn insert(&self, make: impl FnOnce(Handle) -> Entry) -> Result<Handle> {
        let handle = self.reserve()?;
        let (chunk, offset) = place(handle.slot());
        let slots = self.chunks[chunk]
            .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Slot::empty()).collect());
        slots[offset].store(Some(Arc::new(make(handle))));
        Ok(handle)
    }

    /// Takes the entry of a live handle out and frees its slot.
    pub(crate) fn remove(&self, handle: Handle) -> Option<Arc<Entry>> {
        let slot = self.slot(handle.slot())?;
        // Under the lock nobody else empties the slot between the look and the swap.
        let mut free = self.free();
        slot.load().as_ref().filter(|entry| entry.handle == handle)?;
        let entry = slot.swap(None)?;
        free.slots.push(Handle::new(slot_number(handle), handle.generation().wrapping_add(1)));
        Some(entry)
    }

    /// Every live handle.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        let slots = self.chunks.iter().filter_map(OnceLock::get).flatten();
        slots.filter_map(|slot| slot.load().as_ref().map(|entry| entry.handle)).collect()
    }

    fn reserve(&self) -> Result<Handle> {
        let mut free = self.free();
        if let Some(handle) = free.slots.pop() {
            return Ok(handle);
        }
        let number = free.used;
        if place(number as usize).0 >= CHUNKS {
            return Err(Error::ENOMEM);
        }
        free.used += 1;
        Ok(Handle::new(number, 0))
    }

    #[inline]
    fn slot(&self, number: usize) -> Option<&Slot> {
        let (chunk, offset) = place(number);
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chunk of a slot and its place there: chunk `k` begins at `64 * (2^k - 1)`.
#[inline]
fn place(number: usize) -> (usize, usize) {
    let chunk = (number / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, number - FIRST_CHUNK * ((1 << chunk) - 1))
}

#[expect(clippy::cast_possible_truncation, reason = "slots are numbered by u32")]
fn slot_number(handle: Handle) -> u32 {
    handle.slot() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_dense() {
        let mut expected = (0, 0);
        for number in 0..100_000 {
            assert_eq!(place(number), expected, "{number}");
            expected.1 += 1;
            if expected.1 == FIRST_CHUNK << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(place(u32::MAX as usize).0 >= CHUNKS, "ANY and WORK are no slots");
    }
}
