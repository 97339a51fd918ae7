//! A test of the interrupt handler alone: the other end says a rate and a number of bytes at
//! 115200 baud, and sends so many at that rate once it has heard a byte.
#![no_std]
#![no_main]

use core::time::Duration;

use maix_board::{Board, finish};
use maix_firmware::{Start, numbered, start};
use usocket::esp8285::{Lost, Uart};
use usocket::spi::Platform;
use usocket_example_apps::Journal;

maix_board::program!(main);

fn main() -> ! {
    let Start { mut uart, mut console, .. } = start();
    let mut line = heapless::Vec::<u8, 32>::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        match uart.read(&mut byte) {
            Ok(1) if line.push(byte[0]).is_ok() => {}
            Ok(0) => Board.idle(None, &mut || uart.readable()),
            _ => finish(&mut console, Err(())),
        }
    }
    let mut numbers = line.split(|byte| !byte.is_ascii_digit()).map(number);
    let (rate, len) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if !uart.set_baud(rate) {
        console.line(format_args!("{rate} baud cannot be had"));
        finish(&mut console, Err(()));
    }
    uart.write(b"g");
    let (mut at, mut wrong, mut lost) = (0, 0, 0);
    // So long a silence is the end.
    let mut limit = Board.now() + Duration::from_millis(20);
    loop {
        let mut buf = [0; 256];
        match uart.read(&mut buf) {
            Ok(0) if Board.now() >= limit => break,
            Ok(0) => Board.idle(Some(limit), &mut || uart.readable()),
            Ok(len) => {
                for byte in &buf[..len] {
                    // After a loss nobody knows which byte this is.
                    wrong += u32::from(lost == 0 && *byte != numbered(at));
                    at += 1;
                }
                limit = Board.now() + Duration::from_millis(20);
            }
            Err(Lost) => lost += 1,
        }
    }
    console.line(format_args!("{rate} baud: {at} of {len} bytes, {wrong} wrong, {lost} losses"));
    finish(&mut console, if (at, wrong, lost) == (len, 0, 0) { Ok(()) } else { Err(()) })
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}
