//! A BMP file as a picture, one row at a time.
//!
//! The decoder is [`tinybmp`], which wants its file in one slice. A board has no
//! room for that, so it gets the head of the file, changed to say "one row high",
//! and one row behind it: whatever pixel formats it knows, we know.

use core::fmt;

use embedded_graphics::image::Image;
use embedded_graphics::pixelcolor::{Rgb555, Rgb565, Rgb888};
use embedded_graphics::prelude::*;
use tinybmp::Bmp;

use crate::{Sink, Source};

/// The head of a BMP file, and room for one of its rows.
#[derive(Debug)]
pub struct Picture<'w> {
    work: &'w mut [u8],
    head: BmpHead,
}

/// Why a picture is not shown.
#[derive(Debug)]
pub enum PictureError<E, D> {
    /// The file does not begin like a BMP.
    NotBmp,
    /// It does, but goes on in a way that is not supported.
    Unsupported,
    /// It is wider than the work buffer allows.
    TooWide,
    /// The file is shorter than its head says: so many of so many bytes.
    Short(u64, u64),
    /// The file could not be read.
    Source(E),
    /// The screen could not be drawn on.
    Target(D),
}

impl<'w> Picture<'w> {
    /// Reads the head of a file. `work` keeps it and takes one row: for 24-bit
    /// pictures 54 bytes and 3 per pixel of their width, rounded up to 4.
    pub fn open<S: Source, D>(
        source: &mut S,
        work: &'w mut [u8],
    ) -> Result<Self, PictureError<S::Error, D>> {
        let mut filled = 0;
        loop {
            match BmpHead::parse(&work[..filled], work.len()) {
                Ok(Some(head)) => {
                    head.make_one_row(work);
                    return Ok(Self { work, head });
                }
                Ok(None) => {}
                Err(fault) => return Err(fault.into()),
            }
            let want = BmpHead::want(&work[..filled]);
            let len = source
                .read_at(filled as u64, &mut work[filled..want])
                .map_err(PictureError::Source)?;
            if len == 0 {
                return Err(match filled {
                    0..2 => PictureError::NotBmp,
                    _ => PictureError::Short(filled as u64, want as u64),
                });
            }
            filled += len;
        }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::new(self.head.width, self.head.rows)
    }

    /// Draws the picture, its upper left corner at the origin, from the top to
    /// the bottom, whatever the order of the file.
    pub fn draw<S: Source, T>(
        &mut self,
        source: &mut S,
        target: &mut T,
    ) -> Result<(), PictureError<S::Error, T::Error>>
    where
        T: DrawTarget,
        T::Color: From<Rgb555> + From<Rgb565> + From<Rgb888>,
    {
        let head = self.head;
        for y in 0..head.rows {
            let row = if head.bottom_up { head.rows - 1 - y } else { y };
            let start = head.data as u64 + u64::from(row) * head.row_len as u64;
            let mut filled = 0;
            while filled < head.row_len {
                let buf = &mut self.work[head.data + filled..head.data + head.row_len];
                match source.read_at(start + filled as u64, buf).map_err(PictureError::Source)? {
                    0 => return Err(PictureError::Short(start + filled as u64, head.file_len())),
                    len => filled += len,
                }
            }
            head.draw_row(&self.work[..head.data + head.row_len], y, target)?;
        }
        Ok(())
    }
}

/// Draws a BMP file while it arrives: the [`Sink`] of a board that has a panel
/// but no card. The rows appear in the order of the file, mostly from the bottom.
#[derive(Debug)]
pub struct Painter<'w, 't, T> {
    work: &'w mut [u8],
    target: &'t mut T,
    head: Option<BmpHead>,
    filled: usize,
    row: u32,
}

impl<'w, 't, T> Painter<'w, 't, T> {
    /// Nothing is here yet. `work` as for [`Picture::open`].
    #[must_use]
    pub fn new(work: &'w mut [u8], target: &'t mut T) -> Self {
        Self { work, target, head: None, filled: 0, row: 0 }
    }

    /// Whether all rows are drawn.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.head.is_some_and(|head| self.row == head.rows)
    }
}

