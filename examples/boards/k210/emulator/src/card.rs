//! An SD card of high capacity, as it answers over SPI.
//!
//! Modelled: the clocks it wants while it is not selected, the slow clock until it is ready, check
//! sums of commands and blocks, single and multiple reads and writes, and how long it is busy after
//! each written block. What it is asked against these rules is not answered, and counted.

mod sums;

use std::collections::VecDeque;

use self::sums::{crc7, crc16};
use crate::time::{PER_SECOND, Time};

/// Bytes of a block.
const BLOCK: usize = 512;

/// How long a written block keeps it busy: 1 ms. Merely chosen; cards differ much.
const BUSY: u64 = PER_SECOND / 1000;

/// How often it has to be asked until it is ready.
const ASKED: u32 = 3;

/// The fastest clock of a card that is not ready yet, and of one that is.
const SLOW_HZ: u64 = 400_000;
const FAST_HZ: u64 = 25_000_000;

/// Answers: not ready, unknown, a wrong check sum, a wrong place.
const IDLE: u8 = 1;
const ILLEGAL: u8 = 4;
const WRONG_SUM: u8 = 8;
const WRONG_PLACE: u8 = 0x40;

#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) image: Vec<u8>,
    /// What it was asked against the rules.
    pub(crate) faults: u64,
    /// Clocks while it was not selected.
    clocks: u32,
    /// It answers, as it was reset.
    reset: bool,
    /// Questions until it is ready.
    left: u32,
    /// Check sums count.
    checked: bool,
    /// The next command is one of applications.
    escaped: bool,
    command: Vec<u8>,
    out: VecDeque<u8>,
    busy_until: Time,
    /// The next block of a read that goes on.
    reading: Option<usize>,
    writing: Option<Writing>,
}

/// A write.
#[derive(Debug)]
struct Writing {
    block: usize,
    many: bool,
    /// What has come since the token.
    bytes: Option<Vec<u8>>,
}

impl Card {
    /// # Panics
    /// If the length is none that a card can have.
    pub(crate) fn new(image: Vec<u8>) -> Self {
        assert!(image.len().is_multiple_of(1024 * BLOCK) && !image.is_empty(), "times 512 KiB");
        Self {
            image,
            faults: 0,
            clocks: 0,
            reset: false,
            left: ASKED,
            checked: false,
            escaped: false,
            command: Vec::new(),
            out: VecDeque::new(),
            busy_until: Time::default(),
            reading: None,
            writing: None,
        }
    }

    /// A byte each way.
    pub(crate) fn exchange(&mut self, selected: bool, byte: u8, hz: u64, now: Time) -> u8 {
        if !selected {
            self.clocks += 8;
            self.command.clear();
            return 0xff;
        }
        let limit = if self.left > 0 { SLOW_HZ } else { FAST_HZ };
        if self.clocks < 74 || hz > limit {
            self.faults += 1;
            return 0xff;
        }
        let answer = match (self.out.pop_front(), self.reading) {
            (Some(byte), _) => byte,
            (None, _) if now < self.busy_until => 0,
            (None, Some(block)) => {
                self.reading = Some(block + 1);
                self.give_block(block);
                0xff
            }
            (None, None) => 0xff,
        };
        match &mut self.writing {
            Some(_) => self.take_data(byte, now),
            None => self.take_command(byte, now),
        }
        answer
    }

    fn is_busy(&self, now: Time) -> bool {
        self.out.is_empty() && now < self.busy_until
    }

    fn take_command(&mut self, byte: u8, now: Time) {
        if self.command.is_empty() && byte >> 6 != 1 {
            self.faults += u64::from(byte != 0xff);
            return;
        }
        if self.is_busy(now) {
            self.faults += 1;
            return;
        }
        self.command.push(byte);
        if let Ok(frame) = <[u8; 6]>::try_from(&self.command[..]) {
            self.command.clear();
            self.execute(frame, now);
        }
    }

