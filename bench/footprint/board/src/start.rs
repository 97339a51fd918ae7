//! Interrupts, panics and the end.

use core::ptr::addr_of_mut;

/// The outcome, for a debugger. Written last.
static mut OUTCOME: u32 = 0;

/// Ends the program: whether the page was right.
pub fn finish(good: bool) -> ! {
    // SAFETY: nobody else uses it.
    unsafe { addr_of_mut!(OUTCOME).write_volatile(if good { 1 } else { 2 }) };
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    finish(false)
}

#[unsafe(no_mangle)]
extern "C" fn footprint_trap() {
    crate::arch::clock::disarm();
    #[cfg(feature = "uart")]
    crate::uart::interrupt();
    #[cfg(feature = "network")]
    crate::network::interrupt();
}
