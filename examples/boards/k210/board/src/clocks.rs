//! The clocks: 26 MHz from the crystal, 780 MHz from PLL0, 390 MHz for the CPU and 195 MHz for
//! the bus of the UARTs.
//!
//! The HAL's `Clocks` has 195 MHz for that bus and 403 MHz for the CPU, which do not belong
//! together. Its first number is right here; what is derived from its second one, the rate of
//! UARTHS, is corrected by the console.

use k210_hal::pac::{SYSCTL, sysctl};

/// Of the CPU, in Hz.
pub const CPU: u32 = 390_000_000;

/// Of the bus of UART1 to UART3, in Hz: what the HAL has.
pub(crate) const APB0: u32 = CPU / 2;

/// 26 MHz / 1 * 60 / 2.
const DIVIDE: u8 = 1;
const MULTIPLY: u8 = 60;
const OUT: u8 = 2;

pub(crate) fn start() {
    // SAFETY: the registers are always there, and nobody else uses these now.
    let sysctl = unsafe { &*SYSCTL::ptr() };
    // On the crystal while the PLL is off.
    sysctl.clk_sel0.modify(|_, w| w.aclk_sel().clear_bit());
    start_pll(sysctl);
    // SAFETY: in range: CPU from PLL0 / 2, APB0 from CPU / 2.
    sysctl.clk_sel0.modify(|_, w| unsafe { w.aclk_divider_sel().bits(0).apb0_clk_sel().bits(1) });
    sysctl.clk_sel0.modify(|_, w| w.aclk_sel().set_bit());
    sysctl.clk_en_cent.modify(|_, w| w.apb0_clk_en().set_bit());
    sysctl.clk_en_peri.modify(|_, w| w.fpioa_clk_en().set_bit());
}

fn start_pll(sysctl: &sysctl::RegisterBlock) {
    sysctl.pll0.modify(|_, w| w.out_en().clear_bit());
    sysctl.pll0.modify(|_, w| w.pwrd().clear_bit());
    // SAFETY: the numbers fit their fields.
    sysctl.pll0.modify(|_, w| unsafe {
        w.clkr().bits(DIVIDE - 1).clkf().bits(MULTIPLY - 1);
        w.clkod().bits(OUT - 1).bwadj().bits(MULTIPLY - 1)
    });
    sysctl.pll0.modify(|_, w| w.pwrd().set_bit());
    sysctl.pll0.modify(|_, w| w.reset().clear_bit());
    sysctl.pll0.modify(|_, w| w.reset().set_bit());
    // 100 ns at least; one of these takes 38.
    for _ in 0..16 {
        core::hint::spin_loop();
    }
    sysctl.pll0.modify(|_, w| w.reset().clear_bit());
    // Both bits: locked.
    while sysctl.pll_lock.read().pll_lock0().bits() != 3 {
        sysctl.pll_lock.modify(|_, w| w.pll_slip_clear0().set_bit());
    }
    sysctl.pll0.modify(|_, w| w.out_en().set_bit());
}
