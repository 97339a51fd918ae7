//! Sections of the conformance kit, on a board that has no room for all.
#![no_std]
#![no_main]

use cortex_m_board::{Console, finish, start_heap};
use cortex_m_rt::entry;
use usocket_board_kit::part_of_kit;

#[entry]
fn main() -> ! {
    start_heap();
    finish(if part_of_kit(&mut Console::new()) { Ok(()) } else { Err(()) })
}