    fn execute(&mut self, frame: [u8; 6], now: Time) {
        let (number, argument) =
            (frame[0] & 0x3f, u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]));
        if number != 0 && !self.reset {
            self.faults += 1;
            return;
        }
        let must = self.checked || number == 0 || number == 8;
        if must && frame[5] != crc7(&frame[..5]) << 1 | 1 {
            self.faults += 1;
            return self.answer(WRONG_SUM);
        }
        let escaped = std::mem::take(&mut self.escaped);
        match (escaped, number) {
            (false, 0) => {
                (self.reset, self.left, self.checked) = (true, ASKED, false);
                (self.reading, self.writing) = (None, None);
                self.answer(0);
            }
            (false, 8) => self.answer_with(&[0, 0, 1, argument.to_le_bytes()[0]]),
            (false, 55) => {
                self.escaped = true;
                self.answer(0);
            }
            // It asks whether the other side knows cards of high capacity.
            (true, 41) => {
                if argument >> 30 & 1 == 1 {
                    self.left = self.left.saturating_sub(1);
                }
                self.answer(0);
            }
            (false, 58) => {
                let ready = if self.left == 0 { 0xc0 } else { 0 };
                self.answer_with(&[ready, 0xff, 0x80, 0]);
            }
            (false, 59) => {
                self.checked = argument & 1 == 1;
                self.answer(0);
            }
            _ if self.left > 0 => self.refuse(),
            _ => self.transfer(escaped, number, argument, now),
        }
    }

    /// The commands of a card that is ready.
    fn transfer(&mut self, escaped: bool, number: u8, argument: u32, now: Time) {
        let block = argument as usize;
        match (escaped, number) {
            (false, 9) => self.register(csd(self.image.len())),
            (false, 10) => self.register(*b"\x01XYsdcard\x10\0\0\0\x01\x42\0"),
            (false, 12) => {
                self.reading = None;
                self.out.clear();
                // A byte without meaning comes first.
                self.out.push_back(0x7f);
                self.answer(0);
            }
            (false, 13) => self.answer_with(&[0]),
            (false, 16) | (true, 23) => self.answer(0),
            (false, 17 | 18 | 24 | 25) if (block + 1) * BLOCK > self.image.len() => {
                self.faults += 1;
                self.answer(WRONG_PLACE);
            }
            (false, 17) => {
                self.answer(0);
                self.give_block(block);
            }
            (false, 18) => {
                self.answer(0);
                self.reading = Some(block);
            }
            (false, 24 | 25) => {
                self.answer(0);
                self.writing = Some(Writing { block, many: number == 25, bytes: None });
                self.busy_until = now;
            }
            _ => self.refuse(),
        }
    }

    fn refuse(&mut self) {
        self.faults += 1;
        self.answer(ILLEGAL);
    }

    /// The first answer comes a byte later.
    fn answer(&mut self, status: u8) {
        let idle = if self.left > 0 { IDLE } else { 0 };
        self.out.extend([0xff, status | idle]);
    }

    fn answer_with(&mut self, more: &[u8]) {
        self.answer(0);
        self.out.extend(more);
    }

    fn register(&mut self, mut contents: [u8; 16]) {
        contents[15] = crc7(&contents[..15]) << 1 | 1;
        self.answer(0);
        self.give(&contents);
    }

    /// With its token and check sum.
    fn give(&mut self, bytes: &[u8]) {
        self.out.extend([0xff, 0xfe]);
        self.out.extend(bytes);
        self.out.extend(crc16(bytes).to_be_bytes());
    }

    fn give_block(&mut self, block: usize) {
        match self.image.get(block * BLOCK..(block + 1) * BLOCK).map(<[u8]>::to_vec) {
            Some(bytes) => self.give(&bytes),
            // Out of range.
            None => self.out.extend([0xff, 0x08]),
        }
    }

    fn take_data(&mut self, byte: u8, now: Time) {
        let busy = self.is_busy(now);
        let Some(writing) = &mut self.writing else { return };
        let start = if writing.many { 0xfc } else { 0xfe };
        match &mut writing.bytes {
            None if busy && byte != 0xff => self.faults += 1,
            None if byte == start => writing.bytes = Some(Vec::new()),
            None if writing.many && byte == 0xfd => {
                self.writing = None;
                self.busy_until = now.after(BUSY);
                // Nothing for a byte, and busy after.
                self.out.push_back(0xff);
            }
            None => self.faults += u64::from(byte != 0xff),
            Some(bytes) if bytes.len() < BLOCK + 1 => bytes.push(byte),
            Some(_) => self.finish_block(byte, now),
        }
    }

    /// The last byte of a block's check sum.
    fn finish_block(&mut self, last: u8, now: Time) {
        let Some(writing) = &mut self.writing else { return };
        let bytes = writing.bytes.take().unwrap_or_default();
        let (data, sum) = bytes.split_at(BLOCK);
        let good = !self.checked || crc16(data) == u16::from_be_bytes([sum[0], last]);
        let place = self.image.get_mut(writing.block * BLOCK..(writing.block + 1) * BLOCK);
        writing.block += 1;
        let many = writing.many;
        match place.filter(|_| good) {
            Some(place) => {
                place.copy_from_slice(data);
                self.out.push_back(0xe5);
            }
            None => {
                self.faults += 1;
                self.out.push_back(if good { 0xed } else { 0xeb });
            }
        }
        if !many {
            self.writing = None;
        }
        self.busy_until = now.after(BUSY);
    }
}

/// What the card says of itself: version 2, 25 MHz, and its size in steps of 512 KiB.
fn csd(len: usize) -> [u8; 16] {
    let [_, a, b, c] = u32::try_from(len / (1024 * BLOCK) - 1).unwrap_or(0x3f_ffff).to_be_bytes();
    [0x40, 0x0e, 0, 0x32, 0x5b, 0x59, 0, a & 0x3f, b, c, 0x7f, 0x80, 0x0a, 0x40, 0, 0]
}
