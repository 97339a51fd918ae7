//! What `emulate.sh` has saved, as a newcomer gets it.

use std::fs::File;
use std::io::BufReader;

use crate::download::source;
use k210_emulator::{HEIGHT, Screen, WIDTH};

#[test]
fn the_saved_png_has_the_pixels_of_the_picture() {
    let path = std::env::var("K210_PNG").expect(
        "K210_PNG is what `emulate.sh download_picture` has saved, an absolute path: see \
         ci/jobs/boards",
    );
    let file = File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut shown = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut shown).unwrap();
    assert_eq!((info.width as usize, info.height as usize), (WIDTH, HEIGHT));
    assert_eq!(info.color_type, png::ColorType::Rgb);
    let screen = Screen { pixels: source(), on: true, lost: 0 };
    let wrong = shown.iter().zip(screen.rgb()).filter(|(shown, source)| **shown != *source);
    assert_eq!(wrong.count(), 0, "parts of colours that differ from the picture's");
}
