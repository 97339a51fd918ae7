//! A modem on a line of this computer.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::termios::{ControlModes, InputModes, OptionalActions};
use rustix::termios::{tcgetattr, tcsetattr};

use super::{Lost, RxQueue, Uart};

/// Bytes that may wait for the driver.
const ROOM: usize = 16 * 1024;

/// A modem on a serial line, a pseudo-terminal or a TCP port of this computer (feature
/// `std`, Unix).
///
/// A thread must run its [`HostReader`], which brings the bytes and wakes the driver:
///
/// ```no_run
/// use std::net::Ipv4Addr;
/// use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
/// use usocket_backend_esp8285_at::{Esp8285, HostUart, Resources};
/// use usocket_core::spi::StdPlatform;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (uart, reader) = HostUart::open("/dev/ttyUSB0", 115_200)?;
/// let resources = Box::leak(Box::new(Resources::<8, 5, 4096, 4096>::new()));
/// let net: &Esp8285<'_, _, _, CriticalSectionRawMutex> =
///     Box::leak(Box::new(Esp8285::new(uart, StdPlatform, resources)));
/// std::thread::spawn(move || reader.run(|| net.notify()));
/// net.connect("net", "password")?;
/// # Ok(())
/// # }
/// ```
///
/// Bytes with parity or framing errors, and breaks, are losses at their place. A kernel
/// does not tell of overruns of its own, nor of those of a USB adapter: at high rates the
/// losses are of the undetectable kind.
///
/// Without a leak: run the reader in a [scope](std::thread::scope), and let a [`HostStop`]
/// go out of scope in it.
#[derive(Debug)]
pub struct HostUart(Arc<Shared>);

/// The receiving thread's part of a [`HostUart`].
#[derive(Debug)]
pub struct HostReader {
    shared: Arc<Shared>,
    kicks: PipeReader,
    marks: Option<Marks>,
}

/// Ends the [`HostReader`] when it is dropped.
#[derive(Debug)]
pub struct HostStop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    line: OwnedFd,
    serial: bool,
    queue: RxQueue<ROOM>,
    /// The reader waits for room in the queue.
    stalled: AtomicBool,
    /// The driver waits for room to send.
    choked: AtomicBool,
    stopped: AtomicBool,
    /// Ends the reader's wait.
    kick: PipeWriter,
}

impl HostUart {
    /// Opens a serial line or a pseudo-terminal at this rate, 8N1, raw, without flow
    /// control.
    ///
    /// # Errors
    /// Of the system: no such device, no permission, not a terminal, a rate that it cannot do.
    pub fn open(path: impl AsRef<Path>, baud: u32) -> io::Result<(HostUart, HostReader)> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let line = open(path.as_ref(), flags, Mode::empty())?;
        let mut settings = tcgetattr(&line)?;
        settings.make_raw();
        // Each byte with an error comes as FF 00 and the byte, and FF as FF FF.
        settings.input_modes.remove(InputModes::IGNPAR);
        settings.input_modes.insert(InputModes::PARMRK | InputModes::INPCK);
        let unwanted = ControlModes::CSTOPB | ControlModes::PARENB | ControlModes::CRTSCTS;
        settings.control_modes.remove(unwanted);
        settings.control_modes.insert(ControlModes::CLOCAL | ControlModes::CREAD);
        settings.set_speed(baud)?;
        tcsetattr(&line, OptionalActions::Now, &settings)?;
        Self::new(line, true)
    }

    /// Connects to a serial port that somebody offers over TCP, as the simulator does.
    ///
    /// # Errors
    /// As for [`TcpStream::connect`].
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<(HostUart, HostReader)> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Self::new(stream.into(), false)
    }

    fn new(line: OwnedFd, serial: bool) -> io::Result<(HostUart, HostReader)> {
        let (kicks, kick) = io::pipe()?;
        ioctl_fionbio(&kicks, true)?;
        ioctl_fionbio(&kick, true)?;
        let shared = Arc::new(Shared {
            line,
            serial,
            queue: RxQueue::new(),
            stalled: AtomicBool::new(false),
            choked: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            kick,
        });
        let marks = serial.then(Marks::default);
        Ok((HostUart(shared.clone()), HostReader { shared, kicks, marks }))
    }

    /// What ends the reader when it is dropped, as dropping the UART does.
    #[must_use]
    pub fn stop(&self) -> HostStop {
        HostStop(self.0.clone())
    }
}

