//! From reset to `main`, and the way in and out of interrupts.
//!
//! Not `riscv-rt`: the version that `k210-hal` 0.2 is bound to brings assembly that was built
//! for soft float, and saves a handler more than is needed.

use core::arch::global_asm;

global_asm!(
    ".section .init",
    ".global _start",
    "_start:",
    // Whoever was here before may have left interrupts on.
    "csrw mie, zero",
    "csrci mstatus, 8",
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
    "call {fpu}",
    "call main",
    "3: wfi",
    "j 3b",
    // What a function may change is saved, so that one can be called. The handler uses no
    // floating point, and the compiler's copies are made with integer registers.
    ".align 2",
    ".global _trap",
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
    "csrr a0, mcause",
    "csrr a1, mepc",
    "call {trap}",
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
    fpu = sym enable_fpu,
    trap = sym crate::interrupts::trap,
);

// What functions of `riscv-rt` refer to that nobody calls: the HAL brings them along, and their
// own definitions are in assembly that was built for soft float, which riscv64gc does not link.
global_asm!(
    ".section .text.unused",
    ".global __wfi, __read_mhartid, __read_mstatus, __write_mstatus, __set_mstatus, __clear_mstatus",
    "__wfi: wfi",
    "ret",
    "__read_mhartid: csrr a0, mhartid",
    "ret",
    "__read_mstatus: csrr a0, mstatus",
    "ret",
    "__write_mstatus: csrw mstatus, a0",
    "ret",
    "__set_mstatus: csrs mstatus, a0",
    "ret",
    "__clear_mstatus: csrc mstatus, a0",
    "ret",
);

/// On riscv64gc the compiler may use floating point anywhere; it is off after a reset.
extern "C" fn enable_fpu() {
    #[cfg(target_feature = "d")]
    // SAFETY: sets mstatus.FS to "initial"; nothing depends on its being off.
    unsafe {
        core::arch::asm!("csrs mstatus, {}", in(reg) 1 << 13)
    }
}
