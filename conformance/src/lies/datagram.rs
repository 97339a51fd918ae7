//! Lies about section L on datagrams: recv.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, Result};

use super::{lies, retold};
use crate::Lie;
use crate::cases::datagram;

lies! {
    backend TailComesNext breaks [122], caught by datagram::a_datagram_is_received_whole_or_cut;
    backend JoinsDatagrams breaks [122], caught by datagram::a_datagram_is_received_whole_or_cut;
    backend HidesTruncation breaks [122], caught by datagram::truncation_is_visible;
    backend SkipsEmptyDatagrams breaks [123], caught by datagram::an_empty_datagram_is_no_end;
    backend EmptyRecvTakesNoDatagram breaks [123], caught by datagram::an_empty_datagram_is_no_end;
    backend UnboundIsUnconnected breaks [124], caught by datagram::a_quiet_datagram_socket_waits;
    backend DropsTheOldest breaks [125], caught by datagram::datagrams_queue_in_order;
    backend QueueHoldsTwo breaks [125], caught by datagram::datagrams_queue_in_order;
    backend ClosedPortIsQuiet breaks [126], caught by datagram::a_closed_port_is_told_once;
    backend ClosedPortForEver breaks [126], caught by datagram::a_closed_port_is_told_once;
    backend PeekTakesDatagrams breaks [127], caught by datagram::peek_and_dontwait_on_datagrams;
    backend NoLocalAddress breaks [], caught by datagram::the_local_address_of_a_datagram;
}

retold! {
    backend ClosedPortIsQuiet: try_recv { Err(Error::ECONNREFUSED) => Err(Error::EAGAIN) }
    backend HidesTruncation: try_recv_info {
        Ok(info) => Ok(RecvInfo { full_len: info.len, ..info })
    }
    backend NoLocalAddress: try_recv_info { Ok(info) => Ok(RecvInfo { local: None, ..info }) }
}

/// What does not fit is received next.
#[derive(Default)]
struct TailComesNext {
    tail: RefCell<heapless::Vec<u8, 1500>>,
}

impl<B: Backend> Lie<B> for TailComesNext {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let mut tail = self.tail.borrow_mut();
        if tail.is_empty() {
            let mut whole = [0; 1500];
            let len = net.try_recv(handle, &mut whole, flags)?;
            let _ = tail.extend_from_slice(&whole[..len]);
        }
        let count = tail.len().min(buf.len());
        buf[..count].copy_from_slice(&tail[..count]);
        tail.rotate_left(count);
        let rest = tail.len() - count;
        tail.truncate(rest);
        Ok(count)
    }
}

/// Several datagrams come as one.
#[derive(Default)]
struct JoinsDatagrams;

impl<B: Backend> Lie<B> for JoinsDatagrams {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let mut count = net.try_recv(handle, buf, flags)?;
        while count < buf.len() {
            match net.try_recv(handle, &mut buf[count..], flags) {
                Ok(more) => count += more,
                Err(_) => break,
            }
        }
        Ok(count)
    }
}

#[derive(Default)]
struct SkipsEmptyDatagrams;

impl<B: Backend> Lie<B> for SkipsEmptyDatagrams {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        loop {
            match net.try_recv(handle, buf, flags) {
                Ok(0) if !buf.is_empty() => {}
                answer => return answer,
            }
        }
    }
}

#[derive(Default)]
struct EmptyRecvTakesNoDatagram;

impl<B: Backend> Lie<B> for EmptyRecvTakesNoDatagram {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let peek = flags.peek || buf.is_empty();
        net.try_recv(handle, buf, RecvFlags { peek })
    }
}

#[derive(Default)]
struct UnboundIsUnconnected;

impl<B: Backend> Lie<B> for UnboundIsUnconnected {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EAGAIN) if net.local_addr(handle)?.port() == 0 => Err(Error::ENOTCONN),
            answer => answer,
        }
    }
}

/// The queue keeps the newest: the first is gone when it is asked for.
#[derive(Default)]
struct DropsTheOldest {
    dropped: Cell<bool>,
}

impl<B: Backend> Lie<B> for DropsTheOldest {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if !self.dropped.replace(true) {
            net.try_recv(handle, buf, flags)?;
        }
        net.try_recv(handle, buf, flags)
    }
}

/// A queue of two.
#[derive(Default)]
struct QueueHoldsTwo {
    given: Cell<u8>,
}

impl<B: Backend> Lie<B> for QueueHoldsTwo {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.given.set(self.given.get() + 1);
        if self.given.get() > 2 {
            while net.try_recv(handle, buf, flags).is_ok() {}
        }
        net.try_recv(handle, buf, flags)
    }
}

#[derive(Default)]
struct ClosedPortForEver {
    refused: Cell<bool>,
}

impl<B: Backend> Lie<B> for ClosedPortForEver {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EAGAIN) if self.refused.get() => Err(Error::ECONNREFUSED),
            Err(Error::ECONNREFUSED) => {
                self.refused.set(true);
                Err(Error::ECONNREFUSED)
            }
            answer => answer,
        }
    }
}

#[derive(Default)]
struct PeekTakesDatagrams;

impl<B: Backend> Lie<B> for PeekTakesDatagrams {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, RecvFlags::default())
    }
}
