//! The waiting room of listeners: SYN frames that have no pair of buffers yet.
//!
//! A connection that asks is kept as its SYN, some hundred bytes, until a pair is free;
//! then the frame is given to the stack as if it came now. Nobody is refused meanwhile:
//! the peer repeats its SYN when it hears nothing.

use heapless::Vec;
use smoltcp::wire::IpEndpoint;
use usocket_core::Instant;
use usocket_core::spi::Handle;

use crate::time::Span;

/// Longest frame kept: Ethernet, IP and TCP headers with all options of IPv4.
const FRAME: usize = 14 + 60 + 60;

/// When a peer that has not repeated its SYN has given up: each doubles its time from 1 s.
const STALE: Span = Span::from_secs(20);

/// A SYN that waits.
pub(crate) struct Parked {
    pub(crate) frame: Vec<u8, FRAME>,
    pub(crate) listener: Handle,
    pub(crate) local: IpEndpoint,
    pub(crate) remote: IpEndpoint,
    /// When it came first.
    order: u64,
    last: Instant,
    /// Whether the peer has asked again: a forged sender does not.
    repeated: bool,
}

/// All that wait.
pub(crate) struct Parking<'a> {
    places: &'a mut [Option<Parked>],
    order: u64,
}

impl<'a> Parking<'a> {
    pub(crate) fn new(places: &'a mut [Option<Parked>]) -> Self {
        Self { places, order: 0 }
    }

    /// Keeps a SYN. Where all places are taken the oldest of those who asked only once
    /// gives way: a flood of forged senders pushes out its own (R7).
    pub(crate) fn park(
        &mut self,
        frame: &[u8],
        listener: Handle,
        local: IpEndpoint,
        remote: IpEndpoint,
        now: Instant,
    ) {
        let known = self.places.iter_mut().flatten().find(|parked| {
            (parked.listener, parked.local, parked.remote) == (listener, local, remote)
        });
        let Ok(frame) = Vec::from_slice(frame) else { return };
        if let Some(parked) = known {
            // The newest frame counts: it may be another attempt from the same port.
            parked.frame = frame;
            parked.last = now;
            parked.repeated = true;
            return;
        }
        self.order += 1;
        let parked = Parked {
            frame,
            listener,
            local,
            remote,
            order: self.order,
            last: now,
            repeated: false,
        };
        let free = self.places.iter().position(Option::is_none);
        let place = free.or_else(|| {
            let taken = self.places.iter().enumerate();
            let keys = taken.filter_map(|(place, other)| {
                other.as_ref().map(|other| (other.repeated, other.order, place))
            });
            keys.min().map(|(.., place)| place)
        });
        if let Some(place) = place {
            self.places[place] = Some(parked);
        }
    }

    /// Takes out the one whose turn it is: those who asked again first, else who came
    /// first. `wanted` says which listener has room.
    pub(crate) fn next(&mut self, wanted: impl Fn(Handle) -> bool) -> Option<Parked> {
        let waiting = self.places.iter().enumerate().filter_map(|(place, parked)| {
            let parked = parked.as_ref()?;
            wanted(parked.listener).then_some((!parked.repeated, parked.order, place))
        });
        let (.., place) = waiting.min()?;
        self.places[place].take()
    }

    /// Forgets those for whom `gone` says true.
    pub(crate) fn forget(&mut self, gone: impl Fn(&Parked) -> bool) {
        for place in &mut *self.places {
            if place.as_ref().is_some_and(&gone) {
                *place = None;
            }
        }
    }

    /// Forgets those whose peers have given up.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.forget(|parked| now >= parked.last + STALE);
    }

    /// Whether anybody waits for one of these listeners.
    pub(crate) fn any(&self, wanted: impl Fn(Handle) -> bool) -> bool {
        self.places.iter().flatten().any(|parked| wanted(parked.listener))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    /// When the next one is stale.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.places.iter().flatten().map(|parked| parked.last + STALE).min()
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::IpAddress;

    use super::*;

    fn address(port: u16) -> IpEndpoint {
        IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), port)
    }

    #[test]
    fn a_flood_pushes_out_its_own_and_who_asks_again_is_first() {
        let mut places = [const { None }; 3];
        let mut parking = Parking::new(&mut places);
        let listener = Handle::new(0, 0);
        let ask = |parking: &mut Parking<'_>, port| {
            parking.park(b"syn", listener, address(80), address(port), Instant::ZERO);
        };
        ask(&mut parking, 1);
        ask(&mut parking, 1);
        for port in 100..200 {
            ask(&mut parking, port);
        }
        let mut served = std::vec::Vec::new();
        assert!(parking.next(|_| false).is_none());
        while let Some(parked) = parking.next(|_| true) {
            served.push(parked.remote.port);
        }
        assert_eq!(served, [1, 198, 199]);
        assert!(parking.is_empty());
    }

    #[test]
    fn who_gives_up_is_forgotten() {
        let mut places = [const { None }; 2];
        let mut parking = Parking::new(&mut places);
        let listener = Handle::new(0, 0);
        parking.park(&[0; FRAME + 1], listener, address(80), address(1), Instant::ZERO);
        assert!(parking.is_empty());
        parking.park(&[0; FRAME], listener, address(80), address(1), Instant::ZERO);
        assert_eq!(parking.next_due(), Some(Instant::ZERO + STALE));
        parking.expire(Instant::ZERO + STALE);
        assert!(parking.is_empty());
    }
}
