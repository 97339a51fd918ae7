//! A place in .bss for what is made at run time.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

/// Holds one value for ever.
#[derive(Debug)]
pub struct Place<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    taken: AtomicBool,
}

// SAFETY: only one caller ever gets the reference.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    /// Nothing in it.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "for statics only")]
    pub const fn new() -> Self {
        Self { value: UnsafeCell::new(MaybeUninit::uninit()), taken: AtomicBool::new(false) }
    }

    /// Puts the value there.
    ///
    /// # Panics
    /// The second time.
    #[inline(always)]
    pub fn put(&'static self, make: impl FnOnce() -> T) -> &'static mut T {
        assert!(!self.taken.swap(true, Ordering::Relaxed));
        // SAFETY: first and only access.
        unsafe { (*self.value.get()).write(make()) }
    }
}
