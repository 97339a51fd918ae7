//! The gate: a device around the user's, which looks at what comes in.
//!
//! It keeps the SYNs for our listeners away from the stack, which would need buffers for
//! each at once, notes of whom anything was heard, and reads the ICMP messages that the
//! stack does not pass on.

use core::cell::Cell;

#[cfg(feature = "neighbours")]
use smoltcp::phy::TxToken;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use smoltcp::time::Instant as StackInstant;
#[cfg(any(feature = "neighbours", feature = "server"))]
use smoltcp::wire::IpAddress;
use smoltcp::wire::IpEndpoint;
#[cfg(feature = "unreachable")]
use usocket_core::Error;

#[cfg(any(feature = "server", feature = "unreachable"))]
use crate::frame::Ends;
#[cfg(feature = "unreachable")]
use crate::frame::Why;
use crate::frame::{Kind, classify};
use crate::pairs::Pair;
#[cfg(feature = "server")]
use crate::slots::Slots;

/// What the gate knows while a frame is looked at.
pub(crate) struct Watch<'w, 'a> {
    pub(crate) medium: Medium,
    #[cfg(feature = "server")]
    pub(crate) now: usocket_core::Instant,
    pub(crate) pairs: &'w [Pair<'a>],
    #[cfg(feature = "server")]
    pub(crate) slots: &'w Slots<'w>,
    #[cfg(feature = "server")]
    pub(crate) own: &'w [IpAddress],
    /// The pair that the last segment was for: mostly the next one is, too.
    pub(crate) last: Cell<usize>,
    #[cfg(feature = "server")]
    pub(crate) parking: core::cell::RefCell<&'w mut crate::parked::Parking<'a>>,
    #[cfg(feature = "unreachable")]
    /// The last "unreachable" about a datagram of ours.
    pub(crate) unreachable: Cell<Option<(IpEndpoint, IpEndpoint, Error)>>,
    /// What routers have said, where anybody listens to them.
    #[cfg(feature = "slaac")]
    pub(crate) advertised: Option<core::cell::RefCell<crate::routers::Heards>>,
}

impl Watch<'_, '_> {
    /// Whether the stack shall see the frame.
    fn passes(&self, frame: &[u8]) -> bool {
        match classify(self.medium, frame) {
            #[cfg(feature = "server")]
            Kind::Syn(ends) => self.passes_syn(frame, &ends),
            Kind::Segment(ends, window) => {
                if let Some(pair) = self.pair(ends.to, ends.from) {
                    pair.hear(window);
                }
                true
            }
            #[cfg(feature = "unreachable")]
            Kind::Unreachable { tcp, ends, why } => {
                self.note_unreachable(tcp, &ends, why);
                true
            }
            Kind::Other => {
                #[cfg(feature = "slaac")]
                self.note_advertisement(frame);
                true
            }
        }
    }

    #[cfg(feature = "slaac")]
    fn note_advertisement(&self, frame: &[u8]) {
        if let Some(advertised) = &self.advertised
            && let Some(heard) = crate::routers::read(frame)
        {
            // There is room for those of one network; a router repeats itself.
            let _ = advertised.borrow_mut().push(heard);
        }
    }

    fn pair(&self, local: IpEndpoint, remote: IpEndpoint) -> Option<&Pair<'_>> {
        let last = self.pairs.get(self.last.get());
        if let Some(pair) = last.filter(|pair| pair.connects(local, remote)) {
            return Some(pair);
        }
        let index = self.pairs.iter().position(|pair| pair.connects(local, remote))?;
        self.last.set(index);
        self.pairs.get(index)
    }

    /// A SYN for a listener is parked; where nobody listens the stack answers with RST,
    /// and for a connection that exists it knows what to do.
    #[cfg(feature = "server")]
    fn passes_syn(&self, frame: &[u8], ends: &Ends) -> bool {
        if !self.own.contains(&ends.to.addr) || self.pair(ends.to, ends.from).is_some() {
            return true;
        }
        let listening = self.slots.iter().filter(|(_, slot)| slot.listens_on(ends.to));
        // One bound to the very address before one bound to any.
        let best = listening.max_by_key(|(_, slot)| !slot.local().addr.is_unspecified());
        let Some((listener, _)) = best else { return true };
        let mut parking = self.parking.borrow_mut();
        parking.park(frame, listener, ends.to, ends.from, self.now);
        false
    }

    #[cfg(feature = "unreachable")]
    /// The ends are those of our packet: from us.
    fn note_unreachable(&self, tcp: bool, ends: &Ends, why: Why) {
        let (own, other) = (ends.from, ends.to);
        let error = match why {
            Why::Port => Error::ECONNREFUSED,
            Why::Network => Error::ENETUNREACH,
            Why::Host => Error::EHOSTUNREACH,
        };
        if !tcp {
            self.unreachable.set(Some((own, other, error)));
        } else if let Some(pair) = self.pair(own, other) {
            pair.hint.set(Some(error));
        }
    }
}

