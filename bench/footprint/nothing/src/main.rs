//! What every program has beside its driver: the page comes from the UART as it is.
#![no_std]
#![no_main]

use footprint_board::{BAUD, Get, Queue, REQUEST};

static RECEIVED: Queue<64> = Queue::new();

#[unsafe(no_mangle)]
fn footprint_received(byte: u8, lost: bool) {
    RECEIVED.push(byte, lost);
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    footprint_board::enable(BAUD);
    let mut rest = REQUEST;
    while !rest.is_empty() {
        rest = &rest[footprint_board::put(rest)..];
    }
    let (mut get, mut page) = (Get::default(), [0; 128]);
    loop {
        footprint_board::idle(u64::MAX, &mut || RECEIVED.is_readable());
        let len = RECEIVED.take(&mut page);
        if get.feed(&page[..len]) {
            footprint_board::finish(get.is_good() && !RECEIVED.take_lost());
        }
    }
}
