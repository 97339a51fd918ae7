//! Serial ports of `embedded-hal` 0.2, read and written with `nb`.

use core::cell::RefCell;

use embedded_hal_02::serial::{Read, Write};

use super::{Lost, Transmitter, Uart};

/// A [`Uart`] from the halves of a serial port of `embedded-hal` 0.2. An error of `read`
/// counts as a loss.
///
/// Such a port holds what its FIFO holds: `k210-hal`'s, for one, sets no interrupt, and its
/// 16 bytes last 1.4 ms at 115200 baud, 174 us at 921600 (sheet section 7). It does for a program
/// whose [`idle`](usocket_core::spi::Platform::idle) returns at once, and which does
/// nothing else for longer than that while the modem speaks, at a low rate. Its
/// errors type is empty, too, so overruns pass unnoticed. Anything else should read the
/// port in the receive interrupt, push the bytes to an [`RxQueue`](crate::RxQueue), and send
/// with [`NbTransmitter`]:
///
/// ```
/// # use std::{cell::RefCell, convert::Infallible};
/// # use embedded_hal_02 as embedded_hal;
/// # struct Rx(Vec<u8>);
/// # impl embedded_hal::serial::Read<u8> for Rx {
/// #     type Error = Infallible;
/// #     fn read(&mut self) -> nb::Result<u8, Infallible> { self.0.pop().ok_or(nb::Error::WouldBlock) }
/// # }
/// use embedded_hal::serial::Read;
/// use usocket_backend_esp8285_at::RxQueue;
///
/// static RX: RxQueue<512> = RxQueue::new();
///
/// // In the handler of the receive interrupt:
/// fn on_interrupt<R: Read<u8>>(rx: &mut R) {
///     loop {
///         match rx.read() {
///             Ok(byte) => _ = RX.push(byte),
///             Err(nb::Error::WouldBlock) => return,
///             Err(nb::Error::Other(_)) => RX.push_lost(),
///         }
///     }
/// }
/// # on_interrupt(&mut Rx(vec![1, 2]));
/// # assert_eq!(RX.read(&mut [0; 4]), Ok(2));
/// ```
///
/// It has a fixed rate and no enable pin: see [`Uart::with_baud`] and
/// [`Uart::with_enable`].
#[derive(Debug)]
pub struct NbUart<R, W> {
    rx: RefCell<Receiver<R>>,
    tx: NbTransmitter<W>,
    capacity: usize,
}

#[derive(Debug)]
struct Receiver<R> {
    port: R,
    /// What the port gave when it was asked whether it would.
    held: Option<Result<u8, Lost>>,
}

impl<R: Read<u8>, W: Write<u8>> NbUart<R, W> {
    /// Wraps a port that keeps `capacity` received bytes without loss: its FIFO's depth. The
    /// driver reads pieces of that size from the modem; of 16 bytes, at the least.
    pub const fn new(rx: R, tx: W, capacity: usize) -> Self {
        let rx = RefCell::new(Receiver { port: rx, held: None });
        Self { rx, tx: NbTransmitter::new(tx), capacity }
    }

    /// The halves of the port: to change its rate.
    pub fn halves_mut(&mut self) -> (&mut R, &mut W) {
        (&mut self.rx.get_mut().port, &mut self.tx.tx.get_mut().port)
    }
}

impl<R: Read<u8>> Receiver<R> {
    fn next(&mut self) -> Option<Result<u8, Lost>> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        match self.port.read() {
            Ok(byte) => Some(Ok(byte)),
            Err(nb::Error::WouldBlock) => None,
            Err(nb::Error::Other(_)) => Some(Err(Lost)),
        }
    }
}

