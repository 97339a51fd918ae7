//! `polling` behind an interface without `unsafe`, and the system's own epoll.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use polling::{Event, Events, Poller};
use rustix::event::epoll;

/// A `polling::Poller` in one-shot mode, and the sockets that it watches.
#[derive(Debug)]
pub struct OneShot {
    poller: Poller,
    events: Events,
    sockets: Vec<UdpSocket>,
}

impl OneShot {
    /// Watches the sockets for input; their keys are their places.
    #[must_use]
    #[expect(unsafe_code, reason = "polling 3 has no safe way to add a socket")]
    pub fn new(sockets: Vec<UdpSocket>) -> Self {
        let poller = Poller::new().expect("epoll");
        for (key, socket) in sockets.iter().enumerate() {
            // SAFETY: a socket must be deleted from the poller before it is
            // dropped. It is kept here from now on, and Drop deletes it.
            unsafe { poller.add(socket, Event::readable(key)) }.expect("add");
        }
        Self { poller, events: Events::new(), sockets }
    }

    /// Waits once, arms what was delivered again, and says how many that were.
    #[inline]
    pub fn wait(&mut self) -> usize {
        self.events.clear();
        self.poller.wait(&mut self.events, None).expect("wait");
        for event in self.events.iter() {
            let again = Event::readable(event.key);
            self.poller.modify(&self.sockets[event.key], again).expect("modify");
        }
        self.events.len()
    }

    /// The sockets.
    #[must_use]
    pub fn sockets(&self) -> &[UdpSocket] {
        &self.sockets
    }
}

impl Drop for OneShot {
    fn drop(&mut self) {
        for socket in &self.sockets {
            let _ = self.poller.delete(socket);
        }
    }
}

/// The system's own interface: the floor of what a poll can cost.
pub struct Epoll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Epoll {
    /// Watches the sockets for input.
    #[must_use]
    pub fn new(sockets: &[UdpSocket]) -> Self {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
        for (key, socket) in sockets.iter().enumerate() {
            let data = epoll::EventData::new_u64(key as u64);
            epoll::add(&epoll, socket, data, epoll::EventFlags::IN).expect("add");
        }
        Self { epoll, events: Vec::with_capacity(sockets.len()) }
    }

    /// Waits once and says how many are ready.
    #[inline]
    pub fn wait(&mut self) -> usize {
        self.events.clear();
        let room = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.epoll, room, None).expect("wait");
        let input = |event: &&epoll::Event| { event.flags }.contains(epoll::EventFlags::IN);
        self.events.iter().filter(input).count()
    }
}
