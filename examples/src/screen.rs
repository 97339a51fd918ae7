//! A picture in a terminal.

use std::convert::Infallible;
use std::env;
use std::fmt::Write;
use std::io::{self, IsTerminal};

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;

/// Pixels to draw on, as a panel would have them.
#[derive(Debug)]
pub struct Frame {
    size: Size,
    pixels: Vec<Rgb888>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always: 24 bits, two pixels to a character.
    Always,
    /// Never: characters of more or less ink.
    Never,
}

impl Colour {
    fn wanted(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
                let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
                io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
            }
        }
    }
}

impl Frame {
    /// A black frame.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let pixels = vec![Rgb888::BLACK; size.width as usize * size.height as usize];
        Self { size, pixels }
    }

    /// The frame as text, as large as the terminal allows, or `columns` wide.
    #[must_use]
    pub fn to_text(&self, columns: Option<u32>, colour: Colour) -> String {
        let columns = columns.unwrap_or_else(|| self.fitting()).clamp(1, self.size.width.max(1));
        let small = self.scaled(columns);
        if colour.wanted() { small.half_blocks() } else { small.ink() }
    }

    /// The columns at which the frame fits the terminal in both directions.
    fn fitting(&self) -> u32 {
        let (columns, lines) = match terminal_size::terminal_size() {
            Some((columns, lines)) => (u32::from(columns.0), u32::from(lines.0)),
            None => (80, u32::MAX),
        };
        // Some lines are for what is said above and below.
        let height = u64::from(lines.saturating_sub(5).max(8)) * 2;
        let width = height * u64::from(self.size.width) / u64::from(self.size.height.max(1));
        columns.min(u32::try_from(width).unwrap_or(u32::MAX))
    }

    /// The frame at another width, each pixel the mean of those it covers. An even
    /// number of rows: two make a line.
    fn scaled(&self, width: u32) -> Self {
        let Size { width: from_width, height: from_height } = self.size;
        let height = u64::from(from_height) * u64::from(width) / u64::from(from_width.max(1));
        let height = u32::try_from(height).unwrap_or(u32::MAX).next_multiple_of(2).max(2);
        let mut small = Self::new(Size::new(width, height));
        let span = |at: u32, of: u32, from: u32| {
            let edge = |at: u32| at as usize * from as usize / of as usize;
            edge(at)..edge(at + 1).max(edge(at) + 1)
        };
        for y in 0..height {
            let rows = span(y, height, from_height);
            for x in 0..width {
                let columns = span(x, width, from_width);
                small.pixels[(y * width + x) as usize] = self.mean(rows.clone(), columns);
            }
        }
        small
    }

    fn mean(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Rgb888 {
        let (mut sum, mut count) = ([0_u32; 3], 0);
        for y in rows {
            for pixel in &self.pixels[y * self.size.width as usize..][columns.clone()] {
                for (sum, part) in sum.iter_mut().zip([pixel.r(), pixel.g(), pixel.b()]) {
                    *sum += u32::from(part);
                }
                count += 1;
            }
        }
        let [r, g, b] = sum.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX));
        Rgb888::new(r, g, b)
    }

    /// Two rows as one line of upper half blocks: foreground above, background below.
    fn half_blocks(&self) -> String {
        let mut text = String::new();
        for pair in self.pixels.chunks_exact(2 * self.size.width as usize) {
            let (upper, lower) = pair.split_at(self.size.width as usize);
            let mut last = None;
            for (u, l) in upper.iter().zip(lower) {
                if last != Some((u, l)) {
                    let _ = write!(
                        text,
                        "\x1b[38;2;{};{};{};48;2;{};{};{}m",
                        u.r(),
                        u.g(),
                        u.b(),
                        l.r(),
                        l.g(),
                        l.b()
                    );
                    last = Some((u, l));
                }
                text.push('\u{2580}');
            }
            text.push_str("\x1b[0m\n");
        }
        text
    }

    /// Two rows as one line of letters: the brighter, the more ink.
    fn ink(&self) -> String {
        const RAMP: &[u8] = b" .,:;-=+*oahk#%@";
        let light =
            |c: &Rgb888| usize::from(c.r()) * 3 + usize::from(c.g()) * 6 + usize::from(c.b());
        let mut text = String::new();
        for pair in self.pixels.chunks_exact(2 * self.size.width as usize) {
            let (upper, lower) = pair.split_at(self.size.width as usize);
            let line: String = (upper.iter().zip(lower))
                .map(|(u, l)| char::from(RAMP[(light(u) + light(l)) * RAMP.len() / (2 * 2551)]))
                .collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl OriginDimensions for Frame {
    fn size(&self) -> Size {
        self.size
    }
}

impl DrawTarget for Frame {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(at, colour) in pixels {
            if let Ok((x, y)) = <(u32, u32)>::try_from(at)
                && x < self.size.width
                && y < self.size.height
            {
                self.pixels[y as usize * self.size.width as usize + x as usize] = colour;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, colour: impl Fn(u32, u32) -> Rgb888) -> Frame {
        let mut frame = Frame::new(Size::new(width, height));
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        frame.pixels = places.map(|(x, y)| colour(x, y)).collect();
        frame
    }

    #[test]
    fn two_pixels_to_a_character() {
        let frame = frame(2, 2, |x, y| {
            Rgb888::new(if x == 0 { 255 } else { 1 }, 0, if y == 0 { 2 } else { 3 })
        });
        let text = frame.to_text(Some(2), Colour::Always);
        assert_eq!(
            text,
            "\x1b[38;2;255;0;2;48;2;255;0;3m\u{2580}\x1b[38;2;1;0;2;48;2;1;0;3m\u{2580}\x1b[0m\n"
        );
    }

    #[test]
    fn scaled_to_the_width_in_proportion() {
        let frame = frame(320, 240, |x, _| if x < 160 { Rgb888::BLACK } else { Rgb888::WHITE });
        let text = frame.to_text(Some(80), Colour::Never);
        assert_eq!(text.lines().count(), 30);
        assert!(text.lines().all(|line| line == " ".repeat(40) + &"@".repeat(40)));
        assert_eq!(frame.to_text(Some(9999), Colour::Never).lines().count(), 120);
    }

    #[test]
    fn frames_of_any_shape() {
        for (width, height) in [(1, 1), (1, 1000), (1000, 1), (3, 7)] {
            let frame = frame(width, height, |_, _| Rgb888::WHITE);
            for columns in [1, 2, 80] {
                let text = frame.to_text(Some(columns), Colour::Never);
                assert!(text.chars().all(|char| char == '@' || char == '\n'), "{text}");
            }
        }
    }
}
