//! What the targets share: the input as a list of records, and calls of sockets.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use usocket_core::spi::{Backend, Handle, Platform, RecvFlags, Shutdown, SockType};
use usocket_core::{Family, Instant, SockAddr};

/// Time as the target says.
pub struct Clock(pub Rc<Cell<u64>>);

impl Platform for Clock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.get())
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, _: Option<Instant>, _: &mut dyn FnMut() -> bool) {}
}

/// The rest of the input, taken piece by piece.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A length in a byte, and so many bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(bytes)
    }
}

/// Whom the sockets talk to.
#[must_use]
pub fn peer(port: u8) -> SockAddr {
    SockAddr::new([10, 0, 0, 2].into(), 1 + u16::from(port))
}

/// One call on a socket of those that are open.
pub fn act(
    net: &dyn Backend,
    sockets: &mut Vec<Handle>,
    what: u8,
    input: &mut Input<'_>,
) -> Option<()> {
    let pick = usize::from(input.byte()?);
    if what % 12 < 2 {
        let kind = if what % 12 == 0 { SockType::Stream } else { SockType::Dgram };
        let family = if pick % 4 == 0 { Family::V6 } else { Family::V4 };
        sockets.extend(net.open(family, kind));
        return Some(());
    }
    let handle = *sockets.get(pick % sockets.len().max(1))?;
    let mut buf = [0; 300];
    match what % 12 {
        2 => drop(net.bind(handle, SockAddr::new([0, 0, 0, 0].into(), input.byte()?.into()))),
        3 => drop(net.listen(handle, input.byte()?.into())),
        4 => sockets.extend(net.try_accept(handle).map(|(accepted, _)| accepted)),
        5 => drop(net.try_connect(handle, peer(input.byte()?))),
        6 => drop(net.try_send(handle, input.bytes()?)),
        7 => drop(net.try_send_to(handle, input.bytes()?, peer(pick as u8))),
        8 => drop(net.try_recv_info(handle, &mut buf, RecvFlags { peek: pick % 2 == 0 })),
        9 => drop(net.shutdown(handle, Shutdown::Write)),
        10 => drop(net.close(handle)),
        _ => drop(net.abort(handle)),
    }
    Some(())
}

/// Lets time pass: powers of two of milliseconds, up to two minutes.
pub fn pass(now: &Cell<u64>, power: u8) {
    let time = Duration::from_millis(1 << (power % 18));
    now.set(now.get() + u64::try_from(time.as_micros()).expect("two minutes"));
}

/// Drives until there is nothing to do, which must come.
pub fn settle(net: &dyn Backend) {
    let mut drives = 0;
    while drives == 0 || net.pending() {
        net.drive(net.platform().now());
        drives += 1;
        assert!(drives < 1000, "it is busy for ever");
    }
}
