//! UARTs that implement the traits of `embedded-io`.

use core::cell::RefCell;

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

use super::{Lost, Uart};

/// A [`Uart`] from a peripheral with the traits of `embedded-io`.
///
/// What is assumed of the peripheral, as those traits leave it open:
/// - It keeps received bytes by itself, by interrupts or DMA, in a ring of `capacity`
///   bytes. One that has a FIFO of 16 bytes and no more loses bytes while the program does
///   other things: use an [`RxQueue`](crate::RxQueue) there.
/// - An overrun is an error of `read`, each once. Every error but `Interrupted` counts as a
///   loss. A peripheral that hides its overruns leaves the driver with losses that it
///   cannot detect.
/// - Some interrupt comes (or [`notify`](crate::Esp8285::notify) is called) when bytes have
///   come, and when there is room after a `write` that took less than all.
///
/// `read` is called after `read_ready` only, and `write` after `write_ready`: neither
/// waits. A peripheral without `WriteReady` goes in [`AlwaysWritable`]. Where writing fails,
/// or takes nothing, the bytes are gone, and the driver finds that the modem does not answer.
/// After a `read` that gave nothing, the end of a line that was unplugged for instance, it
/// looks only when it has something else to do.
///
/// It has a fixed rate and no enable pin: see [`Uart::with_baud`] and
/// [`Uart::with_enable`]. A closure that changes the rate should `flush` before, since
/// [`is_idle`](Uart::is_idle) cannot be asked here: it is always `true`. (The driver changes
/// the rate after the answer to its last command, when nothing is on its way.)
#[derive(Debug)]
pub struct IoUart<T> {
    // To ask whether it is ready takes `&mut`.
    io: RefCell<T>,
    capacity: usize,
    /// The last read said that nothing more will come.
    ended: bool,
}

impl<T: Read + ReadReady + Write + WriteReady> IoUart<T> {
    /// Wraps a peripheral that keeps `capacity` received bytes without loss.
    pub const fn new(io: T, capacity: usize) -> Self {
        Self { io: RefCell::new(io), capacity, ended: false }
    }
}

impl<T> IoUart<T> {
    /// The peripheral: to change its rate.
    pub fn io_mut(&mut self) -> &mut T {
        self.io.get_mut()
    }
}

impl<T: Read + ReadReady + Write + WriteReady> Uart for IoUart<T> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let io = self.io.get_mut();
        let result = match io.read_ready() {
            Ok(true) => io.read(buf),
            Ok(false) => return Ok(0),
            Err(error) => Err(error),
        };
        self.ended = matches!(result, Ok(0)) && !buf.is_empty();
        match result {
            Ok(len) => Ok(len),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(_) => Err(Lost),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let io = self.io.get_mut();
        let result = match io.write_ready() {
            Ok(true) => io.write(bytes),
            Ok(false) => return 0,
            Err(error) => Err(error),
        };
        match result {
            // Room for nothing is no room that can be waited for.
            Ok(0) => bytes.len(),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(_) => bytes.len(),
        }
    }

    fn readable(&self) -> bool {
        // An error is there to be read.
        !self.ended && self.io.borrow_mut().read_ready().unwrap_or(true)
    }

    fn writable(&self) -> bool {
        self.io.borrow_mut().write_ready().unwrap_or(true)
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

/// Says of a peripheral without `WriteReady` that it is always ready, which is not true: a
/// `write` then waits, with the driver's lock held, until the FIFO has room for a byte
/// (87 us at 115200 baud for each byte of a command), and received bytes meanwhile depend
/// on interrupts all the more.
#[derive(Debug)]
pub struct AlwaysWritable<T>(pub T);

impl<T: ErrorType> ErrorType for AlwaysWritable<T> {
    type Error = T::Error;
}

impl<T: Read> Read for AlwaysWritable<T> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(buf)
    }
}

impl<T: ReadReady> ReadReady for AlwaysWritable<T> {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }
}

impl<T: Write> Write for AlwaysWritable<T> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush()
    }
}

impl<T: ErrorType> WriteReady for AlwaysWritable<T> {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::*;

    /// A peripheral that panics where a real one would wait.
    #[derive(Default)]
    struct Fake {
        rx: VecDeque<Result<u8, ErrorKind>>,
        sent: Vec<u8>,
        room: usize,
        broken: bool,
        ended: bool,
        baud: u32,
    }

    impl ErrorType for Fake {
        type Error = ErrorKind;
    }

