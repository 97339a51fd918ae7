//! SYSCTL, FPIOA and GPIOHS, as far as the board support uses them.

/// The system controller: registers, and the clocks that follow from them.
#[derive(Debug)]
pub(crate) struct System {
    registers: [u32; 0x80 / 4],
}

const PLL0: usize = 0x08 / 4;
const PLL_LOCK: usize = 0x18 / 4;
const CLK_SEL0: usize = 0x20 / 4;
const CLK_EN_CENT: usize = 0x28 / 4;
const CLK_EN_PERI: usize = 0x2c / 4;
const CLK_TH1: usize = 0x3c / 4;
const MISC: usize = 0x54 / 4;

/// The crystal.
const IN0: u64 = 26_000_000;

impl Default for System {
    /// As after a reset: on the crystal, without the clocks of peripherals.
    fn default() -> Self {
        let mut registers = [0; 0x80 / 4];
        registers[CLK_SEL0] = 1 << 3;
        registers[CLK_EN_CENT] = 0b111;
        Self { registers }
    }
}

impl System {
    pub(crate) fn read(&self, offset: u64) -> u32 {
        match usize::try_from(offset / 4) {
            // Locked once it has power and is not in reset.
            Ok(PLL_LOCK) if self.registers[PLL0] >> 20 & 3 == 2 => 3,
            Ok(PLL_LOCK) => 0,
            Ok(at) => self.registers.get(at).copied().unwrap_or(0),
            Err(_) => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32) {
        if let Some(register) =
            usize::try_from(offset / 4).ok().and_then(|at| self.registers.get_mut(at))
        {
            *register = value;
        }
    }

    /// Of the CPU.
    pub(crate) fn cpu_hz(&self) -> u64 {
        let select = self.registers[CLK_SEL0];
        if select & 1 == 0 || self.pll0_hz() == 0 {
            return IN0;
        }
        self.pll0_hz() / (2 << (select >> 1 & 3))
    }

    /// Of PLL0; 0 while it does not run.
    fn pll0_hz(&self) -> u64 {
        let pll = self.registers[PLL0];
        let field = |shift: u32, bits: u32| u64::from(pll >> shift & ((1 << bits) - 1)) + 1;
        let works = pll >> 20 & 3 == 2 && pll >> 25 & 1 == 1;
        if works { IN0 * field(4, 6) / field(0, 4) / field(10, 4) } else { 0 }
    }

    /// Of the bus of UART1 to UART3.
    pub(crate) fn apb0_hz(&self) -> u64 {
        self.cpu_hz() / (u64::from(self.registers[CLK_SEL0] >> 3 & 7) + 1)
    }

    /// Whether UART 1, 2 or 3 has a clock.
    pub(crate) fn uart_runs(&self, number: usize) -> bool {
        self.registers[CLK_EN_CENT] >> 3 & 1 == 1
            && self.registers[CLK_EN_PERI] >> (15 + number) & 1 == 1
    }

    /// Whether the pin matrix has a clock.
    pub(crate) fn fpioa_runs(&self) -> bool {
        self.registers[CLK_EN_PERI] >> 20 & 1 == 1
    }

    /// Whether SPI1 has a clock.
    pub(crate) fn spi1_runs(&self) -> bool {
        self.registers[CLK_EN_PERI] >> 7 & 1 == 1
    }

    /// What SPI1 divides: PLL0 by twice its threshold.
    pub(crate) fn spi1_hz(&self) -> u64 {
        self.pll0_hz() / (2 * (u64::from(self.registers[CLK_TH1] >> 8 & 0xff) + 1))
    }

    /// Whether SPI0 has a clock, and its data lines are connected.
    pub(crate) fn spi0_runs(&self) -> bool {
        self.registers[CLK_EN_PERI] >> 6 & 1 == 1 && self.registers[MISC] >> 10 & 1 == 1
    }
}

/// The pin matrix, and the outputs that can be routed through it.
#[derive(Debug)]
pub(crate) struct Pins {
    io: [u32; 48],
    output_enable: u32,
    output: u32,
}

impl Default for Pins {
    fn default() -> Self {
        Self { io: [0; 48], output_enable: 0, output: 0 }
    }
}

const GPIOHS0: u32 = 24;

impl Pins {
    pub(crate) fn read_matrix(&self, offset: u64) -> u32 {
        usize::try_from(offset / 4).ok().and_then(|at| self.io.get(at)).copied().unwrap_or(0)
    }

    pub(crate) fn write_matrix(&mut self, offset: u64, value: u32) {
        if let Some(io) = usize::try_from(offset / 4).ok().and_then(|at| self.io.get_mut(at)) {
            *io = value;
        }
    }

    pub(crate) fn read_outputs(&self, offset: u64) -> u32 {
        match offset {
            0x08 => self.output_enable,
            0x0c => self.output,
            _ => 0,
        }
    }

    pub(crate) fn write_outputs(&mut self, offset: u64, value: u32) {
        match offset {
            0x08 => self.output_enable = value,
            0x0c => self.output = value,
            _ => {}
        }
    }

    /// The function of a pin.
    pub(crate) fn function(&self, pin: usize) -> u32 {
        self.io[pin] & 0xff
    }

    /// The function of a pin that drives.
    pub(crate) fn output(&self, pin: usize) -> Option<u32> {
        (self.io[pin] >> 12 & 1 == 1).then(|| self.function(pin))
    }

    /// The function of a pin that listens.
    pub(crate) fn input(&self, pin: usize) -> Option<u32> {
        (self.io[pin] >> 20 & 1 == 1).then(|| self.function(pin))
    }

    /// Whether a pin is driven high by an output; one that nobody drives is low.
    pub(crate) fn is_high(&self, pin: usize) -> bool {
        let drives = self.io[pin] >> 12 & 1 == 1;
        let Some(number) = self.function(pin).checked_sub(GPIOHS0).filter(|number| *number < 32)
        else {
            return false;
        };
        drives && self.output_enable >> number & 1 == 1 && self.output >> number & 1 == 1
    }
}
