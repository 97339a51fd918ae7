//! The interrupt controller, and who is called for which source.

use core::arch::asm;
use core::cell::UnsafeCell;

use k210_hal::pac::PLIC;

/// Called for an interrupt, with interrupts masked.
pub(crate) trait Handler: Sync {
    fn interrupt(&self);
    /// Whether something has still to leave.
    fn is_sending(&self) -> bool;
}

/// The handlers of UART1 to UART3.
struct Handlers(UnsafeCell<[Option<&'static dyn Handler>; UARTS]>);

// SAFETY: written with interrupts masked and before the source is enabled, read by the trap
// handler of the same hart.
unsafe impl Sync for Handlers {}

static HANDLERS: Handlers = Handlers(UnsafeCell::new([None; UARTS]));

const UARTS: usize = 3;
/// The source of UART1; the others follow.
const UART1: usize = 11;

/// External and timer interrupts, of which the second only ends a sleep.
const EXTERNAL: usize = 1 << 11;
const TIMER: usize = 1 << 7;

/// Nothing is enabled yet, but interrupts are.
pub(crate) fn start() {
    // SAFETY: the registers are always there.
    let plic = unsafe { &*PLIC::ptr() };
    for words in &plic.target_enables[0].enable[..3] {
        // SAFETY: any bits will do.
        words.write(|w| unsafe { w.bits(0) });
    }
    // SAFETY: any priority but 0.
    plic.targets[0].threshold.write(|w| unsafe { w.bits(0) });
    crate::platform::disarm();
    // SAFETY: the handler is in place, and no timer is due.
    unsafe { asm!("csrw mie, {}", "csrsi mstatus, 8", in(reg) EXTERNAL | TIMER) };
}

/// Calls `handler` for the UART of this number from now on.
pub(crate) fn attach(uart: usize, handler: &'static dyn Handler) {
    masked(|| {
        // SAFETY: interrupts are masked, and one hart runs.
        unsafe { (*HANDLERS.0.get())[uart - 1] = Some(handler) };
        // SAFETY: the registers are always there.
        let plic = unsafe { &*PLIC::ptr() };
        let source = UART1 + uart - 1;
        // SAFETY: a priority above the threshold.
        plic.priority[source].write(|w| unsafe { w.bits(1) });
        // SAFETY: any bits will do.
        plic.target_enables[0].enable[0].modify(|r, w| unsafe { w.bits(r.bits() | 1 << source) });
    });
}

/// Whether the UART of this number is there and has still to send.
pub(crate) fn is_sending(uart: usize) -> bool {
    // SAFETY: nobody writes it now: this is no handler, and one hart runs.
    let handlers = unsafe { &*HANDLERS.0.get() };
    handlers[uart - 1].is_some_and(|handler| handler.is_sending())
}

/// Does this with interrupts masked.
pub(crate) fn masked<T>(what: impl FnOnce() -> T) -> T {
    let before = mask();
    let answer = what();
    if before {
        unmask();
    }
    answer
}

/// Masks interrupts; whether they were on.
pub(crate) fn mask() -> bool {
    let before: usize;
    // SAFETY: clears mstatus.MIE and gives what it was. What the handler has changed is seen
    // after it, as the compiler takes it for an access to all memory.
    unsafe { asm!("csrrci {}, mstatus, 8", out(reg) before) };
    before & 8 != 0
}

/// Lets interrupts come that were on before.
pub(crate) fn unmask() {
    // SAFETY: the handlers are in place; what is done before it is seen by them, as above.
    unsafe { asm!("csrsi mstatus, 8") };
}

/// Called by `_trap`.
pub(crate) extern "C" fn trap(cause: usize, at: usize) {
    if cause != 1 << (usize::BITS - 1) | 11 {
        // The timer is armed only while interrupts are masked, so this is a fault.
        crate::console::fault(cause, at);
    }
    // SAFETY: the registers are always there.
    let plic = unsafe { &*PLIC::ptr() };
    let claimed = plic.targets[0].claim.read().bits();
    // SAFETY: nobody writes it now.
    let handlers = unsafe { &*HANDLERS.0.get() };
    let which = (claimed as usize).wrapping_sub(UART1);
    if let Some(Some(handler)) = handlers.get(which) {
        handler.interrupt();
        #[cfg(feature = "embassy")]
        crate::executor::notify();
    }
    // SAFETY: what was claimed.
    plic.targets[0].claim.write(|w| unsafe { w.bits(claimed) });
}
