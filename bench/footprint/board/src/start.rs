//! From reset to `main`, traps, and the end.

use core::arch::global_asm;
use core::ptr::addr_of_mut;

global_asm!(
    ".section .init",
    ".global _start",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    // The second hart has nothing to do.
    "csrr t0, mhartid",
    "bnez t0, 3f",
    "la sp, __stack_top",
    "la t0, __bss_start",
    "la t1, __bss_end",
    "1: bgeu t0, t1, 2f",
    "sd zero, 0(t0)",
    "addi t0, t0, 8",
    "j 1b",
    "2: la t0, _trap",
    "csrw mtvec, t0",
    "call main",
    "3: wfi",
    "j 3b",
    ".align 2",
    "_trap:",
    "addi sp, sp, -128",
    "sd ra, 0(sp)",
    "sd t0, 8(sp)",
    "sd t1, 16(sp)",
    "sd t2, 24(sp)",
    "sd t3, 32(sp)",
    "sd t4, 40(sp)",
    "sd t5, 48(sp)",
    "sd t6, 56(sp)",
    "sd a0, 64(sp)",
    "sd a1, 72(sp)",
    "sd a2, 80(sp)",
    "sd a3, 88(sp)",
    "sd a4, 96(sp)",
    "sd a5, 104(sp)",
    "sd a6, 112(sp)",
    "sd a7, 120(sp)",
    "call footprint_trap",
    "ld ra, 0(sp)",
    "ld t0, 8(sp)",
    "ld t1, 16(sp)",
    "ld t2, 24(sp)",
    "ld t3, 32(sp)",
    "ld t4, 40(sp)",
    "ld t5, 48(sp)",
    "ld t6, 56(sp)",
    "ld a0, 64(sp)",
    "ld a1, 72(sp)",
    "ld a2, 80(sp)",
    "ld a3, 88(sp)",
    "ld a4, 96(sp)",
    "ld a5, 104(sp)",
    "ld a6, 112(sp)",
    "ld a7, 120(sp)",
    "addi sp, sp, 128",
    "mret",
);

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
    crate::clock::disarm();
    crate::uart::interrupt();
}
