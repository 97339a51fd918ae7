//! The gate: a device around the user's, which looks at what comes in.
//!
//! It keeps the SYNs for our listeners away from the stack, which would need buffers for
//! each at once, notes of whom anything was heard, and reads the ICMP messages that the
//! stack does not pass on.

use core::cell::Cell;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken, TxToken};
#[cfg(feature = "server")]
use smoltcp::socket::tcp;
use smoltcp::time::Instant as StackInstant;
#[cfg(any(feature = "neighbours", feature = "server"))]
use smoltcp::wire::IpAddress;
use smoltcp::wire::IpEndpoint;
#[cfg(feature = "unreachable")]
use usocket_core::Error;

use crate::frame::Ends;
#[cfg(feature = "bulk")]
use crate::frame::Plain;
#[cfg(feature = "unreachable")]
use crate::frame::Why;
#[cfg(feature = "bulk")]
use crate::frame::Window;
use crate::frame::{Kind, classify};
use crate::pairs::{Pair, Pairs};
#[cfg(feature = "server")]
use crate::slots::Slots;

/// What the gate has noticed.
pub(crate) struct Notes {
    pub(crate) medium: Medium,
    #[cfg(feature = "bulk")]
    /// The index of the pair that the last segment was for: mostly the next one is, too.
    pub(crate) last: Cell<usize>,
    /// Frames that were of no connection.
    pub(crate) strange: Cell<usize>,
    /// Something else than a segment of a plain connection came, or went out.
    pub(crate) odd: Cell<bool>,
    /// Up to where a peer that is slow has acknowledged, whatever the stack thinks of it.
    pub(crate) slow: Cell<Option<(Ends, u32)>>,
    /// The neighbour that the stack asked for last.
    #[cfg(feature = "neighbours")]
    pub(crate) sought: Cell<Option<IpAddress>>,
    /// The last "unreachable" about a datagram of ours.
    #[cfg(feature = "unreachable")]
    pub(crate) unreachable: Cell<Option<(IpEndpoint, IpEndpoint, Error)>>,
    /// What routers have said.
    #[cfg(feature = "slaac")]
    pub(crate) advertised: core::cell::RefCell<crate::routers::Heards>,
}

impl Notes {
    pub(crate) const fn new(medium: Medium) -> Self {
        Self {
            medium,
            #[cfg(feature = "bulk")]
            last: Cell::new(0),
            strange: Cell::new(0),
            odd: Cell::new(false),
            slow: Cell::new(None),
            #[cfg(feature = "neighbours")]
            sought: Cell::new(None),
            #[cfg(feature = "unreachable")]
            unreachable: Cell::new(None),
            #[cfg(feature = "slaac")]
            advertised: core::cell::RefCell::new(crate::routers::Heards::new()),
        }
    }
}

/// What the gate knows while a frame is looked at.
pub(crate) struct Watch<'w, 'a> {
    pub(crate) notes: &'w Notes,
    pub(crate) pairs: &'w Pairs<'a>,
    #[cfg(feature = "bulk")]
    /// That pair, if it is plain.
    pub(crate) last: Cell<Option<&'w Pair<'a>>>,
    #[cfg(feature = "server")]
    pub(crate) now: usocket_core::Instant,
    #[cfg(feature = "server")]
    pub(crate) slots: &'w Slots<'w>,
    #[cfg(feature = "server")]
    pub(crate) own: &'w heapless::Vec<IpAddress, 8>,
    #[cfg(feature = "server")]
    pub(crate) parking: core::cell::RefCell<&'w mut crate::parked::Parking<'a>>,
}

impl<'w, 'a> Watch<'w, 'a> {
    /// Whether the stack shall see the frame.
    #[inline(always)]
    fn passes(&self, frame: &[u8]) -> bool {
        #[cfg(feature = "bulk")]
        if let Some(segment) = Plain::new(self.notes.medium, frame)
            && let Some(pair) = self.known(segment.ends)
        {
            pair.hear(Window { field: segment.window(), scale: None });
            return true;
        }
        self.passes_odd(frame)
    }

    /// The plain pair of a segment.
    #[cfg(feature = "bulk")]
    #[inline(always)]
    fn known(&self, ends: &[u8]) -> Option<&'w Pair<'a>> {
        if let Some(last) = self.last.get()
            && last.key.is(ends)
        {
            return Some(last);
        }
        self.search(ends)
    }

    #[cfg(feature = "bulk")]
    #[inline(never)]
    fn search(&self, ends: &[u8]) -> Option<&'w Pair<'a>> {
        let index = self.pairs.iter().position(|pair| pair.plain && pair.key.is(ends))?;
        self.notes.last.set(index);
        self.last.set(self.pairs.get(index));
        self.last.get()
    }

    #[inline(never)]
    fn passes_odd(&self, frame: &[u8]) -> bool {
        self.notes.odd.set(true);
        let kind = classify(self.notes.medium, frame);
        if let Kind::Segment(ends, window) = kind
            && let Some(pair) = self.pair(ends.to, ends.from)
        {
            pair.hear(window);
            if pair.is_slow() {
                let acknowledged = crate::frame::acknowledged(self.notes.medium, frame);
                let ends = Ends { from: ends.to, to: ends.from };
                self.notes.slow.set(acknowledged.map(|number| (ends, number)));
            }
            return true;
        }
        self.notes.strange.set(self.notes.strange.get() + 1);
        match kind {
            #[cfg(feature = "server")]
            Kind::Syn(ends) => self.passes_syn(frame, &ends),
            Kind::Segment(..) => true,
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
        if let Some(heard) = crate::routers::read(frame) {
            // There is room for those of one network; a router repeats itself.
            let _ = self.notes.advertised.borrow_mut().push(heard);
        }
    }

    fn pair(&self, local: IpEndpoint, remote: IpEndpoint) -> Option<&Pair<'_>> {
        self.pairs.iter().find(|pair| pair.connects(local, remote))
    }