impl Uart for HostUart {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let result = self.0.queue.read(buf);
        if self.0.stalled.swap(false, Ordering::SeqCst) {
            self.0.kick();
        }
        result
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let len = match write(&self.0.line, bytes) {
            Ok(len) => len,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            // The line is gone: to the driver the modem falls silent.
            Err(_) => return bytes.len(),
        };
        if len < bytes.len() {
            self.0.choked.store(true, Ordering::SeqCst);
            self.0.kick();
        }
        len
    }

    fn readable(&self) -> bool {
        self.0.queue.is_readable()
    }

    fn writable(&self) -> bool {
        let mut lines = [PollFd::new(&self.0.line, PollFlags::OUT)];
        // An error shows, too: then the write finds it.
        poll(&mut lines, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Always `true`: [`set_baud`](Self::set_baud) waits until everything has left.
    fn is_idle(&self) -> bool {
        true
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        let set = || {
            let mut settings = tcgetattr(&self.0.line)?;
            settings.set_speed(baud)?;
            tcsetattr(&self.0.line, OptionalActions::Drain, &settings)
        };
        self.0.serial && set().is_ok()
    }

    fn capacity(&self) -> usize {
        self.0.queue.capacity()
    }
}

impl Drop for HostUart {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Drop for HostStop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.kick();
    }

    fn kick(&self) {
        // A full pipe is a kick, too.
        let _ = (&self.kick).write(&[0]);
    }
}

impl HostReader {
    /// Brings what the modem says, and calls `notify` after each piece and when there is
    /// room to send again. Blocks until the [`HostUart`] or a [`HostStop`] is dropped.
    ///
    /// # Errors
    /// `UnexpectedEof` or another error of the line when it is gone. The driver then finds a
    /// modem that does not answer.
    pub fn run(mut self, mut notify: impl FnMut()) -> io::Result<()> {
        let mut buf = [0; 1024];
        loop {
            let shared = &*self.shared;
            let mut stalled = shared.queue.room() < buf.len();
            if stalled {
                shared.stalled.store(true, Ordering::SeqCst);
                // What was read before that kicked nobody.
                stalled = shared.queue.room() < buf.len();
            }
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, !stalled);
            let choked = shared.choked.load(Ordering::SeqCst);
            wanted.set(PollFlags::OUT, choked);
            let ready = wait(shared, &self.kicks, wanted)?;
            while self.kicks.read(&mut buf).is_ok_and(|len| len > 0) {}
            if shared.stopped.load(Ordering::SeqCst) {
                return Ok(());
            }
            if choked && ready.intersects(PollFlags::OUT) {
                shared.choked.store(false, Ordering::SeqCst);
                notify();
            }
            let broken = ready.intersects(PollFlags::HUP | PollFlags::ERR);
            if stalled && broken {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if stalled || !(broken || ready.intersects(PollFlags::IN)) {
                continue;
            }
            match read(&shared.line, &mut buf[..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    self.take(&buf[..len]);
                    notify();
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let queue = &self.shared.queue;
        let Some(marks) = &mut self.marks else {
            queue.push_all(bytes);
            return;
        };
        for byte in bytes {
            match marks.next(*byte) {
                Some(Ok(byte)) => _ = queue.push(byte),
                Some(Err(Lost)) => queue.push_lost(),
                None => {}
            }
        }
    }
}

/// Waits for the line or a kick; what the line is ready for.
fn wait(shared: &Shared, kicks: &PipeReader, wanted: PollFlags) -> io::Result<PollFlags> {
    let mut lines = [
        PollFd::from_borrowed_fd(kicks.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(shared.line.as_fd(), wanted),
    ];
    match poll(&mut lines, None) {
        Ok(_) => Ok(lines[1].revents()),
        Err(Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}

/// Takes out what `PARMRK` puts in.
#[derive(Debug, Default, PartialEq, Eq)]
enum Marks {
    #[default]
    Data,
    /// FF has come.
    Escape,
    /// FF 00 has come: a byte with an error is next.
    Error,
}

impl Marks {
    fn next(&mut self, byte: u8) -> Option<Result<u8, Lost>> {
        let (next, what) = match (&self, byte) {
            (Marks::Data, 0xFF) => (Marks::Escape, None),
            (Marks::Data, byte) => (Marks::Data, Some(Ok(byte))),
            (Marks::Escape, 0) => (Marks::Error, None),
            (Marks::Escape, byte) => (Marks::Data, Some(Ok(byte))),
            (Marks::Error, _) => (Marks::Data, Some(Err(Lost))),
        };
        *self = next;
        what
    }
}

#[cfg(test)]
#[path = "host/tests.rs"]
mod tests;
