//! Lies about section Q: what a poll says of a socket.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, SockType};
use usocket_core::{
    Error, Events, Family, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result, SockAddr,
};

use super::lies;
use crate::Lie;
use crate::cases::readiness;

lies! {
    backend FreshIsQuiet breaks [194], caught by readiness::a_fresh_stream_hangs_up;
    backend FreshIsNotWritable breaks [194], caught by readiness::a_fresh_stream_hangs_up;
    backend BoundIsQuiet breaks [194], caught by readiness::a_bound_stream_hangs_up;
    backend DatagramsHangUp breaks [195], caught by readiness::datagram_readiness;
    backend EmptyDatagramUnseen breaks [195], caught by readiness::an_empty_datagram_is_input;
    backend WritableListener breaks [196], caught by readiness::listener_readiness;
    backend ListenerStaysReady breaks [196], caught by readiness::listener_readiness;
    backend ConnectingIsWritable breaks [197], caught by readiness::connecting_readiness;
    backend ConnectingHangsUp breaks [197], caught by readiness::connecting_readiness;
    backend EdgeTriggered breaks [198], caught by readiness::data_is_input_until_read;
    backend AlwaysWritable breaks [199], caught by readiness::a_full_buffer_is_no_output;
    backend EndHangsUp breaks [200], caught by readiness::the_end_of_the_stream_is_input;
    backend EndIsToldOnce breaks [200], caught by readiness::the_end_of_the_stream_is_input;
    backend ResetWithoutErr breaks [201], caught by readiness::a_reset_is_an_error;
    backend ResetIsNotReadable breaks [201], caught by readiness::a_reset_is_an_error;
    backend DataHidesTheReset breaks [201], caught by readiness::a_reset_behind_data_is_an_error;
    backend ErrStays breaks [202], caught by readiness::a_delivered_reset_hangs_up;
    backend NothingAfterAReset breaks [202], caught by readiness::a_delivered_reset_hangs_up;
    backend RefusedIsWritable breaks [203], caught by readiness::a_refused_connect_is_an_error;
    backend RefusedErrStays breaks [203], caught by readiness::a_refused_connect_is_an_error;
    backend ClosedIsQuiet breaks [204], caught by readiness::a_closed_socket_is_invalid;
    backend ClosedHangsUp breaks [204], caught by readiness::a_closed_socket_is_invalid;
    backend InputIsAGuess breaks [210], caught by readiness::input_is_never_a_promise_too_many;
    backend OutputIsAGuess breaks [210], caught by readiness::output_is_never_a_promise_too_many;
}

/// A readiness made from the honest one, and nothing else.
macro_rules! telling {
    ($($(#[$doc:meta])* $lie:ident: |$net:ident, $handle:ident, $events:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Lie<B> for $lie {
            fn readiness(&self, $net: &B, $handle: Handle) -> Events {
                let $events = $net.readiness($handle);
                $body
            }
        }
    )*};
}

fn sees<B: Backend>(net: &B, handle: Handle) -> Result<usize> {
    net.try_recv(handle, &mut [0], RecvFlags { peek: true })
}

