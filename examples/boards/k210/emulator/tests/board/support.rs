//! Images, and what every test asks of a run.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use esp8285_sim::Modem;
use esp8285_sim::net::VirtualNet;
use k210_emulator::{Cost, Ending, Image, Machine, World, picture, streams};

/// The wall time that a run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A modem that the test can look at.
pub(crate) type SharedModem = Rc<RefCell<Modem<VirtualNet>>>;

/// An image that `ci/jobs/boards` has built.
pub(crate) fn image(name: &str) -> Image {
    let folder = std::env::var("K210_IMAGES")
        .expect("K210_IMAGES is the folder of the images: see ci/jobs/boards");
    let path = PathBuf::from(folder).join(name);
    let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Image::parse(&file).unwrap()
}

/// A board with this image, and its modem on the virtual network.
pub(crate) fn board(name: &str) -> (Machine, SharedModem) {
    let modem = Rc::new(RefCell::new(World::default().virtual_modem(&picture(), &streams())));
    let machine = Machine::new(image(name), Cost::default(), Box::new(modem.clone()));
    (machine, modem)
}

/// Runs it to its end, which is good.
#[track_caller]
pub(crate) fn pass(machine: &mut Machine) {
    let began = Instant::now();
    let ending = machine.run(Duration::from_secs(100), |_| false);
    let said = machine.console();
    assert_eq!(ending, Ending::Halted, "{said}");
    assert!(said.ends_with("passed\n"), "{said}");
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?} of wall time");
    println!(
        "{:.2} s of the board's time, {:.1} s of ours, {} instructions, {} bytes of stack",
        machine.now().since_start().as_secs_f64(),
        took.as_secs_f64(),
        machine.stats().instructions,
        machine.stack().unwrap()
    );
}

/// Nothing was lost on the way from the modem.
#[track_caller]
pub(crate) fn no_loss(machine: &Machine) {
    let uart = machine.uart(2);
    assert_eq!((uart.overruns, uart.garbled), (0, 0), "{uart:?}");
    assert!(uart.received > 0);
}