impl<T> Sink for Painter<'_, '_, T>
where
    T: DrawTarget,
    T::Error: fmt::Debug,
    T::Color: From<Rgb555> + From<Rgb565> + From<Rgb888>,
{
    type Error = PictureError<core::convert::Infallible, T::Error>;

    fn append(&mut self, mut piece: &[u8]) -> Result<(), Self::Error> {
        while !piece.is_empty() && !self.is_complete() {
            let want = match self.head {
                Some(head) => head.data + head.row_len,
                None => BmpHead::want(&self.work[..self.filled]),
            }
            .min(self.work.len());
            let (front, rest) = piece.split_at(piece.len().min(want - self.filled));
            self.work[self.filled..self.filled + front.len()].copy_from_slice(front);
            self.filled += front.len();
            piece = rest;
            match self.head {
                None => {
                    self.head = BmpHead::parse(&self.work[..self.filled], self.work.len())?;
                    if let Some(head) = self.head {
                        head.make_one_row(self.work);
                    }
                }
                Some(head) if self.filled == want => {
                    let y = if head.bottom_up { head.rows - 1 - self.row } else { self.row };
                    head.draw_row(&self.work[..want], y, self.target)?;
                    self.row += 1;
                    self.filled = head.data;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What has to be known of a file to give it to the decoder in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BmpHead {
    /// Where the first row begins: the length of everything before it.
    data: usize,
    width: u32,
    rows: u32,
    row_len: usize,
    bottom_up: bool,
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NotBmp,
    Unsupported,
    TooWide,
}

/// Of the file header and the part that all information headers begin with.
const FIXED: usize = 54;
const ONE: [u8; 4] = 1_i32.to_le_bytes();

impl BmpHead {
    /// How many bytes of the file are needed to know more, given the first ones.
    fn want(bytes: &[u8]) -> usize {
        if bytes.len() < FIXED { FIXED } else { number(bytes, 10) as usize }
    }

    /// The head, if all of it is there. `room` is for it and one row.
    fn parse(bytes: &[u8], room: usize) -> Result<Option<Self>, Fault> {
        if !b"BM".starts_with(&bytes[..bytes.len().min(2)]) {
            return Err(Fault::NotBmp);
        }
        if room < FIXED {
            return Err(Fault::TooWide);
        }
        if bytes.len() < FIXED {
            return Ok(None);
        }
        let data = number(bytes, 10) as usize;
        let width = number(bytes, 18);
        let height = number(bytes, 22).cast_signed();
        let bits = u32::from(u16::from_le_bytes([bytes[28], bytes[29]]));
        let compression = number(bytes, 30);
        // Packed rows have no fixed length. A palette of more than 256 colours is
        // none, and a file's own numbers must not overflow the decoder's.
        let palette = number(bytes, 46);
        if !matches!(compression, PLAIN | MASKS)
            || !matches!(bits, 1 | 4 | 8 | 16 | 24 | 32)
            || data < FIXED
            || width == 0
            || height == 0
            || palette > 256
            || number(bytes, 14) > MAX_INFO
        {
            return Err(Fault::Unsupported);
        }
        let row_len = u64::from(width) * u64::from(bits);
        let row_len = usize::try_from(row_len.div_ceil(32) * 4).map_err(|_| Fault::TooWide)?;
        if data.checked_add(row_len).is_none_or(|len| len > room) {
            return Err(Fault::TooWide);
        }
        let rows = height.unsigned_abs();
        let head = Self { data, width, rows, row_len, bottom_up: height > 0 };
        Ok((bytes.len() >= data).then_some(head))
    }

    /// Changes a file's head to that of a picture of one row.
    fn make_one_row(&self, head: &mut [u8]) {
        head[22..26].copy_from_slice(&ONE);
        let len = u32::try_from(self.row_len).unwrap_or(u32::MAX);
        head[34..38].copy_from_slice(&len.to_le_bytes());
    }

    /// Draws a picture of one row at height `y`.
    fn draw_row<T, E>(
        &self,
        file: &[u8],
        y: u32,
        target: &mut T,
    ) -> Result<(), PictureError<E, T::Error>>
    where
        T: DrawTarget,
        T::Color: From<Rgb555> + From<Rgb565> + From<Rgb888>,
    {
        let bmp = Bmp::<T::Color>::from_slice(file).map_err(|_| PictureError::Unsupported)?;
        let y = i32::try_from(y).map_err(|_| PictureError::Unsupported)?;
        Image::new(&bmp, Point::new(0, y)).draw(target).map_err(PictureError::Target)
    }

    fn file_len(&self) -> u64 {
        self.data as u64 + u64::from(self.rows) * self.row_len as u64
    }
}

/// `BI_RGB` and `BI_BITFIELDS`.
const PLAIN: u32 = 0;
const MASKS: u32 = 3;
/// The longest information header there is, version 5.
const MAX_INFO: u32 = 124;

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl<E, D> From<Fault> for PictureError<E, D> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotBmp => Self::NotBmp,
            Fault::Unsupported => Self::Unsupported,
            Fault::TooWide => Self::TooWide,
        }
    }
}

impl<E: fmt::Display, D: fmt::Debug> fmt::Display for PictureError<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBmp => f.write_str("not a BMP picture"),
            Self::Unsupported => f.write_str("a BMP of a kind that is not supported"),
            Self::TooWide => f.write_str("a BMP too wide for the row buffer"),
            Self::Short(got, want) => {
                write!(f, "the BMP breaks off: it has {got} bytes, its head says {want}")
            }
            Self::Source(error) => write!(f, "cannot read the picture: {error}"),
            Self::Target(error) => write!(f, "cannot draw: {error:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
