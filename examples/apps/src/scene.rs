//! A picture to send: a lake at dusk, computed, 320x240 pixels.
//!
//! Every pixel is a function of its place, in integers only, so the picture is
//! the same on every machine, needs no memory and may be asked for in any pieces.

use sha2::{Digest, Sha256};

use crate::Source;

/// Pixels in a row.
pub const WIDTH: u32 = 320;
/// Rows.
pub const HEIGHT: u32 = 240;
/// Length of the BMP file: the 230,454 bytes of a 24-bit picture of this size.
pub const LEN: u32 = HEAD_LEN + ROW_LEN * HEIGHT;

const HEAD_LEN: u32 = 54;
/// A row is a multiple of four bytes without padding.
const ROW_LEN: u32 = WIDTH * 3;

/// The picture as a BMP file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene;

impl Source for Scene {
    type Error = core::convert::Infallible;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let Some(left) = u64::from(LEN).checked_sub(offset) else { return Ok(0) };
        let len = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let start = LEN - u32::try_from(left).unwrap_or(LEN);
        let mut row = Row { y: u32::MAX, bytes: [0; ROW_LEN as usize] };
        let head = head();
        for (at, byte) in (start..).zip(&mut buf[..len]) {
            *byte = match at.checked_sub(HEAD_LEN) {
                None => head[at as usize],
                Some(at) => row.at(at / ROW_LEN)[(at % ROW_LEN) as usize],
            };
        }
        Ok(len)
    }
}

/// SHA-256 of the file.
#[must_use]
pub fn sha256() -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(head());
    let mut row = Row { y: u32::MAX, bytes: [0; ROW_LEN as usize] };
    (0..HEIGHT).for_each(|y| hash.update(row.at(y)));
    hash.finalize().into()
}

/// The row of the file that was computed last.
struct Row {
    y: u32,
    bytes: [u8; ROW_LEN as usize],
}

impl Row {
    /// Row `y` of the file; the file begins with the lowest row of the picture.
    fn at(&mut self, y: u32) -> &[u8; ROW_LEN as usize] {
        if self.y != y {
            self.y = y;
            for (x, pixel) in (0..).zip(self.bytes.chunks_exact_mut(3)) {
                let [r, g, b] = pixel_at(x, HEIGHT - 1 - y);
                pixel.copy_from_slice(&[b, g, r]);
            }
        }
        &self.bytes
    }
}

