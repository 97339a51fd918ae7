//! The panel of the boards: an ST7789 of 320x240 pixels, on eight data lines of SPI0.

use core::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::pixelcolor::raw::RawU16;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use k210_hal::pac::{SPI0, SYSCTL};

use crate::pins::{Output, route};
use crate::platform::{TICKS, pause, ticks};

/// Pixels of a row.
pub const WIDTH: u32 = 320;
/// Rows.
pub const HEIGHT: u32 = 240;

/// The panel, to draw on.
#[expect(missing_debug_implementations, reason = "the peripheral has nothing to show")]
pub struct Panel {
    spi: SPI0,
    /// Low: what is sent is a command.
    data: Output,
    /// The bus did not move when it was last waited for.
    stuck: bool,
}

impl Panel {
    /// Switches it on, black. Takes 300 ms, as its controller wants.
    #[must_use]
    pub fn new(spi: SPI0) -> Self {
        connect();
        route(SELECT_PIN, SPI0_SS3);
        route(CLOCK_PIN, SPI0_SCLK);
        let mut reset = Output::new(RESET_PIN, 31);
        let data = Output::new(COMMAND_PIN, 30);
        let mut panel = Self { spi, data, stuck: false };
        panel.set_up();
        pause(50);
        reset.set(true);
        pause(50);
        panel.command(SWRESET, &[]);
        pause(100);
        panel.command(SLPOUT, &[]);
        pause(100);
        // 16 bits per pixel; rows and columns exchanged, from the right upper corner.
        panel.command(COLMOD, &[0x55]);
        panel.command(MADCTL, &[0x60]);
        panel.command(DISPON, &[]);
        // It cannot fail.
        let _ = panel.clear(Rgb565::BLACK);
        panel
    }

    /// The bus: eight lines, sending only.
    fn set_up(&mut self) {
        self.enable(false);
        // SAFETY: values that the registers have.
        unsafe {
            self.spi.baudr.write(|w| w.bits(DIVIDER));
            self.spi.imr.write(|w| w.bits(0));
            self.spi.dmacr.write(|w| w.bits(0));
            self.spi.ser.write(|w| w.bits(1 << 3));
            self.spi.endian.write(|w| w.bits(0));
        }
    }

    fn enable(&self, on: bool) {
        // SAFETY: 0 or 1.
        self.spi.ssienr.write(|w| unsafe { w.bits(u32::from(on)) });
    }

    /// What is sent from now on has so many bits, and is a command or data.
    fn begin(&mut self, bits: u32, data: bool) {
        // What has not left by then is dropped: the bus forgets it when it is off.
        self.wait(BUSY | TX_EMPTY, TX_EMPTY);
        self.enable(false);
        self.data.set(data);
        // The first one of a transfer counts as its instruction, of the same length and form.
        let instruction = if bits == 8 { 2 } else { 3 };
        // SAFETY: values that the registers have: octal, sending only, mode 0.
        unsafe {
            self.spi.ctrlr0.write(|w| w.bits(3 << 21 | (bits - 1) << 16 | 1 << 8));
            self.spi.spi_ctrlr0.write(|w| w.bits(instruction << 8 | 2));
        }
        self.enable(true);
    }

    fn send(&mut self, word: u32) {
        if self.wait(TX_ROOM, TX_ROOM) {
            // SAFETY: any word will do.
            self.spi.dr[0].write(|w| unsafe { w.bits(word) });
        }
    }

    /// Waits until these bits of the status are so, but not for a bus that does not move: then
    /// it is not waited for again until it does.
    fn wait(&mut self, mask: u32, wanted: u32) -> bool {
        let mut end = None;
        while self.spi.sr.read().bits() & mask != wanted {
            let now = ticks();
            if self.stuck || now > *end.get_or_insert(now + LONGEST) {
                self.stuck = true;
                return false;
            }
        }
        self.stuck = false;
        true
    }

    fn command(&mut self, command: u8, parameters: &[u8]) {
        self.begin(8, false);
        self.send(command.into());
        if !parameters.is_empty() {
            self.begin(8, true);
            parameters.iter().for_each(|byte| self.send((*byte).into()));
        }
    }

    /// What is drawn next fills this area, row by row.
    fn window(&mut self, area: &Rectangle) {
        let end = area.bottom_right().unwrap_or(area.top_left);
        self.command(CASET, &span(area.top_left.x, end.x));
        self.command(RASET, &span(area.top_left.y, end.y));
        self.command(RAMWR, &[]);
        self.begin(16, true);
    }
}

impl OriginDimensions for Panel {
    fn size(&self) -> Size {
        Size::new(WIDTH, HEIGHT)
    }
}

impl DrawTarget for Panel {
    type Color = Rgb565;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb565>>,
    {
        for Pixel(at, colour) in pixels {
            if self.bounding_box().contains(at) {
                self.window(&Rectangle::new(at, Size::new_equal(1)));
                self.send(word(colour));
            }
        }
        Ok(())
    }

    fn fill_contiguous<I>(&mut self, area: &Rectangle, colours: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Rgb565>,
    {
        let visible = area.intersection(&self.bounding_box());
        if visible.is_zero_sized() {
            return Ok(());
        }
        self.window(&visible);
        let points = area.points().zip(colours);
        points.filter(|(at, _)| visible.contains(*at)).for_each(|(_, c)| self.send(word(c)));
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb565) -> Result<(), Infallible> {
        self.fill_contiguous(area, core::iter::repeat(colour))
    }
}

fn word(colour: Rgb565) -> u32 {
    RawU16::from(colour).into_inner().into()
}

fn span(from: i32, to: i32) -> [u8; 4] {
    // Inside the panel, so they fit.
    let [_, _, a, b] = from.to_be_bytes();
    let [_, _, c, d] = to.to_be_bytes();
    [a, b, c, d]
}

/// Clock, supply and data lines.
fn connect() {
    // SAFETY: the registers are always there, and no handler uses these.
    let sysctl = unsafe { &*SYSCTL::ptr() };
    sysctl.clk_en_peri.modify(|_, w| w.spi0_clk_en().set_bit());
    // SAFETY: PLL0 / 2.
    sysctl.clk_th1.modify(|_, w| unsafe { w.spi0_clk().bits(0) });
    // The panel's pins are in two banks of 1.8 V.
    sysctl.power_sel.modify(|_, w| w.power_mode_sel6().set_bit().power_mode_sel7().set_bit());
    // Its data lines are those of SPI0 and the camera, without the pin matrix.
    sysctl.misc.modify(|_, w| w.spi_dvp_data_enable().set_bit());
}

const SELECT_PIN: usize = 36;
const RESET_PIN: usize = 37;
const COMMAND_PIN: usize = 38;
const CLOCK_PIN: usize = 39;
/// Functions of the pin matrix.
const SPI0_SS3: u8 = 15;
const SPI0_SCLK: u8 = 17;

/// 390 MHz / 20.
const DIVIDER: u32 = 20;

/// Much more than a full FIFO can take to leave, 32 words of a microsecond.
const LONGEST: u64 = TICKS / 100;

/// Status.
const BUSY: u32 = 1;
const TX_ROOM: u32 = 2;
const TX_EMPTY: u32 = 4;

/// Commands of the controller.
const SWRESET: u8 = 0x01;
const SLPOUT: u8 = 0x11;
const DISPON: u8 = 0x29;
const CASET: u8 = 0x2a;
const RASET: u8 = 0x2b;
const RAMWR: u8 = 0x2c;
const MADCTL: u8 = 0x36;
const COLMOD: u8 = 0x3a;
