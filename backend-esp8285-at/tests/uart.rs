//! Downloads through each adapter of a UART, in the simulated world.

mod support;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_hal_02::serial;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use esp8285_sim::Version;
use esp8285_sim::uart::{Receiver, UartConfig};
use esp8285_world::{Board, KEY, Kit, Port, PortConfig, SSID, Settings, Stack, network};
use support::trace;
use usocket_backend_esp8285_at::{
    AlwaysWritable, Config, Esp8285, IoUart, Lost, NbUart, Pump, QueueUart, Resources, RxQueue,
    Stats, TxQueue, Uart,
};
use usocket_conformance::{Digest, Peer, Step};
use usocket_core::Family;
use usocket_core::prelude::*;
use usocket_core::spi::{EventSource, Platform};

type Wire<'n> = Port<Stack<'n>>;
type Net<'r, 'n, U> = Esp8285<'r, U, Board<Stack<'n>>, NoopRawMutex>;

/// Enough to have many pieces, and to wrap every ring often.
const BYTES: u32 = 30_000;

fn settings(version: Version) -> Settings {
    Settings { version, ..Settings::default() }
}

/// Joins, and downloads with this UART; what was counted.
fn download<'n, U: Uart>(kit: &Kit<'n>, uart: U, config: Config) -> Stats {
    let mut memory = Box::new(Resources::<2, 2, 2048, 512>::new());
    let net: Net<'_, 'n, U> = Esp8285::with_config(uart, kit.world().board(), &mut memory, config);
    net.set_trace(Some(trace));
    net.connect(SSID, KEY).unwrap();
    let address = serve(kit);
    let socket = net.tcp().unwrap();
    socket.settimeout(60).unwrap();
    socket.connect(address).unwrap();
    let (mut digest, mut buf) = (Digest::new(), [0; 1000]);
    loop {
        match socket.recv(&mut buf).unwrap() {
            0 => break,
            len => digest.add(&buf[..len]),
        }
    }
    assert_eq!(digest, Digest::of_pattern(BYTES.into()));
    net.stats()
}

fn serve(kit: &Kit<'_>) -> usocket_core::SockAddr {
    let script =
        [Step::Listen(Family::V4, 1), Step::Accept, Step::Send(BYTES as _), Step::Fin, Step::Hold];
    let actor = kit.start(&script).unwrap();
    kit.peer().address(actor).unwrap()
}

/// A board whose receive interrupt puts each byte in a queue, and whose transmit interrupt
/// takes from another. The handler runs whenever the program could have been interrupted.
struct Interrupted<'n, U> {
    uart: U,
    hardware: RefCell<Wire<'n>>,
    rx: &'static RxQueue<512>,
    tx: &'static TxQueue<16>,
}

impl<U> Interrupted<'_, U> {
    fn interrupt(&self) {
        let port = &mut *self.hardware.borrow_mut();
        let mut byte = [0];
        loop {
            match port.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => assert!(self.rx.push(byte[0]), "the driver asks for no more than fits"),
                Err(_) => self.rx.push_lost(),
            }
        }
        while port.writable()
            && let Some(byte) = self.tx.pop()
        {
            assert_eq!(port.write(&[byte]), 1);
        }
    }
}

impl<U: Uart> Uart for Interrupted<'_, U> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.interrupt();
        self.uart.read(buf)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let len = self.uart.write(bytes);
        self.interrupt();
        len
    }

    fn readable(&self) -> bool {
        self.interrupt();
        self.uart.readable()
    }

    fn writable(&self) -> bool {
        self.interrupt();
        self.uart.writable()
    }

    fn is_idle(&self) -> bool {
        self.uart.is_idle() && self.hardware.borrow().is_idle()
    }

    fn capacity(&self) -> usize {
        self.uart.capacity()
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        self.uart.set_baud(baud)
    }
}

fn interrupted<'n>(kit: &Kit<'n>) -> Interrupted<'n, impl Uart + use<'n>> {
    // One of each for each test, as the tests run side by side.
    let rx: &'static RxQueue<512> = Box::leak(Box::default());
    let tx: &'static TxQueue<16> = Box::leak(Box::default());
    let mut rate = kit.world().port();
    let uart = QueueUart::new(rx, tx.transmitter(|| (), || true))
        .with_baud(move |_, baud| rate.set_baud(baud));
    let hardware = RefCell::new(kit.world().port());
    Interrupted { uart, hardware, rx, tx }
}

#[test]
fn through_the_queues_of_an_interrupt_handler_byte_by_byte() {
    for version in Version::ALL {
        let network = network(1);
        let kit = Kit::new(&network, settings(version)).unwrap();
        let stats = download(&kit, interrupted(&kit), Config::new());
        assert_eq!((stats.lost, stats.overflows), (0, 0), "{version:?}");
    }
}

