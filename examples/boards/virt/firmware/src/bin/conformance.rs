//! The conformance kit as firmware, on Ethernet and on bare IP.
#![no_std]
#![no_main]

use riscv_rt::entry;
use usocket_board_kit::{Medium, whole_kit};
use virt_board::{Console, finish, start_heap};

#[entry]
fn main() -> ! {
    start_heap();
    let mut console = Console::new();
    let good = [Medium::Ethernet, Medium::Ip].map(|medium| whole_kit(medium, &mut console));
    finish(if good == [true; 2] { Ok(()) } else { Err(()) })
}
