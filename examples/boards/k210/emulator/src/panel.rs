//! SPI0 as the panel sees it, and the panel: an ST7789 of 320x240 pixels.
//!
//! Modelled: what is sent over eight lines, commands and data told apart by a pin, the window,
//! pixels of 16 bits. The bus takes no time, so its FIFO is always empty. Orders that the panel
//! does not know are ignored; what comes over another number of lines is counted as lost.

/// Pixels of a row.
pub const WIDTH: usize = 320;
/// Rows.
pub const HEIGHT: usize = 240;

/// What the panel shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// 565 colours, row by row.
    pub pixels: Vec<u16>,
    /// Whether it is awake and on.
    pub on: bool,
    /// Frames that came in a form that it does not understand.
    pub lost: u64,
}

#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) screen: Screen,
    control: u32,
    format: u32,
    enabled: bool,
    selected: bool,
    command: u8,
    parameters: Vec<u8>,
    awake: bool,
    columns: (usize, usize),
    rows: (usize, usize),
    at: (usize, usize),
    /// Rows and columns exchanged, and 16 bits per pixel.
    exchanged: bool,
    sixteen: bool,
    /// The bus does not move.
    pub(crate) stuck: bool,
}

impl Default for Panel {
    fn default() -> Self {
        let screen = Screen { pixels: vec![0; WIDTH * HEIGHT], on: false, lost: 0 };
        Self {
            screen,
            control: 0,
            format: 0,
            enabled: false,
            selected: false,
            command: 0,
            parameters: Vec::new(),
            awake: false,
            columns: (0, 0),
            rows: (0, 0),
            at: (0, 0),
            exchanged: false,
            sixteen: false,
            stuck: false,
        }
    }
}

/// The panel's pins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    pub(crate) connected: bool,
    pub(crate) data: bool,
    pub(crate) running: bool,
}

impl Panel {
    pub(crate) fn read(&self, offset: u64) -> u32 {
        match offset {
            0x00 => self.control,
            0x08 => self.enabled.into(),
            0x28 if self.stuck => 0,
            // Room, empty, not busy.
            0x28 => 0b110,
            0xf4 => self.format,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32, lines: Lines) {
        match offset {
            0x00 => self.control = value,
            0x08 => self.enabled = value & 1 == 1,
            0x10 => self.selected = value >> 3 & 1 == 1,
            0xf4 => self.format = value,
            0x60..0xf0 if self.enabled => self.frame(value, lines),
            _ => {}
        }
    }

    fn frame(&mut self, value: u32, lines: Lines) {
        let (octal, bits) = (self.control >> 21 & 3 == 3, (self.control >> 16 & 31) + 1);
        if !(lines.connected && lines.running && self.selected && octal && bits.is_multiple_of(8)) {
            self.screen.lost += 1;
            return;
        }
        let bytes = value.to_be_bytes();
        for byte in &bytes[4 - bits as usize / 8..] {
            if lines.data { self.data(*byte) } else { self.order(*byte) }
        }
    }

    fn order(&mut self, command: u8) {
        self.command = command;
        self.parameters.clear();
        match command {
            0x01 => {
                (self.awake, self.screen.on) = (false, false);
                (self.exchanged, self.sixteen) = (false, false);
            }
            0x10 => self.awake = false,
            0x11 => self.awake = true,
            0x28 => self.screen.on = false,
            0x29 => self.screen.on = self.awake,
            0x2c => self.at = (self.columns.0, self.rows.0),
            _ => {}
        }
    }

    fn data(&mut self, byte: u8) {
        self.parameters.push(byte);
        match (self.command, &self.parameters[..]) {
            (0x2a, &[a, b, c, d]) => self.columns = span([a, b, c, d]),
            (0x2b, &[a, b, c, d]) => self.rows = span([a, b, c, d]),
            (0x36, &[how]) => self.exchanged = how & 0x20 != 0,
            (0x3a, &[how]) => self.sixteen = how & 7 == 5,
            (0x2c, &[high, low]) => {
                self.pixel(u16::from_be_bytes([high, low]));
                self.parameters.clear();
            }
            _ => {}
        }
    }

    fn pixel(&mut self, colour: u16) {
        let (x, y) = self.at;
        if self.exchanged && self.sixteen && x < WIDTH && y < HEIGHT {
            self.screen.pixels[y * WIDTH + x] = colour;
        } else {
            self.screen.lost += 1;
        }
        self.at = if x < self.columns.1 {
            (x + 1, y)
        } else {
            (self.columns.0, if y < self.rows.1 { y + 1 } else { self.rows.0 })
        };
    }
}

fn span([a, b, c, d]: [u8; 4]) -> (usize, usize) {
    (u16::from_be_bytes([a, b]).into(), u16::from_be_bytes([c, d]).into())
}

impl Screen {
    /// The pixels with eight bits per colour.
    #[must_use]
    pub fn rgb(&self) -> Vec<u8> {
        let wide = |value: u16, bits: u32| {
            let scaled = u32::from(value) * 255 / ((1 << bits) - 1);
            u8::try_from(scaled).unwrap_or(u8::MAX)
        };
        let parts = |p: &u16| [wide(p >> 11, 5), wide(p >> 5 & 63, 6), wide(p & 31, 5)];
        self.pixels.iter().flat_map(parts).collect()
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_png(&self, to: impl std::io::Write) -> Result<(), png::EncodingError> {
        #[expect(clippy::cast_possible_truncation, reason = "constants")]
        let mut encoder = png::Encoder::new(to, WIDTH as u32, HEIGHT as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.rgb())
    }
}
