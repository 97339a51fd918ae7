//! The machine's registers, by address.

use core::marker::PhantomData;
use core::ptr;

/// Ends the machine.
pub(crate) const TEST: Register<u32> = Register::at(0x0010_0000);
/// Nanoseconds since 1970, the low half of them: reading it latches the high one.
pub(crate) const RTC_LOW: Register<u32> = Register::at(0x0010_1000);
/// Their high half.
pub(crate) const RTC_HIGH: Register<u32> = Register::at(0x0010_1004);
/// When the timer's interrupt comes.
pub(crate) const MTIMECMP: Register<u64> = Register::at(0x0200_4000);
/// 10 MHz.
pub(crate) const MTIME: Register<u64> = Register::at(0x0200_bff8);
/// The priority of interrupt 0; those of the others follow.
pub(crate) const PLIC_PRIORITY: Register<u32> = Register::at(0x0c00_0000);
/// Interrupts 0 to 31 that the hart in machine mode takes, a bit each.
pub(crate) const PLIC_ENABLE: Register<u32> = Register::at(0x0c00_2000);
/// Interrupts of no higher priority are not taken.
pub(crate) const PLIC_THRESHOLD: Register<u32> = Register::at(0x0c20_0000);
/// Which interrupt to handle; written when it is done.
pub(crate) const PLIC_CLAIM: Register<u32> = Register::at(0x0c20_0004);
/// Of the 16550: the byte to send.
pub(crate) const UART_THR: Register<u8> = Register::at(0x1000_0000);
/// Of the 16550: bit 5 says that there is room for a byte.
pub(crate) const UART_LSR: Register<u8> = Register::at(0x1000_0005);

/// The eight virtio devices that the machine may have.
pub(crate) const VIRTIO: core::ops::Range<usize> = 0..8;
/// What a virtio device wants.
pub(crate) const VIRTIO_STATUS: usize = 0x60;
/// What was noted of it.
pub(crate) const VIRTIO_ACKNOWLEDGE: usize = 0x64;

/// Where the virtio device of this number has its registers.
pub(crate) const fn virtio(number: usize) -> usize {
    0x1000_1000 + 0x1000 * number
}

/// One register of the machine.
#[derive(Clone, Copy)]
pub(crate) struct Register<T> {
    address: usize,
    size: PhantomData<T>,
}

impl<T> Register<T> {
    pub(crate) const fn at(address: usize) -> Self {
        Self { address, size: PhantomData }
    }

    pub(crate) fn read(self) -> T {
        // SAFETY: all are registers that the machine always has, of this size and so aligned.
        unsafe { ptr::read_volatile(self.address as *const T) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: as above. What a write does is no access to the program's memory: of
        // the addresses that devices are told, virtio-drivers and `nic` take care.
        unsafe { ptr::write_volatile(self.address as *mut T, value) }
    }

    /// The one so many behind it.
    pub(crate) const fn nth(self, number: usize) -> Self {
        Self::at(self.address + number * size_of::<T>())
    }
}
