//! From received bytes to what they mean.

use atat::{AtatUrc, DigestResult, Digester};
use usocket_core::Error;

use super::{Exchange, Machine, PairId, Phase};
use crate::address::Address;
use crate::cmd::Dialect;
use crate::digest::{Event, Head, MAX_LINE, Source};
use crate::link::{Owner, Phase as LinkPhase};
use crate::reply::{Reply, is_chatter};
use crate::trace::Trace;
use crate::urc::Urc;

/// Received bytes that are not digested yet: at most one line.
#[derive(Debug)]
pub(crate) struct Ingress<'r> {
    /// [`MAX_LINE`] of them; taken out while they are digested, so that a line can be looked
    /// at while the machine changes.
    bytes: &'r mut [u8],
    from: usize,
    to: usize,
}

impl<'r> Ingress<'r> {
    pub(crate) fn new(bytes: &'r mut [u8]) -> Self {
        Self { bytes, from: 0, to: 0 }
    }

    fn clear(&mut self) {
        (self.from, self.to) = (0, 0);
    }

    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Room behind what is there, after moving that to the front.
    fn room(&mut self) -> &mut [u8] {
        if self.from > 0 {
            // `copy_within` would link `memmove`, 700 bytes.
            for at in self.from..self.to {
                self.bytes[at - self.from] = self.bytes[at];
            }
            (self.from, self.to) = (0, self.to - self.from);
        }
        &mut self.bytes[self.to..]
    }
}

/// Where the counted payload goes that is coming in. Aligned as [`Exchange`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(4))]
pub(crate) enum Target {
    Nowhere,
    /// The reply to a read: staged until its framing has closed.
    Read {
        pair: Option<PairId>,
    },
    /// Pushed data of a TCP link: as many as there is room for.
    Pushed {
        pair: Option<PairId>,
        link: u8,
    },
    /// A datagram for which there is room: its record is staged.
    #[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "of datagrams"))]
    Datagram {
        pair: Option<PairId>,
        link: u8,
    },
}

impl Target {
    pub(super) fn pair(self) -> Option<PairId> {
        match self {
            Target::Nowhere => None,
            Target::Read { pair } | Target::Pushed { pair, .. } | Target::Datagram { pair, .. } => {
                pair
            }
        }
    }
}

