//! A port to a program beside the emulator, for tests. A chip has nothing at this address.

use core::ptr;

const PORT: usize = 0x6000_0000;
/// Takes a byte of the question; asks it; gives a byte of the answer, or `NONE`.
const PUT: *mut u32 = PORT as *mut u32;
const ASK: *mut u32 = (PORT + 4) as *mut u32;
const GET: *const u32 = (PORT + 8) as *const u32;
const NONE: u32 = 0x100;

/// Asks the program beside the emulator; what of its answer fits. On a board this is a fault.
pub fn ask<'a>(question: &[u8], answer: &'a mut [u8]) -> &'a [u8] {
    for byte in question {
        // SAFETY: a register of the emulator; on a board nothing is there to be harmed.
        unsafe { ptr::write_volatile(PUT, u32::from(*byte)) };
    }
    // SAFETY: as above.
    unsafe { ptr::write_volatile(ASK, 1) };
    let mut len = 0;
    for place in &mut *answer {
        // SAFETY: as above.
        match unsafe { ptr::read_volatile(GET) } {
            NONE => break,
            byte => *place = byte.to_le_bytes()[0],
        }
        len += 1;
    }
    &answer[..len]
}
