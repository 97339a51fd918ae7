//! The image of `download_picture` fetches a picture and shows it.

use std::time::Duration;

use crate::support::{board, no_loss, pass};
use embedded_graphics::pixelcolor::Rgb565;
use embedded_graphics::pixelcolor::raw::RawU16;
use embedded_graphics::prelude::*;
use k210_emulator::{HEIGHT, WIDTH, picture};
use usocket_example_apps::Picture;

/// The hash of the picture, as the test of the scene has it.
const SHA256: &str = "adf88a87a3d9bb5bad39b9086e2cf42152f0f628be8a52a03bdebf0c78977a3c";

fn download(name: &str) -> Duration {
    let (mut machine, _modem) = board(name);
    pass(&mut machine);
    no_loss(&machine);
    let said = machine.console();
    assert!(said.contains(&format!("230454 bytes, SHA-256 {SHA256}\n")), "{said}");
    assert!(said.contains("no card, the picture is not saved: there is none\n"), "{said}");
    let screen = machine.screen();
    assert!(screen.on);
    assert_eq!(screen.lost, 0, "frames that the panel did not understand");
    let wrong = screen.pixels.iter().zip(source()).filter(|(shown, source)| **shown != *source);
    assert_eq!(wrong.count(), 0, "pixels that differ from the picture");
    machine.now().since_start()
}

#[test]
fn at_115200_baud() {
    let time = download("download_picture");
    // 20 s of bytes.
    assert!((20..30).contains(&time.as_secs()), "{time:?}");
}

#[test]
fn at_921600_baud_after_negotiation() {
    let time = download("download_picture-921600");
    // 2.5 s of bytes: it did not stay at 115200.
    assert!(time < Duration::from_secs(9), "{time:?}");
}

#[test]
fn buses_that_do_not_move_hold_nobody_up() {
    let (mut machine, _modem) = board("download_picture-921600");
    machine.stop_buses();
    pass(&mut machine);
    let said = machine.console();
    assert!(said.contains("no card, the picture is not saved: there is none\n"), "{said}");
    assert!(machine.now().since_start() < Duration::from_secs(9));
}

/// The picture as the panel should show it, by the same decoder on the host.
pub(crate) fn source() -> Vec<u16> {
    struct Frame(Vec<u16>);
    impl OriginDimensions for Frame {
        fn size(&self) -> Size {
            Size::new(WIDTH.try_into().unwrap(), HEIGHT.try_into().unwrap())
        }
    }
    impl DrawTarget for Frame {
        type Color = Rgb565;
        type Error = core::convert::Infallible;
        fn draw_iter<I: IntoIterator<Item = Pixel<Rgb565>>>(
            &mut self,
            pixels: I,
        ) -> Result<(), Self::Error> {
            for Pixel(at, colour) in pixels {
                let place = at.y as usize * WIDTH + at.x as usize;
                self.0[place] = RawU16::from(colour).into_inner();
            }
            Ok(())
        }
    }
    let file = picture();
    let (mut file, mut work) = (&file[..], [0; 2048]);
    let mut frame = Frame(vec![0; WIDTH * HEIGHT]);
    let mut picture = Picture::open::<_, ()>(&mut file, &mut work).unwrap();
    picture.draw(&mut file, &mut frame).unwrap();
    assert!(frame.0.iter().collect::<std::collections::BTreeSet<_>>().len() > 100, "a picture");
    frame.0
}
