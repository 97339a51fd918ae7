//! UART1, to which the modem is wired, and a queue between its interrupt and the program.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const UART: usize = 0x5021_0000;
const GPIOHS_OUTPUT: *mut u32 = 0x3800_100c as *mut u32;
const APB0: u32 = 195_000_000;

/// Registers, and bits of the line status.
const DATA: usize = 0x00;
const INTERRUPTS: usize = 0x04;
const LINE_CONTROL: usize = 0x0c;
const LINE_STATUS: usize = 0x14;
const DIVISOR_FRACTION: usize = 0xc0;
const READY: u32 = 1;
const BAD: u32 = 0b1_1110;
const FULL: u32 = 1 << 5;
const IDLE: u32 = 1 << 6;

unsafe extern "Rust" {
    /// The program takes a byte in the interrupt handler; whether bytes were lost before it.
    safe fn footprint_received(byte: u8, lost: bool);
}

fn read(register: usize) -> u32 {
    // SAFETY: a register of UART1, aligned; only this module uses them.
    unsafe { ptr::read_volatile((UART + register) as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { ptr::write_volatile((UART + register) as *mut u32, value) };
}

/// Receive interrupts, and transmit in the mode in which a full FIFO can be seen.
pub fn enable(baud_rate: u32) {
    baud(baud_rate);
    write(INTERRUPTS, 0x81);
    // SAFETY: the handler is in place; timer and external interrupts may come from now on.
    unsafe { core::arch::asm!("csrs mie, {}", "csrsi mstatus, 8", in(reg) 0x880) };
}

/// Sets the rate.
pub fn baud(rate: u32) {
    let sixteenths = APB0 / rate;
    write(LINE_CONTROL, 0x83);
    write(DATA, sixteenths >> 4 & 0xff);
    write(INTERRUPTS, sixteenths >> 12);
    write(DIVISOR_FRACTION, sixteenths & 15);
    write(LINE_CONTROL, 3);
}

/// Drives the modem's enable pin.
pub fn power(on: bool) {
    // SAFETY: an output register.
    unsafe { ptr::write_volatile(GPIOHS_OUTPUT, u32::from(on)) };
}

/// Sends what there is room for; how much that was.
pub fn put(bytes: &[u8]) -> usize {
    let room = bytes.iter().take_while(|byte| {
        let room = writable();
        if room {
            write(DATA, u32::from(**byte));
        }
        room
    });
    room.count()
}

/// Whether a byte can be sent.
#[must_use]
pub fn writable() -> bool {
    read(LINE_STATUS) & FULL == 0
}

/// Whether all have left.
#[must_use]
pub fn is_idle() -> bool {
    read(LINE_STATUS) & IDLE != 0
}

pub(crate) fn interrupt() {
    let mut status = read(LINE_STATUS);
    while status & READY != 0 {
        footprint_received(read(DATA).to_le_bytes()[0], status & BAD != 0);
        status = read(LINE_STATUS);
    }
}

/// A queue of bytes from the interrupt handler to the program.
#[derive(Debug)]
pub struct Queue<const N: usize> {
    bytes: UnsafeCell<[u8; N]>,
    /// Put and taken in all. The handler alone moves the first, the program the second.
    put: AtomicUsize,
    taken: AtomicUsize,
    lost: AtomicBool,
}

// SAFETY: the handler writes only bytes between `put` and `taken` + N, the program reads only
// those between `taken` and `put`.
unsafe impl<const N: usize> Sync for Queue<N> {}

impl<const N: usize> Queue<N> {
    /// An empty one.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "for statics only")]
    pub const fn new() -> Self {
        const { assert!(N.is_power_of_two()) };
        Self {
            bytes: UnsafeCell::new([0; N]),
            put: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// For the handler.
    pub fn push(&self, byte: u8, lost: bool) {
        let (put, taken) = (self.put.load(Ordering::Relaxed), self.taken.load(Ordering::Acquire));
        if lost || put.wrapping_sub(taken) >= N {
            self.lost.store(true, Ordering::Relaxed);
        }
        if put.wrapping_sub(taken) < N {
            // SAFETY: in bounds; this byte is the handler's.
            unsafe { self.bytes.get().cast::<u8>().add(put % N).write(byte) };
            self.put.store(put.wrapping_add(1), Ordering::Release);
        }
    }

    /// For the program: takes what there is.
    pub fn take(&self, buf: &mut [u8]) -> usize {
        let (put, taken) = (self.put.load(Ordering::Acquire), self.taken.load(Ordering::Relaxed));
        let len = buf.len().min(put.wrapping_sub(taken));
        for (at, byte) in buf[..len].iter_mut().enumerate() {
            // SAFETY: in bounds; these bytes are the program's.
            *byte = unsafe { self.bytes.get().cast::<u8>().add(taken.wrapping_add(at) % N).read() };
        }
        self.taken.store(taken.wrapping_add(len), Ordering::Release);
        len
    }

    /// Whether something was lost since the last call.
    pub fn take_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::Relaxed)
    }

    /// Whether there is something to take or to be told.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
            || self.put.load(Ordering::Acquire) != self.taken.load(Ordering::Relaxed)
    }
}