    /// A SYN for a listener is parked; where nobody listens the stack answers with RST.
    #[cfg(feature = "server")]
    fn passes_syn(&self, frame: &[u8], ends: &Ends) -> bool {
        if !self.own.contains(&ends.to.addr) {
            // For everybody, or somebody else: the stack would answer in their name.
            return false;
        }
        if let Some(pair) = self.pair(ends.to, ends.from)
            && pair.state != tcp::State::TimeWait
        {
            // The stack says nothing to it. Has the peer forgotten the connection?
            pair.doubted.set(true);
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

    /// Notes which SYNs go out, and for which neighbour the stack asks.
    #[cfg(feature = "neighbours")]
    fn leaves(&self, frame: &[u8]) {
        let medium = self.notes.medium;
        #[cfg(feature = "bulk")]
        if Plain::new(medium, frame).is_some() {
            return;
        }
        if let Some(ends) = crate::frame::opening(medium, frame) {
            if let Some(pair) = self.pair(ends.from, ends.to) {
                pair.asked.set(true);
            }
        } else if medium != Medium::Ip
            && let Some(ip) = crate::frame::sought(frame)
        {
            self.notes.sought.set(Some(ip));
            self.notes.odd.set(true);
        }
    }

    /// A probe of the stack repeats the last byte that it has sent, as a zero. Where that byte
    /// was lost the peer would take it for real: so it repeats one that is acknowledged.
    /// Where both have gone back to repeat, each takes what the other acknowledges for old.
    #[inline(never)]
    fn mends(&self, frame: &mut [u8]) {
        if let Some((ends, number)) = self.notes.slow.get() {
            crate::frame::move_up(self.notes.medium, frame, ends, number);
        }
        if let Some((ends, at)) = crate::frame::probe(self.notes.medium, frame)
            && let Some(pair) = self.pair(ends.from, ends.to)
            && pair.is_probed()
        {
            #[expect(clippy::cast_possible_truncation, reason = "numbers of TCP wrap")]
            crate::frame::set_back(&mut frame[at..], pair.unacked as u32);
        }
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
            self.notes.unreachable.set(Some((own, other, error)));
        } else if let Some(pair) = self.pair(own, other) {
            pair.hint.set(Some(error));
        }
    }
}

/// The user's device behind the gate: what the stack may do with it in one go.
pub(crate) struct Port<'g, 'w, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) watch: &'g Watch<'w, 'a>,
    /// Frames that may still come in.
    pub(crate) frames: usize,
    /// Packets that may still go out by themselves, not as an answer.
    pub(crate) packets: usize,
    /// The device could take no more.
    pub(crate) full: bool,
}

impl<'w, 'a, D: Device + ?Sized> Device for Port<'_, 'w, 'a, D> {
    type RxToken<'t>
        = GateToken<'t, 'w, 'a, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = OutletToken<'t, 'w, 'a, D::TxToken<'t>>
    where
        Self: 't;

    #[inline]
    fn receive(
        &mut self,
        timestamp: StackInstant,
    ) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.frames == 0 {
            return None;
        }
        let (inner, tx) = self.device.receive(timestamp)?;
        self.frames -= 1;
        let watch = self.watch;
        let tx = OutletToken { inner: tx, watch };
        Some((GateToken { inner, watch }, tx))
    }

    #[inline]
    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        if self.packets == 0 {
            return None;
        }
        let Some(inner) = self.device.transmit(timestamp) else {
            self.full = true;
            return None;
        };
        self.packets -= 1;
        Some(OutletToken { inner, watch: self.watch })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that comes through the gate.
pub(crate) struct GateToken<'t, 'w, 'a, R> {
    inner: R,
    watch: &'t Watch<'w, 'a>,
}

impl<R: RxToken> RxToken for GateToken<'_, '_, '_, R> {
    #[inline(always)]
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        // The stack takes an empty frame for none.
        self.inner.consume(|frame| f(if self.watch.passes(frame) { frame } else { &[] }))
    }

    fn meta(&self) -> PacketMeta {
        self.inner.meta()
    }
}

/// A frame on its way out.
pub(crate) struct OutletToken<'t, 'w, 'a, T> {
    inner: T,
    watch: &'t Watch<'w, 'a>,
}

impl<T: TxToken> TxToken for OutletToken<'_, '_, '_, T> {
    #[cfg_attr(
        not(feature = "neighbours"),
        expect(clippy::collapsible_if, reason = "nobody looks for SYN and questions")
    )]
    #[inline(always)]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.inner.consume(len, |frame| {
            let answer = f(frame);
            // A SYN and a question have no bytes; what is longer is neither. Their lengths are
            // even; that of a probe is not.
            if len <= SYN {
                if len % 2 == 1 || self.watch.notes.odd.get() {
                    self.watch.mends(frame);
                }
                #[cfg(feature = "neighbours")]
                self.watch.leaves(frame);
            }
            answer
        })
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.inner.set_meta(meta);
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
        // Whoever replays it has seen that the device can send.
        Some((FrameToken(frame), self.device.transmit(timestamp)?))
    }

    fn transmit(&mut self, timestamp: StackInstant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(timestamp)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

#[cfg(feature = "server")]
pub(crate) struct FrameToken<'t>(&'t [u8]);

#[cfg(feature = "server")]
impl RxToken for FrameToken<'_> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        f(self.0)
    }
}

/// Longest frame with a SYN that the stack sends.
const SYN: usize = 14 + 40 + 60;
