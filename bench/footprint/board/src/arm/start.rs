//! From reset to `main`, and the vectors.

use core::arch::global_asm;

global_asm!(
    ".section .init, \"a\"",
    ".word __stack_top",
    ".word _start",
    // Every exception and interrupt has one handler.
    ".rept 96",
    ".word footprint_trap",
    ".endr",
    ".section .text._start, \"ax\"",
    ".global _start",
    ".thumb_func",
    "_start:",
    "ldr r0, =__bss_start",
    "ldr r1, =__bss_end",
    "movs r2, #0",
    "1: cmp r0, r1",
    "bhs 2f",
    "str r2, [r0], #4",
    "b 1b",
    "2: ldr r0, =__data_start",
    "ldr r1, =__data_end",
    "ldr r2, =__data_load",
    "3: cmp r0, r1",
    "bhs 4f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 3b",
    "4: bl main",
    "5: wfi",
    "b 5b",
    ".ltorg",
);
