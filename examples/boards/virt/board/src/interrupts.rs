//! The interrupts of the network interface and the timer.

use core::cell::{Cell, RefCell};

use critical_section::Mutex;
use riscv::interrupt::Interrupt;
use usocket::CriticalSectionRawMutex;
use usocket::smoltcp::Net;
use usocket::spi::Platform;

use crate::Nic;
use crate::registers::{
    MTIMECMP, PLIC_CLAIM, PLIC_ENABLE, PLIC_PRIORITY, PLIC_THRESHOLD, Register, VIRTIO_ACKNOWLEDGE,
    VIRTIO_STATUS, virtio,
};

/// Whoever is told that frames may have come: a backend.
pub trait Input: Sync {
    /// Frames may have come. Called by the interrupt handler.
    fn input(&self);
}

impl<P: Platform + Sync, const WAKERS: usize> Input
    for Net<'static, Nic, P, CriticalSectionRawMutex, WAKERS>
where
    Self: Sync,
{
    fn input(&self) {
        Net::input(self);
    }
}

static LISTENER: Mutex<RefCell<Option<&'static dyn Input>>> = Mutex::new(RefCell::new(None));

/// The number of the interface among the virtio devices.
static DEVICE: Mutex<Cell<Option<usize>>> = Mutex::new(Cell::new(None));

/// Passes the interface's interrupt on to this backend from now on.
pub fn on_frames(net: &'static dyn Input) {
    critical_section::with(|cs| LISTENER.borrow_ref_mut(cs).replace(net));
}

/// Lets the interrupts of this virtio device and of the timer in.
pub(crate) fn start(device: usize) {
    MTIMECMP.write(u64::MAX);
    critical_section::with(|cs| DEVICE.borrow(cs).set(Some(device)));
    PLIC_PRIORITY.nth(number(device)).write(1);
    PLIC_THRESHOLD.write(0);
    PLIC_ENABLE.write(1 << number(device));
    // SAFETY: both handlers are here, and nothing counts on their not being called.
    unsafe {
        riscv::register::mie::set_mext();
        riscv::register::mie::set_mtimer();
        riscv::interrupt::enable();
    }
}

/// The number of a virtio device's interrupt.
const fn number(device: usize) -> usize {
    1 + device
}

#[riscv_rt::core_interrupt(Interrupt::MachineExternal)]
fn external() {
    let interrupt = PLIC_CLAIM.read();
    let (device, listener) =
        critical_section::with(|cs| (DEVICE.borrow(cs).get(), *LISTENER.borrow_ref(cs)));
    if let Some(device) = device {
        let wants = Register::<u32>::at(virtio(device) + VIRTIO_STATUS).read();
        Register::<u32>::at(virtio(device) + VIRTIO_ACKNOWLEDGE).write(wants);
    }
    PLIC_CLAIM.write(interrupt);
    if let Some(listener) = listener {
        listener.input();
    }
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    #[cfg(feature = "embassy")]
    crate::executor::timer();
    #[cfg(not(feature = "embassy"))]
    MTIMECMP.write(u64::MAX);
}
