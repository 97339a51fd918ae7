use core::convert::Infallible;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::scene::{self, Scene};

/// Pixels by place; black where nothing was drawn.
struct Frame {
    size: Size,
    pixels: Vec<Rgb888>,
}

impl Frame {
    fn new(width: u32, height: u32) -> Self {
        let pixels = vec![Rgb888::BLACK; (width * height) as usize];
        Self { size: Size::new(width, height), pixels }
    }

    fn at(&self, x: u32, y: u32) -> Rgb888 {
        self.pixels[(y * self.size.width + x) as usize]
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

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            if let Ok((x, y)) = <(u32, u32)>::try_from(at) {
                self.pixels[(y * self.size.width + x) as usize] = colour;
            }
        }
        Ok(())
    }
}

type Fail = PictureError<Infallible, Infallible>;

fn file() -> Vec<u8> {
    let mut file = vec![0; scene::LEN as usize];
    let Ok(len) = Scene.read_at(0, &mut file);
    assert_eq!(len, file.len());
    file
}

/// Draws `file` from storage with a work buffer of `room` bytes.
fn drawn(file: &[u8], room: usize) -> Result<Frame, Fail> {
    let (mut work, mut source) = (vec![0; room], file);
    let mut picture = Picture::open(&mut source, &mut work)?;
    let mut frame = Frame::new(picture.size().width, picture.size().height);
    picture.draw(&mut source, &mut frame)?;
    Ok(frame)
}

/// Draws `file` while it arrives, `piece` bytes at a time.
fn painted(file: &[u8], room: usize, piece: usize) -> Result<Frame, Fail> {
    let (mut work, mut frame) = (vec![0; room], Frame::new(scene::WIDTH, scene::HEIGHT));
    let mut painter = Painter::new(&mut work, &mut frame);
    for piece in file.chunks(piece) {
        painter.append(piece)?;
    }
    assert!(painter.is_complete());
    Ok(frame)
}

#[test]
fn rows_give_what_the_whole_file_gives() {
    let file = file();
    let whole = Bmp::<Rgb888>::from_slice(&file).unwrap();
    let mut want = Frame::new(scene::WIDTH, scene::HEIGHT);
    Image::new(&whole, Point::zero()).draw(&mut want).unwrap();
    // Pixel (0, 0) is the first of the last row of the file.
    let last = &file[file.len() - 960..];
    assert_eq!(want.at(0, 0), Rgb888::new(last[2], last[1], last[0]));

    assert!(drawn(&file, 54 + 960).unwrap().pixels == want.pixels);
    for piece in [1, 7, 960, 4096, file.len()] {
        assert!(painted(&file, 54 + 960, piece).unwrap().pixels == want.pixels, "{piece}");
    }
}