/// File header and BITMAPINFOHEADER.
fn head() -> [u8; HEAD_LEN as usize] {
    let mut head = [0; HEAD_LEN as usize];
    head[..2].copy_from_slice(b"BM");
    let fields: [(usize, u32); 6] =
        [(2, LEN), (10, HEAD_LEN), (14, 40), (18, WIDTH), (22, HEIGHT), (34, LEN - HEAD_LEN)];
    for (at, value) in fields {
        head[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    head[26] = 1; // planes
    head[28] = 24; // bits per pixel
    head
}

type Rgb = [i32; 3];

/// Where the water begins.
const SHORE: i32 = 150;
const SUN: (i32, i32) = (214, 104);

/// The colour at a place of the picture, from the upper left.
fn pixel_at(x: u32, y: u32) -> [u8; 3] {
    let (x, y) = (x.cast_signed(), y.cast_signed());
    let mut colour = if y < SHORE { land(x, y) } else { water(x, y) };
    colour = boat(x, y, colour);
    colour = reeds(x, y, colour);
    // Ordered dithering hides the steps of the sky on panels with few colours.
    let threshold = DITHER[(y & 3) as usize][(x & 3) as usize] - 8;
    colour.map(|part| u8::try_from((part + threshold / 4).clamp(0, 255)).unwrap_or(0))
}

const DITHER: [[i32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// Everything above the shore: three ranges of hills before the sky.
fn land(x: i32, y: i32) -> Rgb {
    let far = 118 - ridge(x, 71, 26) - ridge(x + 13, 23, 7);
    let middle = 132 - ridge(x + 90, 53, 22) - ridge(x, 17, 5);
    let near = 148 - ridge(x + 200, 97, 15) - ridge(x, 9, 3);
    let haze = sky(x, 126);
    let hill = |top: i32, colour: Rgb| {
        // Haze gathers at the foot of a range.
        mix(colour, haze, (y - top).clamp(0, 40) * 5)
    };
    if y >= near {
        mix([24, 30, 40], haze, (y - near).clamp(0, 30) * 2)
    } else if y >= middle {
        hill(middle, [62, 54, 84])
    } else if y >= far {
        hill(far, [112, 84, 118])
    } else {
        birds(x, y, stars(x, y, sky(x, y)))
    }
}

/// Blue above, rose and gold below, and the sun with its glow.
fn sky(x: i32, y: i32) -> Rgb {
    const BANDS: [(i32, Rgb); 5] = [
        (0, [22, 26, 66]),
        (48, [66, 54, 118]),
        (86, [172, 88, 128]),
        (116, [246, 148, 96]),
        (150, [255, 214, 138]),
    ];
    let upper = BANDS.iter().rposition(|&(at, _)| at <= y).unwrap_or(0).min(3);
    let ((from, above), (to, below)) = (BANDS[upper], BANDS[upper + 1]);
    let colour = mix(above, below, (y - from) * 256 / (to - from));
    let distance = distance(x - SUN.0, y - SUN.1);
    match distance {
        ..=20 => mix([255, 250, 214], [255, 226, 140], distance * 12),
        21 => mix([255, 226, 140], colour, 128),
        _ => mix([255, 206, 124], colour, 96 + distance * 3),
    }
}

/// The land upside down, drawn out and broken by waves, and darker.
fn water(x: i32, y: i32) -> Rgb {
    let depth = y - SHORE;
    let wave = noise(x / 9 + depth * 3, depth) - 128;
    let ripple = wave * (4 + depth) / 160;
    let mirrored = (SHORE - 1 - depth * 4 / 3 + ripple / 2).clamp(0, SHORE - 1);
    let colour = mix(land(x + ripple, mirrored), [20, 30, 62], 70 + depth);
    // The path of the sun: broken streaks, wider as they come near.
    let width = 5 + depth / 4;
    let off = (x - SUN.0 + ripple).abs();
    if off < width && noise(x / 5 + depth * 7, depth / 2) > 96 {
        return mix([255, 224, 150], colour, off * 200 / width + depth / 2);
    }
    if noise(x / 7, depth * 5 + 3) > 232 { mix(colour, [255, 255, 255], 36) } else { colour }
}

fn stars(x: i32, y: i32, sky: Rgb) -> Rgb {
    let bright = noise(x * 31 + 7, y * 57 + 3);
    if bright > 253 && y < 70 && y * 4 + bright < 420 {
        mix(sky, [255, 255, 240], 230 - y * 3)
    } else {
        sky
    }
}

/// Five birds: each two arcs.
fn birds(x: i32, y: i32, sky: Rgb) -> Rgb {
    const FLOCK: [(i32, i32, i32); 5] =
        [(96, 52, 8), (118, 44, 7), (136, 58, 6), (78, 66, 6), (112, 70, 5)];
    let hit = FLOCK.iter().any(|&(bx, by, wing)| {
        let from_tip = wing - (x - bx).abs();
        (0..=wing).contains(&from_tip) && y == by - from_tip * (wing - from_tip) * 2 / wing
    });
    if hit { [40, 30, 56] } else { sky }
}

/// A small boat with a lit sail, and its shadow on the water.
fn boat(x: i32, y: i32, under: Rgb) -> Rgb {
    let (bx, by) = (98, 178);
    let (dx, dy) = (x - bx, y - by);
    let hull = (0..6).contains(&dy) && (-17 + dy * 2..19 - dy * 2).contains(&dx);
    let sail = (-40..-1).contains(&dy) && (1..(42 + dy) / 2).contains(&dx);
    let jib = (-32..-1).contains(&dy) && (-(34 + dy) / 3..-1).contains(&dx);
    let shadow = (6..26).contains(&dy) && (-14 + dy / 4..16 - dy / 4).contains(&dx);
    if hull {
        [44, 26, 34]
    } else if dx == 0 && (-42..0).contains(&dy) {
        [70, 46, 44]
    } else if sail {
        mix([255, 236, 206], [226, 140, 112], (dy + 40) * 4)
    } else if jib {
        mix([244, 206, 180], [186, 104, 104], (dy + 32) * 5)
    } else if shadow && noise(x / 4, y) > 70 {
        mix(under, [30, 24, 44], 130)
    } else {
        under
    }
}

/// Dark reeds in the foreground, at both sides.
fn reeds(x: i32, y: i32, under: Rgb) -> Rgb {
    let from_side = x.min(WIDTH.cast_signed() - 1 - x);
    let lean = (240 - y) / 12;
    let stem = if x < 160 { x - lean } else { x + lean };
    let height = 74 - from_side * 74 / 96 - noise(stem, 11) * 30 / 256;
    let bank = 10 - from_side / 12 + noise(x / 6, 5) / 64;
    let head_at = 240 - height;
    let (is_stem, is_head) = (noise(stem, 1) > 150, noise(stem, 1) > 214);
    if y >= 240 - bank || (is_stem && y >= head_at && from_side < 96) {
        mix([14, 16, 22], [30, 34, 40], (240 - y).clamp(0, 80) * 3)
    } else if from_side < 84 && is_head && (head_at - 9..head_at).contains(&y) {
        [52, 30, 24]
    } else {
        under
    }
}

/// A wavy line: smooth noise with a knot every `step` pixels.
fn ridge(x: i32, step: i32, height: i32) -> i32 {
    let (knot, part) = (x.div_euclid(step), x.rem_euclid(step) * 256 / step);
    let smooth = part * part / 256 * (768 - 2 * part) / 256;
    let (a, b) = (noise(knot, step), noise(knot + 1, step));
    (a * (256 - smooth) + b * smooth) / 256 * height / 256
}

/// 0 to 255, the same for the same place.
fn noise(x: i32, y: i32) -> i32 {
    let mut hash = x.cast_unsigned().wrapping_mul(0x9e37_79b1) ^ y.cast_unsigned().rotate_left(16);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    ((hash ^ (hash >> 16)) & 255).cast_signed()
}

/// `a` at 0, `b` at 256 and beyond.
fn mix(a: Rgb, b: Rgb, part: i32) -> Rgb {
    let part = part.clamp(0, 256);
    core::array::from_fn(|at| a[at] + (b[at] - a[at]) * part / 256)
}

fn distance(dx: i32, dy: i32) -> i32 {
    (dx * dx + dy * dy).isqrt()
}

#[cfg(test)]
mod tests {
    use core::fmt::Write;

    use super::*;

    /// A change of the picture is a change of this number, on purpose.
    const SHA256: &str = "adf88a87a3d9bb5bad39b9086e2cf42152f0f628be8a52a03bdebf0c78977a3c";

    #[test]
    fn the_picture_is_the_one_we_know() {
        let mut hex = heapless::String::<64>::new();
        sha256().iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
        assert_eq!(hex, SHA256);
    }

    #[test]
    fn the_file_is_the_same_in_any_pieces() {
        assert_eq!(LEN, 230_454);
        for piece in [1024, 960, 7777] {
            let mut hash = Sha256::new();
            let (mut at, mut buf) = (0, [0; 7777]);
            loop {
                let Ok(len) = Scene.read_at(at, &mut buf[..piece]);
                if len == 0 {
                    break;
                }
                hash.update(&buf[..len]);
                at += len as u64;
            }
            assert_eq!((at, <[u8; 32]>::from(hash.finalize())), (u64::from(LEN), sha256()));
        }
        assert_eq!(Scene.read_at(u64::MAX, &mut [0; 4]), Ok(0));
    }
}