telling! {
    FreshIsQuiet: |_net, _handle, events| {
        if events == POLLOUT | POLLHUP { POLLOUT } else { events }
    };
    FreshIsNotWritable: |_net, _handle, events| {
        if events == POLLOUT | POLLHUP { POLLHUP } else { events }
    };
    BoundIsQuiet: |net, handle, events| match net.local_addr(handle) {
        Ok(address) if address.port() != 0 => events & !POLLHUP,
        _ => events,
    };
    /// What is empty is not input.
    EmptyDatagramUnseen: |net, handle, events| match sees(net, handle) {
        Ok(0) => events & !POLLIN,
        _ => events,
    };
    AlwaysWritable: |net, handle, events| match net.peer_addr(handle) {
        Ok(_) => events | POLLOUT,
        Err(_) => events,
    };
    EndHangsUp: |net, handle, events| match sees(net, handle) {
        Ok(0) => events | POLLHUP,
        _ => events,
    };
    ResetWithoutErr: |_net, _handle, events| events & !POLLERR;
    ResetIsNotReadable: |_net, _handle, events| {
        if events.contains(POLLERR) { events & !POLLIN } else { events }
    };
    DataHidesTheReset: |net, handle, events| match sees(net, handle) {
        Ok(_) => events & !(POLLERR | POLLHUP),
        Err(_) => events,
    };
    /// A connection that is gone says nothing.
    NothingAfterAReset: |_net, _handle, events| {
        if events.contains(POLLHUP | POLLIN) && !events.contains(POLLERR) {
            Events::NONE
        } else {
            events
        }
    };
    RefusedIsWritable: |_net, _handle, events| {
        if events.contains(POLLERR) { POLLOUT | POLLERR } else { events }
    };
    ClosedIsQuiet: |_net, _handle, events| events & !POLLNVAL;
    ClosedHangsUp: |_net, _handle, events| {
        if events.contains(POLLNVAL) { POLLHUP } else { events }
    };
    /// "There may be something": as firmware that has no ioctl answers.
    InputIsAGuess: |_net, _handle, events| events | POLLIN;
    OutputIsAGuess: |net, handle, events| match net.peer_addr(handle) {
        // A socket that connects would spin otherwise.
        Ok(_) => events | POLLOUT,
        Err(_) => events,
    };
}

/// Datagram sockets are not connected either, are they?
#[derive(Default)]
struct DatagramsHangUp(Cell<Option<Handle>>);

impl<B: Backend> Lie<B> for DatagramsHangUp {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        let handle = net.open(family, kind)?;
        if kind == SockType::Dgram {
            self.0.set(Some(handle));
        }
        Ok(handle)
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() == Some(handle) { events | POLLHUP } else { events }
    }
}

#[derive(Default)]
struct WritableListener(Cell<Option<Handle>>);

impl<B: Backend> Lie<B> for WritableListener {
    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        self.0.set(Some(handle));
        net.listen(handle, backlog)
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() == Some(handle) { events | POLLOUT } else { events }
    }
}

#[derive(Default)]
struct ListenerStaysReady(Cell<Option<Handle>>);

impl<B: Backend> Lie<B> for ListenerStaysReady {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        self.0.set(Some(handle));
        net.try_accept(handle)
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() == Some(handle) { events | POLLIN } else { events }
    }
}

/// Adds events to a socket that says nothing while it connects.
macro_rules! connecting {
    ($lie:ident, $more:expr) => {
        #[derive(Default)]
        struct $lie(Cell<Option<Handle>>);

        impl<B: Backend> Lie<B> for $lie {
            fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
                self.0.set(Some(handle));
                net.try_connect(handle, address)
            }

            fn readiness(&self, net: &B, handle: Handle) -> Events {
                match net.readiness(handle) {
                    Events::NONE if self.0.get() == Some(handle) => $more,
                    events => events,
                }
            }
        }
    };
}

connecting!(ConnectingIsWritable, POLLOUT);
connecting!(ConnectingHangsUp, POLLHUP);

/// Tells of input once until something is received.
#[derive(Default)]
struct EdgeTriggered(Cell<bool>);

impl<B: Backend> Lie<B> for EdgeTriggered {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.0.set(false);
        net.try_recv(handle, buf, flags)
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if events.contains(POLLIN) && self.0.replace(true) { events & !POLLIN } else { events }
    }
}

/// The end of the stream is no input once it was received.
#[derive(Default)]
struct EndIsToldOnce(Cell<bool>);

impl<B: Backend> Lie<B> for EndIsToldOnce {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        self.0.set(answer == Ok(0));
        answer
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() { events & !POLLIN } else { events }
    }
}

#[derive(Default)]
struct ErrStays(Cell<bool>);

impl<B: Backend> Lie<B> for ErrStays {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        self.0.set(self.0.get() || answer == Err(Error::ECONNRESET));
        answer
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() { events | POLLERR } else { events }
    }
}

#[derive(Default)]
struct RefusedErrStays(Cell<bool>);

impl<B: Backend> Lie<B> for RefusedErrStays {
    fn take_error(&self, net: &B, handle: Handle) -> Result<Option<Error>> {
        let answer = net.take_error(handle);
        self.0.set(self.0.get() || matches!(answer, Ok(Some(_))));
        answer
    }

    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if self.0.get() { events | POLLERR } else { events }
    }
}