    impl Read for Fake {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
            if self.ended {
                return Ok(0);
            }
            assert!(!self.rx.is_empty(), "would wait");
            if let Some(Err(error)) = self.rx.front().copied() {
                self.rx.pop_front();
                return Err(error);
            }
            let mut len = 0;
            while len < buf.len() && matches!(self.rx.front(), Some(Ok(_))) {
                buf[len] = self.rx.pop_front().unwrap().unwrap();
                len += 1;
            }
            Ok(len)
        }
    }

    impl ReadReady for Fake {
        fn read_ready(&mut self) -> Result<bool, ErrorKind> {
            Ok(self.ended || !self.rx.is_empty())
        }
    }

    impl Write for Fake {
        fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
            if self.broken {
                return Err(ErrorKind::BrokenPipe);
            }
            assert!(self.ended || self.room > 0, "would wait");
            let len = buf.len().min(self.room);
            self.room -= len;
            self.sent.extend_from_slice(&buf[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            panic!("would wait");
        }
    }

    impl WriteReady for Fake {
        fn write_ready(&mut self) -> Result<bool, ErrorKind> {
            Ok(self.room > 0 || self.broken || self.ended)
        }
    }

    #[test]
    fn bytes_and_losses_in_order_without_waiting() {
        use ErrorKind::{Interrupted, Other, OutOfMemory};
        let rx = [Ok(1), Ok(2), Ok(3), Err(Other), Ok(4), Err(Interrupted), Err(OutOfMemory)];
        let mut uart = IoUart::new(Fake { rx: rx.into(), ..Fake::default() }, 256);
        let mut buf = [0; 2];
        let expected: [(Result<usize, Lost>, &[u8]); 8] = [
            (Ok(2), &[1, 2]),
            (Ok(1), &[3]),
            (Err(Lost), &[]),
            (Ok(1), &[4]),
            (Ok(0), &[]),
            (Err(Lost), &[]),
            (Ok(0), &[]),
            (Ok(0), &[]),
        ];
        for (number, (result, bytes)) in expected.into_iter().enumerate() {
            assert_eq!(uart.readable(), number < 6, "{number}");
            assert_eq!(uart.read(&mut buf), result, "{number}");
            assert_eq!(&buf[..result.unwrap_or(0)], bytes, "{number}");
        }
        assert_eq!(uart.capacity(), 256);
    }

    #[test]
    fn writes_what_there_is_room_for() {
        let mut uart = IoUart::new(Fake::default(), 64);
        assert_eq!((uart.writable(), uart.write(b"abc")), (false, 0));
        uart.io_mut().room = 2;
        assert!(uart.writable());
        assert_eq!((uart.write(b"abc"), uart.write(b"c")), (2, 0));
        assert_eq!(uart.io_mut().sent, b"ab");
        // A broken line must not be tried again for ever.
        uart.io_mut().broken = true;
        assert_eq!(uart.write(b"abc"), 3);
        let mut always = IoUart::new(AlwaysWritable(Fake { room: 3, ..Fake::default() }), 64);
        assert!(always.writable() && always.write(b"abcd") == 3);
    }

    #[test]
    fn a_line_that_has_ended_is_not_ready_for_ever() {
        let mut uart = IoUart::new(Fake { ended: true, ..Fake::default() }, 64);
        assert_eq!(uart.read(&mut [0; 4]), Ok(0));
        assert!(!uart.readable(), "there is nothing to come");
        assert_eq!(uart.write(b"abc"), 3, "it would be tried again for ever");
        // It was only unplugged.
        uart.io_mut().ended = false;
        uart.io_mut().rx = [Ok(1), Ok(2)].into();
        assert_eq!(uart.read(&mut [0; 1]), Ok(1));
        assert!(uart.readable());
    }

    #[test]
    fn hooks_reach_the_peripheral() {
        let mut pin = None;
        let mut plain = IoUart::new(Fake::default(), 64);
        assert!(!plain.set_baud(9600) && !plain.set_enabled(true));
        let mut uart = plain
            .with_baud(|uart, baud| {
                uart.io_mut().baud = baud;
                baud < 1_000_000
            })
            .with_enable(|on| pin = Some(on));
        assert!(uart.set_baud(9600) && !uart.set_baud(4_000_000));
        assert!(uart.set_enabled(false));
        assert_eq!(uart.capacity(), 64);
        assert_eq!(uart.uart.uart.io_mut().baud, 4_000_000);
        assert_eq!(pin, Some(false));
    }
}
