//! A network controller as simple as can be: one frame each way, in memory that it reads and
//! writes itself. It is nobody's, so that no driver is measured; the compiler cannot see through it.

use core::cell::UnsafeCell;
use core::ptr;

const CONTROLLER: usize = 0x4002_8000;

/// Registers. A length of 0 is no frame, and gives the memory back to the controller.
const RECEIVE_MEMORY: usize = 0x00;
const RECEIVE_LENGTH: usize = 0x04;
const TRANSMIT_MEMORY: usize = 0x08;
const TRANSMIT_LENGTH: usize = 0x0c;
const INTERRUPTS: usize = 0x10;

/// The longest frame: Ethernet's.
pub const FRAME: usize = 1514;

struct Memory(UnsafeCell<[u8; FRAME]>);

// SAFETY: `Network` alone refers to it, and there is one, by its maker's word.
unsafe impl Sync for Memory {}

static RECEIVED: Memory = Memory(UnsafeCell::new([0; FRAME]));
static SENT: Memory = Memory(UnsafeCell::new([0; FRAME]));

fn read(register: usize) -> usize {
    // SAFETY: a register of the controller, aligned; only this module uses them.
    unsafe { ptr::read_volatile((CONTROLLER + register) as *const u32) as usize }
}

#[expect(clippy::cast_possible_truncation, reason = "addresses of these boards have 32 bits")]
fn write(register: usize, value: usize) {
    // SAFETY: as in `read`.
    unsafe { ptr::write_volatile((CONTROLLER + register) as *mut u32, value as u32) };
}

pub(crate) fn interrupt() {
    write(INTERRUPTS, 0);
}

/// Whether a frame has come. Asking lets the next one end a sleep.
#[must_use]
pub fn frame_came() -> bool {
    write(INTERRUPTS, 1);
    read(RECEIVE_LENGTH) != 0
}

/// The controller's two halves.
#[derive(Debug)]
pub struct Network {
    /// What comes.
    pub receiver: Receiver,
    /// What goes.
    pub sender: Sender,
}

impl Network {
    /// Switches it on.
    ///
    /// # Safety
    /// Once: there is one controller.
    #[must_use]
    pub unsafe fn new() -> Self {
        write(RECEIVE_MEMORY, RECEIVED.0.get() as usize);
        write(TRANSMIT_MEMORY, SENT.0.get() as usize);
        write(INTERRUPTS, 1);
        Self { receiver: Receiver(()), sender: Sender(()) }
    }
}

/// Its receiving half.
#[derive(Debug)]
pub struct Receiver(());

impl Receiver {
    /// Takes the frame that has come.
    pub fn take<R>(&mut self, use_it: impl FnOnce(&[u8]) -> R) -> R {
        let len = read(RECEIVE_LENGTH).min(FRAME);
        // SAFETY: the controller leaves it alone until it is given back, and `self` is borrowed.
        let answer = use_it(unsafe { &(&*RECEIVED.0.get())[..len] });
        write(RECEIVE_LENGTH, 0);
        answer
    }
}

/// Its sending half.
#[derive(Debug)]
pub struct Sender(());

impl Sender {
    /// Whether a frame can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        read(TRANSMIT_LENGTH) == 0
    }

    /// Sends a frame of this length.
    pub fn send<R>(&mut self, len: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        // SAFETY: the controller leaves it alone while it has nothing to send.
        let answer = fill(unsafe { &mut (&mut *SENT.0.get())[..len] });
        write(TRANSMIT_LENGTH, len);
        answer
    }
}