#[test]
fn the_rate_goes_up_through_a_hook() {
    let config = Config::new().fast_baud(460_800);
    let network = network(1);
    let kit = Kit::new(&network, Settings::default()).unwrap();
    let mut memory = Resources::<2, 2, 2048, 512>::new();
    let net: Net<'_, '_, _> =
        Esp8285::with_config(interrupted(&kit), kit.world().board(), &mut memory, config);
    net.connect(SSID, KEY).unwrap();
    assert_eq!(kit.world().with_modem(|modem, _| modem.baud()), 460_800);
}

#[test]
fn a_rate_that_could_not_be_set_again_at_once_is_set_before_the_modem_is_looked_for() {
    let network = network(1);
    let kit = Kit::new(&network, Settings::default()).unwrap();
    let config = PortConfig { rates: false, ..PortConfig::default() };
    let mut rate = kit.world().port();
    let mut refused = false;
    let uart = support::Wire(kit.world().port_with(config)).with_baud(move |_, baud| {
        let refuse = baud == 115_200 && !core::mem::replace(&mut refused, true);
        !refuse && rate.set_baud(baud)
    });
    let mut memory = Resources::<2, 2, 2048, 512>::new();
    let config = Config::new().fast_baud(460_800);
    let net: Net<'_, '_, _> = Esp8285::with_config(uart, kit.world().board(), &mut memory, config);
    assert_eq!(net.start(Duration::from_secs(2)), Ok(()));
    assert_eq!(kit.world().with_modem(|modem, _| modem.baud()), 115_200);
}

#[test]
fn a_uart_of_fixed_rate_keeps_it_whatever_is_configured() {
    let network = network(1);
    let kit = Kit::new(&network, Settings::default()).unwrap();
    let config = PortConfig { rates: false, enable_pin: false, ..PortConfig::default() };
    let stats = download(
        &kit,
        support::Wire(kit.world().port_with(config)),
        Config::new().fast_baud(460_800),
    );
    assert_eq!(stats.restarts, 0);
    assert_eq!(kit.world().with_modem(|modem, _| modem.baud()), 115_200);
}

#[test]
fn a_loss_goes_through_the_queue_to_the_driver() {
    // A handler that is now and then later than 16 bytes last: 1.39 ms.
    let (irq_latency, irq_jitter) = (Duration::from_micros(1200), Duration::from_micros(250));
    let receiver = Receiver { irq_latency, irq_jitter, ..Receiver::default() };
    let uart = UartConfig { receiver, ..UartConfig::default() };
    let settings = Settings { uart, ..Settings::default() };
    let stats = lossy(settings);
    assert!(stats.lost > 0, "{stats:?}");
}

/// A download over a wire that loses bytes: what comes is a prefix of what was sent.
fn lossy(settings: Settings) -> Stats {
    let network = network(1);
    let kit = Kit::new(&network, settings).unwrap();
    let mut memory = Resources::<2, 2, 2048, 512>::new();
    let net: Net<'_, '_, _> = Esp8285::new(interrupted(&kit), kit.world().board(), &mut memory);
    net.set_trace(Some(trace));
    net.connect(SSID, KEY).unwrap();
    for _ in 0..5 {
        let address = serve(&kit);
        let socket = net.tcp().unwrap();
        socket.settimeout(60).unwrap();
        if socket.connect(address).is_err() {
            continue;
        }
        let (mut digest, mut total, mut buf) = (Digest::new(), 0, [0; 1000]);
        while let Ok(len @ 1..) = socket.recv(&mut buf) {
            digest.add(&buf[..len]);
            total += len;
        }
        assert_eq!(digest, Digest::of_pattern(total as _));
    }
    net.stats()
}

/// The traits of `embedded-io`; what a real peripheral would wait for, it panics for.
struct Io<'n>(Wire<'n>);

impl ErrorType for Io<'_> {
    type Error = ErrorKind;
}

impl Read for Io<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        assert!(self.0.readable(), "would wait");
        self.0.read(buf).map_err(|_| ErrorKind::Other)
    }
}

impl ReadReady for Io<'_> {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.0.readable())
    }
}

impl Write for Io<'_> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(self.0.writable(), "would wait");
        Ok(self.0.write(buf))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        assert!(self.0.is_idle(), "would wait");
        Ok(())
    }
}

impl WriteReady for Io<'_> {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.0.writable())
    }
}

#[test]
fn through_embedded_io() {
    for version in Version::ALL {
        let config = Config::new().fast_baud(460_800);
        let network = network(1);
        let kit = Kit::new(&network, settings(version)).unwrap();
        let uart = IoUart::new(Io(kit.world().port()), 4096).with_baud(|uart, baud| {
            let io = uart.io_mut();
            io.flush().is_ok() && io.0.set_baud(baud)
        });
        let stats = download(&kit, uart, config);
        assert_eq!(kit.world().with_modem(|modem, _| modem.baud()), 460_800);
        assert_eq!(stats.lost, 0, "{version:?}");
    }
}