/// A small BMP: `bits` per pixel, `extra` between the fixed head and the rows.
fn small(width: u32, height: i32, bits: u8, extra: &[u8], rows: &[u8]) -> Vec<u8> {
    let mut file = vec![0; FIXED];
    file[..2].copy_from_slice(b"BM");
    let data = u32::try_from(FIXED + extra.len()).unwrap();
    for (at, value) in [(10, data), (14, 40), (18, width), (22, height.cast_unsigned())] {
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    file[26] = 1;
    file[28] = bits;
    file[46..50].copy_from_slice(&(data / 4 - 13).to_le_bytes());
    file.extend_from_slice(extra);
    file.extend_from_slice(rows);
    file
}

#[test]
fn other_formats_and_orders() {
    let (red, blue) = (Rgb888::new(255, 0, 0), Rgb888::new(0, 0, 255));
    let palette = [0, 0, 255, 0, 255, 0, 0, 0];
    // Bottom-up, one bit per pixel: the upper row is blue, red, the lower red, blue.
    let frame = drawn(&small(2, 2, 1, &palette, &[0x40, 0, 0, 0, 0x80, 0, 0, 0]), 99).unwrap();
    assert_eq!(
        [frame.at(0, 0), frame.at(1, 0), frame.at(0, 1), frame.at(1, 1)],
        [blue, red, red, blue]
    );
    // Top-down, with a palette of two.
    let frame = drawn(&small(2, -2, 8, &palette, &[0, 1, 0, 0, 1, 0, 0, 0]), 99).unwrap();
    assert_eq!(
        [frame.at(0, 0), frame.at(1, 0), frame.at(0, 1), frame.at(1, 1)],
        [red, blue, blue, red]
    );
    // 16 bits, five each.
    let frame = drawn(&small(2, 1, 16, &[], &[0, 0x7c, 0x1f, 0]), 99).unwrap();
    assert_eq!([frame.at(0, 0), frame.at(1, 0)], [red, blue]);
}

#[test]
fn files_that_are_no_pictures() {
    let good = small(1, 1, 24, &[], &[1, 2, 3, 0]);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert!(drawn(&good, 58).is_ok());
    for (file, want) in [
        (b"<html>".to_vec(), "not a BMP picture"),
        (b"B".to_vec(), "not a BMP picture"),
        (vec![], "not a BMP picture"),
        (b"BM".to_vec(), "the BMP breaks off: it has 2 bytes, its head says 54"),
        (good[..57].to_vec(), "the BMP breaks off: it has 57 bytes, its head says 58"),
        (with(30, &[1]), "a BMP of a kind that is not supported"),
        (with(28, &[7]), "a BMP of a kind that is not supported"),
        (with(18, &[0]), "a BMP of a kind that is not supported"),
        (with(22, &[0]), "a BMP of a kind that is not supported"),
        (with(46, &[255; 4]), "a BMP of a kind that is not supported"),
        (with(14, &[255; 4]), "a BMP of a kind that is not supported"),
        (with(14, &[3, 0]), "a BMP of a kind that is not supported"),
        (with(10, &[255; 4]), "a BMP too wide for the row buffer"),
        (with(18, &[255; 4]), "a BMP too wide for the row buffer"),
        (with(18, &[2, 0]), "a BMP too wide for the row buffer"),
        (with(22, &[0, 0, 0, 0x80]), "the BMP breaks off"),
    ] {
        let error = drawn_size_only(&file, 58).expect_err(want);
        let text = std::string::ToString::to_string(&error);
        assert!(text.starts_with(want), "{text} for {file:?}");
    }
}

/// As [`drawn`], on a frame that is never larger than the good file's.
fn drawn_size_only(file: &[u8], room: usize) -> Result<(), Fail> {
    let (mut work, mut source) = (vec![0; room], file);
    let mut picture = Picture::open(&mut source, &mut work)?;
    picture.draw(&mut source, &mut Frame::new(1, 1))
}

/// Takes whatever is drawn.
struct Nowhere;

impl OriginDimensions for Nowhere {
    fn size(&self) -> Size {
        Size::new(10, 10)
    }
}

impl DrawTarget for Nowhere {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        pixels.into_iter().for_each(drop);
        Ok(())
    }
}

/// Heads with numbers that lie, all of them at the edges of what there is.
#[test]
fn no_head_makes_it_panic() {
    const NUMBERS: [u32; 24] = [
        0,
        1,
        2,
        3,
        4,
        8,
        12,
        16,
        24,
        32,
        40,
        54,
        56,
        66,
        108,
        122,
        124,
        138,
        256,
        257,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fffe,
        0xffff_ffff,
    ];
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % below
    };
    let shown = (0..60_000).filter(|_| {
        let mut file = small(3, 2, [1, 4, 8, 16, 24, 32][next(6)], &[9; 84], &[0x5a; 400]);
        for _ in 0..next(5) {
            let at = [2, 10, 14, 18, 22, 28, 30, 34, 46, 50, 54, 58, 62, 66][next(14)];
            file[at..at + 4].copy_from_slice(&NUMBERS[next(24)].to_le_bytes());
        }
        file.truncate(file.len() - next(2) * next(500).min(file.len()));
        let room = [0, 53, 54, 58, 66, 138, 300, 2000][next(8)];
        let mut work = vec![0; room];
        let mut nowhere = Nowhere;
        let mut painter = Painter::new(&mut work, &mut nowhere);
        let piece = 1 + next(200);
        let painted = file.chunks(piece).try_for_each(|piece| painter.append(piece)).is_ok();
        let painted = painted && painter.is_complete();
        let mut work = vec![0; room];
        let drawn = Picture::open::<_, Infallible>(&mut &file[..], &mut work)
            .is_ok_and(|mut picture| picture.draw(&mut &file[..], &mut Nowhere).is_ok());
        assert_eq!(painted, drawn, "{file:?}");
        drawn
    });
    assert!(shown.count() > 1000);
}
