//! A datagram socket of the stack that the stack sees only while it is needed: each one
//! that it sees costs at every segment.

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;

/// Where the socket is: here, or in the stack's table, which has a place for it.
pub(crate) struct Seat<'a> {
    home: Option<udp::Socket<'a>>,
    place: Option<SocketHandle>,
}

impl<'a> Seat<'a> {
    /// One that the stack does not see.
    pub(crate) fn new(socket: udp::Socket<'a>) -> Self {
        Self { home: Some(socket), place: None }
    }

    /// Gives it to the stack.
    pub(crate) fn show<'s>(
        &mut self,
        set: &'s mut SocketSet<'a>,
    ) -> Option<&'s mut udp::Socket<'a>> {
        if let Some(socket) = self.home.take() {
            self.place = Some(set.add(socket));
        }
        self.place.map(|place| set.get_mut(place))
    }

    /// Takes it back, empty and unbound. The stack forgets whom it waited for.
    pub(crate) fn hide(&mut self, set: &mut SocketSet<'a>) {
        if let Some(place) = self.place.take()
            && let smoltcp::socket::Socket::Udp(mut socket) = set.remove(place)
        {
            socket.close();
            self.home = Some(socket);
        }
    }

    /// The socket while the stack sees it.
    pub(crate) fn shown<'s>(&self, set: &'s mut SocketSet<'a>) -> Option<&'s mut udp::Socket<'a>> {
        self.place.map(|place| set.get_mut(place))
    }
}
