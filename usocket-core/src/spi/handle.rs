//! Handles: slot and generation.

use core::fmt;

/// A socket's place in its backend: slot and generation (S9).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    slot: u32,
    generation: u32,
}

impl Handle {
    /// Not a socket: any socket of the backend (S8). Only for `register`.
    pub const ANY: Handle = Handle { slot: u32::MAX, generation: 0 };
    /// Not a socket: the backend's own work (S8). Only for `register`.
    pub const WORK: Handle = Handle { slot: u32::MAX, generation: 1 };

    /// The handle of `slot` in its `generation`; `slot` is below `u32::MAX`.
    #[must_use]
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }

    /// The slot.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// The generation.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Handle::ANY => f.write_str("#any"),
            Handle::WORK => f.write_str("#work"),
            Handle { slot, generation } => write!(f, "#{slot}.{generation}"),
        }
    }
}

/// A fixed table of `N` slots that hands out [`Handle`]s: for backend authors.
///
/// A slot's generation grows each time it is freed, so that a stale handle
/// finds nothing (S9).
#[derive(Debug)]
pub struct HandleTable<T, const N: usize> {
    slots: [(u32, Option<T>); N],
}

impl<T, const N: usize> Default for HandleTable<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a table has far fewer than u32::MAX slots")]
impl<T, const N: usize> HandleTable<T, N> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: [const { (0, None) }; N] }
    }

    /// Puts `value` into a free slot; gives it back when there is none.
    pub fn insert(&mut self, value: T) -> core::result::Result<Handle, T> {
        match self.slots.iter_mut().enumerate().find(|(_, (_, slot))| slot.is_none()) {
            Some((index, (generation, slot))) => {
                *slot = Some(value);
                Ok(Handle::new(index as u32, *generation))
            }
            None => Err(value),
        }
    }

    /// The value of a live handle.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        match self.slots.get(handle.slot()) {
            Some((generation, slot)) if *generation == handle.generation => slot.as_ref(),
            _ => None,
        }
    }

    /// The value of a live handle.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        match self.slots.get_mut(handle.slot()) {
            Some((generation, slot)) if *generation == handle.generation => slot.as_mut(),
            _ => None,
        }
    }

    /// Frees the slot of a live handle and returns its value.
    pub fn remove(&mut self, handle: Handle) -> Option<T> {
        let (generation, slot) = self.slots.get_mut(handle.slot())?;
        if *generation != handle.generation {
            return None;
        }
        let value = slot.take()?;
        *generation = generation.wrapping_add(1);
        Some(value)
    }

    /// The live entries, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, (generation, slot))| {
            slot.as_ref().map(|value| (Handle::new(index as u32, *generation), value))
        })
    }

    /// The live entries, by slot.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Handle, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(index, (generation, slot))| {
            slot.as_mut().map(|value| (Handle::new(index as u32, *generation), value))
        })
    }

    /// How many slots are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.iter().filter(|(_, slot)| slot.is_some()).count()
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_finds_nothing() {
        let mut table = HandleTable::<_, 2>::new();
        let a = table.insert('a').unwrap();
        let b = table.insert('b').unwrap();
        assert_eq!(table.insert('c'), Err('c'));
        assert_eq!(table.remove(a), Some('a'));
        assert_eq!(table.remove(a), None);
        let c = table.insert('c').unwrap();
        assert_eq!((c.slot(), table.get(a), table.get(c)), (a.slot(), None, Some(&'c')));
        assert_eq!(table.get_mut(b), Some(&mut 'b'));
        assert_eq!(table.iter().count(), table.len());
        assert_eq!(table.get(Handle::ANY), None);
    }
}