/// The user's device behind the gate.
pub(crate) struct Gate<'g, 'w, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) watch: &'g Watch<'w, 'a>,
}

impl<D: Device + ?Sized> Device for Gate<'_, '_, '_, D> {
    type RxToken<'t>
        = GateToken<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(
        &mut self,
        timestamp: StackInstant,
    ) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (inner, tx) = self.device.receive(timestamp)?;
        Some((GateToken { inner, watch: self.watch }, tx))
    }

    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that comes through the gate.
pub(crate) struct GateToken<'t, R> {
    inner: R,
    watch: &'t dyn Passes,
}

/// `Watch` without its lifetimes.
trait Passes {
    fn passes(&self, frame: &[u8]) -> bool;
}

impl Passes for Watch<'_, '_> {
    fn passes(&self, frame: &[u8]) -> bool {
        Watch::passes(self, frame)
    }
}

impl<R: RxToken> RxToken for GateToken<'_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        // The stack takes an empty frame for none.
        self.inner.consume(|frame| f(if self.watch.passes(frame) { frame } else { &[] }))
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

#[cfg(feature = "server")]
/// A device that has one frame to receive: a parked SYN, whose time has come.
pub(crate) struct Replay<'g, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) frame: Option<&'g [u8]>,
}

#[cfg(feature = "server")]
impl<D: Device + ?Sized> Device for Replay<'_, D> {
    type RxToken<'t>
        = FrameToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(
        &mut self,
        timestamp: StackInstant,
    ) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let frame = self.frame.take()?;
        // Where the device cannot send now the frame is lost, as from any full queue.
        Some((FrameToken(frame), self.device.transmit(timestamp)?))
    }

    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

#[cfg(any(test, feature = "server"))]
pub(crate) struct FrameToken<'t>(&'t [u8]);

#[cfg(any(test, feature = "server"))]
impl RxToken for FrameToken<'_> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        f(self.0)
    }
}

/// The device on the way out: notes when it could take no more, and which SYNs went by.
pub(crate) struct Outlet<'g, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) full: bool,
    #[cfg(feature = "neighbours")]
    pub(crate) medium: Medium,
    #[cfg(feature = "neighbours")]
    pub(crate) pairs: &'g [Pair<'a>],
    /// The neighbour that the stack asked for last.
    #[cfg(feature = "neighbours")]
    pub(crate) sought: Cell<Option<IpAddress>>,
    pub(crate) lifetime: core::marker::PhantomData<&'a ()>,
}

impl<'a, D: Device + ?Sized> Device for Outlet<'_, 'a, D> {
    type RxToken<'t>
        = D::RxToken<'t>
    where
        Self: 't;
    #[cfg(feature = "neighbours")]
    type TxToken<'t>
        = OutletToken<'t, 'a, D::TxToken<'t>>
    where
        Self: 't;
    #[cfg(not(feature = "neighbours"))]
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, _: StackInstant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // The stack only sends here.
        None
    }

    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        let inner = self.device.transmit(timestamp);
        self.full |= inner.is_none();
        #[cfg(feature = "neighbours")]
        let inner = inner.map(|inner| {
            let (medium, pairs, sought) = (self.medium, self.pairs, &self.sought);
            OutletToken { inner, medium, pairs, sought }
        });
        inner
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

#[cfg(feature = "neighbours")]
/// A frame on its way out.
pub(crate) struct OutletToken<'t, 'a, T> {
    inner: T,
    medium: Medium,
    pairs: &'t [Pair<'a>],
    sought: &'t Cell<Option<IpAddress>>,
}

#[cfg(feature = "neighbours")]
impl<T: TxToken> TxToken for OutletToken<'_, '_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Self { inner, medium, pairs, sought } = self;
        inner.consume(len, |frame| {
            let answer = f(frame);
            // A SYN and a question have no bytes; what is longer is neither.
            if len <= SYN {
                look_at(medium, pairs, sought, frame);
            }
            answer
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.inner.set_meta(meta);
    }
}

#[cfg(feature = "neighbours")]
fn look_at(medium: Medium, pairs: &[Pair<'_>], sought: &Cell<Option<IpAddress>>, frame: &[u8]) {
    if let Some(ends) = crate::frame::opening(medium, frame) {
        if let Some(pair) = pairs.iter().find(|pair| pair.connects(ends.from, ends.to)) {
            pair.asked.set(true);
        }
    } else if medium != Medium::Ip
        && let Some(ip) = crate::frame::sought(frame)
    {
        sought.set(Some(ip));
    }
}

#[cfg(feature = "neighbours")]
/// Longest frame with a SYN that the stack sends.
const SYN: usize = 14 + 40 + 60;