#[test]
fn through_embedded_io_without_write_ready() {
    // Room for any command, or it would wait.
    let uart = UartConfig { tx_depth: 256, ..UartConfig::default() };
    let settings = Settings { uart, ..Settings::default() };
    let network = network(1);
    let kit = Kit::new(&network, settings).unwrap();
    let uart = IoUart::new(AlwaysWritable(Io(kit.world().port())), 4096);
    let stats = download(&kit, uart, Config::new());
    assert_eq!(stats.lost, 0);
}

/// The halves of a serial port of `embedded-hal` 0.2.
struct Nb<'n>(Wire<'n>);

impl serial::Read<u8> for Nb<'_> {
    type Error = Lost;

    fn read(&mut self) -> nb::Result<u8, Lost> {
        let mut byte = [0];
        match self.0.read(&mut byte) {
            Ok(0) => Err(nb::Error::WouldBlock),
            Ok(_) => Ok(byte[0]),
            Err(_) => Err(nb::Error::Other(Lost)),
        }
    }
}

impl serial::Write<u8> for Nb<'_> {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> nb::Result<(), Infallible> {
        if self.0.write(&[byte]) == 1 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        if self.0.is_idle() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

#[test]
fn through_nb_polled_from_a_fifo_of_16_bytes() {
    for version in Version::ALL {
        // No ring behind the FIFO.
        let receiver = Receiver { ring: 16, ..Receiver::default() };
        let uart = UartConfig { receiver, ..UartConfig::default() };
        let settings = Settings { uart, ..settings(version) };
        let network = network(1);
        let kit = Kit::new(&network, settings).unwrap();
        let (rx, tx) = (Nb(kit.world().port()), Nb(kit.world().port()));
        let uart =
            NbUart::new(rx, tx, 2048).with_baud(|uart, baud| uart.halves_mut().0.0.set_baud(baud));
        let stats = download(&kit, uart, Config::new().fast_baud(230_400));
        assert_eq!(stats.lost, 0, "{version:?}");
    }
}

/// The halves of an async UART that keeps bytes itself.
struct Async<'n>(Wire<'n>);

impl ErrorType for Async<'_> {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Async<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| match self.0.read(buf) {
            Ok(0) => Poll::Pending,
            Ok(len) => Poll::Ready(Ok(len)),
            Err(_) => Poll::Ready(Err(ErrorKind::Other)),
        })
        .await
    }
}

impl embedded_io_async::Write for Async<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| match self.0.write(buf) {
            0 => Poll::Pending,
            len => Poll::Ready(Ok(len)),
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| if self.0.is_idle() { Poll::Ready(Ok(())) } else { Poll::Pending }).await
    }
}

#[test]
fn through_the_pump_beside_an_async_program() {
    for version in Version::ALL {
        let network = network(1);
        let kit = Kit::new(&network, settings(version)).unwrap();
        let mut memory = Resources::<2, 2, 2048, 512>::new();
        let pump = Pump::<NoopRawMutex, 512, 64>::new();
        let net: Net<'_, '_, _> = Esp8285::new(pump.uart(), kit.world().board(), &mut memory);
        net.set_trace(Some(trace));
        let wire = || Async(kit.world().port());
        let program = async {
            net.connect_async(SSID, KEY).await.unwrap();
            let socket = net.tcp().unwrap();
            let socket = socket.asynch();
            socket.connect(serve(&kit)).await.unwrap();
            let (mut digest, mut buf) = (Digest::new(), [0; 1000]);
            loop {
                match socket.recv(&mut buf).await.unwrap() {
                    0 => return digest,
                    len => digest.add(&buf[..len]),
                }
            }
        };
        let digest = beside(
            &net,
            kit.world().board(),
            pin!(program),
            &mut [
                pin!(pump.receive(wire(), || net.notify())),
                pin!(pump.send(wire(), || net.notify())),
            ],
        );
        assert_eq!(digest, Digest::of_pattern(BYTES.into()), "{version:?}");
        assert_eq!(net.stats().lost, 0);
    }
}

/// Polls everything at each interrupt, and drives.
fn beside<T>(
    net: &impl EventSource,
    board: impl Platform,
    mut program: Pin<&mut impl Future<Output = T>>,
    pumps: &mut [Pin<&mut dyn Future<Output = ()>>],
) -> T {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let mut next = None;
        // Whatever any of them does may be something to do for another one.
        for _ in 0..8 {
            for pump in &mut *pumps {
                assert!(pump.as_mut().poll(&mut context).is_pending());
            }
            next = net.drive(board.now());
            if let Poll::Ready(done) = program.as_mut().poll(&mut context) {
                return done;
            }
        }
        let soon = board.now() + Duration::from_millis(1);
        board.idle(next.map(|next| next.min(soon)).or(Some(soon)), &mut || net.pending());
    }
}