impl<R: Read<u8>, W: Write<u8>> Uart for NbUart<R, W> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let rx = self.rx.get_mut();
        let mut len = 0;
        while len < buf.len() {
            match rx.next() {
                Some(Ok(byte)) => buf[len] = byte,
                Some(Err(Lost)) if len == 0 => return Err(Lost),
                Some(Err(Lost)) => {
                    rx.held = Some(Err(Lost));
                    break;
                }
                None => break,
            }
            len += 1;
        }
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.tx.write(bytes)
    }

    fn readable(&self) -> bool {
        let mut rx = self.rx.borrow_mut();
        rx.held = rx.next();
        rx.held.is_some()
    }

    fn writable(&self) -> bool {
        self.tx.writable()
    }

    fn is_idle(&self) -> bool {
        self.tx.is_idle()
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

/// A [`Transmitter`] from the sending half of a serial port of `embedded-hal` 0.2.
///
/// The trait cannot be asked whether there is room: after a `write` that took less than all,
/// [`writable`](Transmitter::writable) says so only when everything has left, and the
/// driver tries again whenever it is driven. A byte that the port fails to send is gone.
#[derive(Debug)]
pub struct NbTransmitter<W> {
    tx: RefCell<Sender<W>>,
}

#[derive(Debug)]
struct Sender<W> {
    port: W,
    full: bool,
}

impl<W: Write<u8>> NbTransmitter<W> {
    /// Wraps the sending half of a port.
    pub const fn new(tx: W) -> Self {
        Self { tx: RefCell::new(Sender { port: tx, full: false }) }
    }
}

impl<W: Write<u8>> Transmitter for NbTransmitter<W> {
    fn write(&mut self, bytes: &[u8]) -> usize {
        let tx = self.tx.get_mut();
        let blocks = |byte: &u8| matches!(tx.port.write(*byte), Err(nb::Error::WouldBlock));
        let taken = bytes.iter().position(blocks);
        tx.full = taken.is_some();
        taken.unwrap_or(bytes.len())
    }

    fn writable(&self) -> bool {
        let mut tx = self.tx.borrow_mut();
        tx.full = tx.full && tx.waits();
        !tx.full
    }

    fn is_idle(&self) -> bool {
        !self.tx.borrow_mut().waits()
    }
}

impl<W: Write<u8>> Sender<W> {
    /// Whether something has not left yet. An error is nothing to wait for.
    fn waits(&mut self) -> bool {
        matches!(self.port.flush(), Err(nb::Error::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::vec::Vec;

    use super::*;

    #[derive(Debug)]
    struct Overrun;

    #[derive(Default)]
    struct Rx(VecDeque<Result<u8, Overrun>>);

    impl Read<u8> for Rx {
        type Error = Overrun;

        fn read(&mut self) -> nb::Result<u8, Overrun> {
            match self.0.pop_front() {
                Some(Ok(byte)) => Ok(byte),
                Some(Err(error)) => Err(nb::Error::Other(error)),
                None => Err(nb::Error::WouldBlock),
            }
        }
    }

    /// A FIFO of four bytes.
    #[derive(Default)]
    struct Tx {
        fifo: VecDeque<u8>,
        sent: Vec<u8>,
    }

    impl Tx {
        fn pass(&mut self, bytes: usize) {
            self.sent.extend(self.fifo.drain(..bytes));
        }
    }

    impl Write<u8> for Tx {
        type Error = Overrun;

        fn write(&mut self, byte: u8) -> nb::Result<(), Overrun> {
            if self.fifo.len() == 4 {
                return Err(nb::Error::WouldBlock);
            }
            self.fifo.push_back(byte);
            Ok(())
        }

        fn flush(&mut self) -> nb::Result<(), Overrun> {
            if self.fifo.is_empty() { Ok(()) } else { Err(nb::Error::WouldBlock) }
        }
    }

    #[test]
    fn bytes_and_losses_in_order_however_often_it_is_asked() {
        let pushed = [Ok(1), Ok(2), Err(Overrun), Ok(3), Ok(4), Ok(5), Err(Overrun)];
        for asks in 0..3 {
            let rx = Rx(pushed
                .iter()
                .map(|what| what.as_ref().map(|b| *b).map_err(|_| Overrun))
                .collect());
            let mut uart = NbUart::new(rx, Tx::default(), 16);
            let mut buf = [0; 2];
            let expected: [(Result<usize, Lost>, &[u8]); 6] = [
                (Ok(2), &[1, 2]),
                (Err(Lost), &[]),
                (Ok(2), &[3, 4]),
                (Ok(1), &[5]),
                (Err(Lost), &[]),
                (Ok(0), &[]),
            ];
            for (number, (result, bytes)) in expected.into_iter().enumerate() {
                for _ in 0..asks {
                    assert_eq!(uart.readable(), number < 5, "{number}");
                }
                assert_eq!(uart.read(&mut buf), result, "{number}");
                assert_eq!(&buf[..result.unwrap_or(0)], bytes, "{number}");
            }
            assert_eq!(uart.capacity(), 16);
        }
    }

    #[test]
    fn a_full_fifo_is_not_writable_until_it_is_empty() {
        let mut uart = NbUart::new(Rx::default(), Tx::default(), 16);
        assert!(uart.writable() && uart.is_idle());
        assert_eq!(uart.write(b"abcdef"), 4);
        assert!(!uart.writable() && !uart.is_idle());
        uart.halves_mut().1.pass(1);
        assert!(!uart.writable(), "nobody can say");
        assert_eq!(uart.write(b"ef"), 1, "but it can be tried");
        uart.halves_mut().1.pass(4);
        assert!(uart.writable() && uart.is_idle());
        assert_eq!(uart.write(b"f"), 1);
        uart.halves_mut().1.pass(1);
        assert_eq!(uart.halves_mut().1.sent, b"abcdef");
    }
}
