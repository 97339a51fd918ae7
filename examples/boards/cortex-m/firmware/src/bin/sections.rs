//! Sections of the conformance kit on the smoltcp backend, on a board that has no room for all.
#![no_std]
#![no_main]

use cortex_m_board::{Console, finish, start_heap};
use cortex_m_firmware::Tally;
use cortex_m_rt::entry;
use static_cell::ConstStaticCell;
use usocket_board_kit::{Ours, Theirs, part_of_kit};

/// Rows that these sections prove here. Five more are about datagrams, which have no room.
const PROVED: u32 = 49;

#[entry]
fn main() -> ! {
    static OURS: ConstStaticCell<Ours> = ConstStaticCell::new(Ours::new());
    static THEIRS: ConstStaticCell<Theirs> = ConstStaticCell::new(Theirs::new());
    start_heap();
    let (mut tally, mut console) = (Tally::default(), Console::new());
    part_of_kit(OURS.take(), THEIRS.take(), &mut |section, rows, outcome| {
        tally.note(section, rows, outcome, &mut console);
    });
    finish(tally.report(&mut Console::new(), PROVED))
}
