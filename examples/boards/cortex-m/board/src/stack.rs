//! How deep the stack was.

use core::ptr;

unsafe extern "C" {
    /// Behind all statics, where the heap begins if there is one.
    static _stack_end: u32;
    /// How much the linker script has for the heap: the address is the size.
    static _heap_size: u8;
    /// Behind the first word of the stack.
    static _stack_start: u32;
}

/// What the start code has painted all of this with.
const PAINT: u32 = 0xcccc_cccc;

/// Bytes of the stack that were used, and that never were. One of which none were never used
/// may have spoiled what is below it.
pub(crate) fn stack() -> (usize, usize) {
    let start = &raw const _stack_start;
    let end = (&raw const _stack_end).wrapping_byte_add((&raw const _heap_size) as usize);
    let words = (start as usize - end as usize) / size_of::<u32>();
    // SAFETY: words of memory between the heap and the start of the stack; those in use may
    // change meanwhile, but are not painted.
    let painted = |&at: &usize| unsafe { ptr::read_volatile(end.add(at)) } == PAINT;
    let free = (0..words).take_while(painted).count();
    ((words - free) * size_of::<u32>(), free * size_of::<u32>())
}
