//! An allocator.

use core::ptr::addr_of;

use embedded_alloc::LlffHeap;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

unsafe extern "C" {
    /// How much the board's linker script has for it: the address is the size.
    static _heap_size: u8;
}

/// To be called once, before anything is allocated.
pub fn start_heap() {
    // SAFETY: only its address is used, which every linker script here sets. The memory is
    // behind all statics, below the stack; a second call is refused by the heap itself.
    unsafe { HEAP.init(cortex_m_rt::heap_start() as usize, addr_of!(_heap_size) as usize) }
}
