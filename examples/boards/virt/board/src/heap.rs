//! An allocator, for what a program does beside sockets: those need none.

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;

use embedded_alloc::LlffHeap;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

const SIZE: usize = 32 << 20;

// Not set to zero at each start.
#[unsafe(link_section = ".uninit.heap")]
static mut MEMORY: MaybeUninit<[u8; SIZE]> = MaybeUninit::uninit();

/// To be called once, before anything is allocated.
pub fn start_heap() {
    // SAFETY: nobody else uses the memory; a second call is refused by the heap itself.
    unsafe { HEAP.init(addr_of_mut!(MEMORY) as usize, SIZE) }
}
