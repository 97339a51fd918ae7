//! Routine 1 of the reference text: an address, a picture, a check, a look at it.
//!
//! What to fetch and what it must hash to are settings: `url` and `sha256`.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::fmt::Write as _;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use riscv_rt::entry;
use static_cell::{ConstStaticCell, StaticCell};
use usocket::CriticalSectionRawMutex;
use usocket::prelude::*;
use usocket::smoltcp::{Config, OWN, Storage};
use usocket_example_apps::{Journal, Limits, Picture, download};
use virt_board::{Board, Console, Nic, finish, on_frames, setting};

/// The backend: the interrupt handler uses it too, so its lock masks interrupts.
type Net = usocket::smoltcp::Net<'static, Nic, Board, CriticalSectionRawMutex>;

/// Four sockets, two connections that receive 16 KiB and send 2 KiB, one datagram socket.
type Memory = Storage<'static, 4, 2, 16384, 2048, 1, 7360, 4, { 2 + 1 + OWN }>;

/// The card: a file in memory.
type File = heapless::Vec<u8, { 4 << 20 }>;

#[entry]
fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net> = StaticCell::new();
    let mut console = Console::new();
    let Some(nic) = Nic::take() else {
        console.line(format_args!("no network interface"));
        finish(Err(()));
    };
    let config = Config::ethernet(nic.address()).dhcp();
    match Net::new(nic, Board, &config, MEMORY.take()) {
        Ok(net) => {
            let net = NET.init(net);
            on_frames(net);
            finish(run(net, &mut console));
        }
        Err(error) => {
            console.line(format_args!("no network: {error}"));
            finish(Err(()))
        }
    }
}

fn run(net: &Net, console: &mut Console) -> Result<(), ()> {
    static FILE: ConstStaticCell<File> = ConstStaticCell::new(File::new());
    static PANEL: ConstStaticCell<Panel> = ConstStaticCell::new(Panel::new());

    let Some(url) = setting("url") else {
        console.line(format_args!("no setting `url`"));
        return Err(());
    };
    net.wait_up(10).map_err(|error| console.line(format_args!("no address: {error}")))?;
    if let Some(ip) = net.ip(usocket::Family::V4) {
        console.line(format_args!("address {ip}"));
    }

    let (file, mut work) = (FILE.take(), [0; 4096]);
    let fetched = download(net, url, Limits::default(), &mut work, file, console)
        .map_err(|failure| console.line(format_args!("{url}: {failure}")))?;
    let mut hash = heapless::String::<64>::new();
    // As long as its room.
    fetched.sha256.iter().for_each(|byte| _ = write!(hash, "{byte:02x}"));
    console.line(format_args!("{} bytes, SHA-256 {hash}", fetched.len));
    if setting("sha256").is_some_and(|expected| expected != hash) {
        console.line(format_args!("that is another file"));
        return Err(());
    }

    let (panel, mut source) = (PANEL.take(), file.as_slice());
    let shown = Picture::open::<_, Infallible>(&mut source, &mut work)
        .map_err(|error| console.line(format_args!("{error}")));
    let mut picture = shown?;
    picture.draw(&mut source, panel).map_err(|error| console.line(format_args!("{error}")))?;
    let (size, wrong) = (picture.size(), panel.differs(file));
    console.line(format_args!("{} x {} pixels, {wrong} of them wrong", size.width, size.height));
    if wrong > 0 {
        return Err(());
    }
    net.drain(10).map_err(|error| console.line(format_args!("still busy: {error}")))
}

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// A panel in memory.
struct Panel([[Rgb888; WIDTH]; HEIGHT]);

impl Panel {
    const fn new() -> Self {
        Self([[Rgb888::BLACK; WIDTH]; HEIGHT])
    }

    /// How many pixels differ from those of a file of 24 bits a pixel, bottom row first,
    /// that fills the panel: blue, green and red behind a head of 54 bytes.
    fn differs(&self, file: &[u8]) -> usize {
        let pixels = file.get(54..).unwrap_or_default().chunks_exact(3);
        let drawn = self.0.iter().rev().flatten();
        let same =
            pixels.zip(drawn).filter(|(bytes, drawn)| *bytes == [drawn.b(), drawn.g(), drawn.r()]);
        WIDTH * HEIGHT - same.count()
    }
}

impl OriginDimensions for Panel {
    #[expect(clippy::cast_possible_truncation, reason = "constants")]
    fn size(&self) -> Size {
        Size::new(WIDTH as u32, HEIGHT as u32)
    }
}

impl DrawTarget for Panel {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else { continue };
            if let Some(place) = self.0.get_mut(y).and_then(|row| row.get_mut(x)) {
                *place = colour;
            }
        }
        Ok(())
    }
}