impl Machine<'_> {
    /// Where the next received bytes should be put. Payload goes straight into the ring of
    /// its socket.
    pub(crate) fn rx_room(&mut self) -> &mut [u8] {
        let left = self.digest.payload_left();
        if left > 0 && self.ingress.is_empty() {
            if self.target != Target::Nowhere && self.room_of_target() == 0 {
                self.overflowed();
            }
            if self.target != Target::Nowhere
                && let Some(ring) = self.pairs.rx(self.target.pair())
            {
                let vacant = ring.vacant();
                let len = vacant.len().min(left);
                return &mut vacant[..len];
            }
            self.ingress.clear();
            let len = left.min(MAX_LINE);
            return &mut self.ingress.bytes[..len];
        }
        self.ingress.room()
    }

    /// So many bytes have been put there.
    pub(crate) fn rx_done(&mut self, now: usocket_core::Instant, len: usize) {
        self.now = self.now.max(now);
        self.heard = self.now;
        self.flight.crossed |= self.flight.again.is_some_and(|sent| self.now <= sent);
        count!(self, rx_bytes, len as u64);
        if self.is_deaf() {
            self.forget_input();
            return;
        }
        if self.digest.payload_left() > 0 && self.ingress.is_empty() {
            if let Some(pair) = self.pairs.get_mut(self.target.pair()) {
                pair.rx.stage(len);
            }
            self.digest.payload_passed(len);
            self.payload_moved();
            return;
        }
        self.ingress.to += len;
        self.digest_all();
    }

    /// Whether bytes wait for more of their line.
    pub(super) fn has_input(&self) -> bool {
        !self.ingress.is_empty()
    }

    fn room_of_target(&self) -> usize {
        self.pairs.get(self.target.pair()).map_or(0, |pair| pair.rx.free())
    }

    /// Digests what has come until it makes no more sense without the rest.
    #[inline(never)] // once in an image
    fn digest_all(&mut self) {
        let bytes = core::mem::take(&mut self.ingress.bytes);
        self.digest_bytes(bytes);
        self.ingress.bytes = bytes;
    }

    fn digest_bytes(&mut self, bytes: &[u8]) {
        while !self.ingress.is_empty() {
            let input = &bytes[self.ingress.from..self.ingress.to];
            let (result, consumed) = self.digest.digest(input);
            let mut event = self.digest.take_event();
            if let (Some(Event::Framed(false)), DigestResult::Response(Ok(line))) = (event, &result)
                && !self.exchange.is_idle()
                && !matches!(self.target, Target::Read { .. })
                && self.expects(line)
            {
                // 1.x puts no line end between pushed data and the information of a reply.
                event = Some(Event::Framed(true));
            }
            if let Some(Event::Payload(len)) = event {
                self.copy_payload(&input[..len]);
            }
            self.ingress.from += consumed;
            match event {
                Some(event) => self.on_event(event),
                None if consumed == 0 => return,
                None => {}
            }
            match result {
                DigestResult::None => {}
                DigestResult::Prompt(_) => self.prompted(),
                DigestResult::Response(Err(_)) => self.garbled(),
                DigestResult::Urc(line) => {
                    self.tracer.tell(Trace::Line(line));
                    if let Some(urc) = Urc::parse(line) {
                        self.unsolicited(urc);
                    }
                }
                DigestResult::Response(Ok(line)) => {
                    self.tracer.tell(Trace::Line(line));
                    self.on_line(line);
                }
            }
            if self.is_deaf() {
                self.forget_input();
            }
        }
        self.ingress.clear();
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Notice(link) => self.noticed(link),
            Event::Head(head) => {
                self.hurt = false;
                self.payload_begins(head);
            }
            Event::Payload(_) => self.payload_moved(),
            Event::Framed(well) => self.framed(well),
        }
    }

    /// Payload that shares a chunk with its head.
    fn copy_payload(&mut self, data: &[u8]) {
        let staged = match self.pairs.rx(self.target.pair()) {
            Some(mut ring) if self.target != Target::Nowhere => ring.stage_from(data),
            _ => return,
        };
        if staged < data.len() {
            self.overflowed();
        }
    }

    fn payload_begins(&mut self, head: Head) {
        self.tracer.tell(Trace::Payload(head.len.into()));
        self.target = match (head.source, self.exchange) {
            (Source::Read, Exchange::Read(reading)) if head.len <= reading.asked => {
                self.exchange =
                    Exchange::Read(super::flight::Reading { got: Some(head.len), ..reading });
                Target::Read { pair: self.pair_of(reading.link) }
            }
            (Source::Read, Exchange::Read(reading)) => {
                // More than was asked for: the number is wrong, and so is what follows.
                self.read_broken(reading);
                self.finish();
                self.lose_track();
                return;
            }
            // A read that was given up before.
            (Source::Read, _) => Target::Nowhere,
            (Source::Pushed(link), _) => self.pushed(link, head.len, head.from),
        };
        if head.len == 0 {
            self.payload_ended();
        }
    }

    /// Data that the modem pushes.
    #[inline(never)] // once in an image
    fn pushed(&mut self, link: u8, len: u16, from: Option<Address>) -> Target {
        let state = &self.links[usize::from(link)];
        let opening = state.phase == LinkPhase::Opening && state.tcp;
        if opening && from.is_some() && from != state.peer {
            // Only they tell before 1.7 whose `CONNECT` it was (4.8).
            self.client_was_faster(link);
            self.client_came(link, from);
        }
        let state = &mut self.links[usize::from(link)];
        if !matches!(state.phase, LinkPhase::Open | LinkPhase::Opening) {
            count!(self, stray);
            self.status_due = true;
            return Target::Nowhere;
        }
        if !state.tcp {
            return self.datagram_begins(link, len, from);
        }
        // Before 1.7 nothing else tells who a client is that is soon gone (4.8).
        if state.peer.is_none() {
            state.peer = from;
        }
        if state.gone && state.linger_until.is_some() {
            let until = self.after_wire(len) + super::urcs::EARLY;
            self.links[usize::from(link)].linger_until = Some(until);
        }
        let pair = self.pair_of(link).filter(|_| !self.is_shut(link));
        match self.links[usize::from(link)].owner {
            Owner::Slot(_) | Owner::Pending if pair.is_some() => Target::Pushed { pair, link },
            // Nobody will read it.
            _ => Target::Nowhere,
        }
    }

    /// There is no room for what is coming in: what came before is good, and the socket
    /// ends with an error behind it, never with a gap.
    fn overflowed(&mut self) {
        let target = core::mem::replace(&mut self.target, Target::Nowhere);
        match target {
            Target::Pushed { pair, link } => {
                if let Some(pair) = self.pairs.get_mut(pair) {
                    pair.rx.commit();
                }
                count!(self, overflows);
                self.fail_link(link, Error::EIO);
            }
            Target::Read { pair } | Target::Datagram { pair, .. } => {
                if let Some(pair) = self.pairs.get_mut(pair) {
                    pair.rx.discard();
                }
            }
            Target::Nowhere => {}
        }
    }

    /// Some payload has been staged.
    pub(super) fn payload_moved(&mut self) {
        if self.digest.payload_left() == 0 {
            self.payload_ended();
        }
    }

    /// All of a payload is there.
    fn payload_ended(&mut self) {
        match self.target {
            Target::Pushed { pair, .. } | Target::Datagram { pair, .. } => {
                if let Some(pair) = self.pairs.get_mut(pair) {
                    pair.rx.commit();
                }
                self.touched = true;
            }
            // Its framing must close first.
            Target::Read { .. } | Target::Nowhere => {}
        }
    }

    /// What followed a payload was what must follow it, or not.
    fn framed(&mut self, well: bool) {
        let target = core::mem::replace(&mut self.target, Target::Nowhere);
        if well {
            if let (Target::Read { .. }, Exchange::Read(reading)) = (target, self.exchange) {
                self.exchange = Exchange::Read(super::flight::Reading { framed: true, ..reading });
            }
            return;
        }
        count!(self, framing);
        match (target, self.exchange) {
            (Target::Read { .. }, Exchange::Read(reading)) => {
                self.finish();
                self.read_broken(reading);
                self.lose_track();
            }
            (Target::Pushed { link, .. }, _) => self.fail_link(link, Error::EIO),
            _ => {}
        }
        // A piece of the next line may have been eaten with it.
        self.hurt = true;
        self.suspect();
    }

    /// A line that is no URC.
    fn on_line(&mut self, line: &[u8]) {
        if line.starts_with(b"AT+") || line == b"AT" {
            self.echo_heard();
            return;
        }
        if self.exchange.is_idle() && Reply::parse(line) == Reply::Line(line) {
            self.unknown(line);
            return;
        }
        self.hurt = false;
        match (self.exchange, Reply::parse(line)) {
            (Exchange::Read(reading), Reply::Line(text)) if !is_chatter(text) => {
                // The head of the reply was hurt: its payload would be read as lines.
                self.finish();
                self.read_broken(reading);
                self.lose_track();
            }
            (_, reply) => self.replied(reply),
        }
    }

    /// A line that nobody asked for and that is no URC. It may have been one.
    pub(super) fn unknown(&mut self, line: &[u8]) {
        if is_chatter(line) {
            return;
        }
        count!(self, unknown);
        if self.phase == Phase::Ready {
            // Where data are pushed, this may be what is left of a head: then its payload
            // comes as lines, and those must not be believed.
            let head = line.starts_with(b"+") || line.windows(4).any(|part| part == b"IPD,");
            let odd = self.hurt || head || self.firmware.dialect == Dialect::NonOs;
            if head || (odd && self.has_pushed()) {
                self.lose_track();
            } else {
                self.suspect();
            }
        }
    }

    /// Whether any link is pushed to.
    pub(super) fn has_pushed(&self) -> bool {
        let passive = self.is_passive();
        self.links.iter().any(|link| link.is_open() && !(passive && link.tcp))
    }

    /// A line longer than any.
    fn garbled(&mut self) {
        count!(self, unknown);
        match self.exchange {
            Exchange::Read(reading) => {
                self.finish();
                self.read_broken(reading);
                self.lose_track();
            }
            _ => self.suspect(),
        }
    }

    /// Bytes were lost on the way, somewhere around here.
    pub(crate) fn rx_lost(&mut self, now: usocket_core::Instant) {
        self.now = self.now.max(now);
        count!(self, lost);
        self.tracer.tell(Trace::Note("bytes lost"));
        if !self.is_ready() {
            return;
        }
        self.lose_track();
    }

    /// The buffers that payload is coming into just now.
    pub(super) fn target_pair(&self) -> Option<PairId> {
        self.target.pair()
    }

    /// Whether pushed data of a link are coming in just now.
    pub(super) fn is_coming(&self, link: u8) -> bool {
        let ours = matches!(self.target, Target::Pushed { link: coming, .. } if coming == link);
        ours && self.digest.payload_left() > 0
    }

    /// What is coming in of a payload goes nowhere.
    pub(super) fn drop_payload(&mut self) {
        if let Some(pair) = self.pairs.get_mut(self.target.pair()) {
            pair.rx.discard();
        }
        self.target = Target::Nowhere;
    }

    /// Forgets half-digested input.
    pub(super) fn forget_input(&mut self) {
        self.drop_payload();
        self.digest.reset();
        self.ingress.clear();
    }
}
