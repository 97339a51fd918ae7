//! Lies about section F: `bind`.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Result, SockAddr};

use super::{lies, retold};
use crate::Lie;
use crate::cases::bind;

lies! {
    backend BindsElsewhere breaks [50], caught by bind::bind_gives_the_address;
    backend BindDoesNothing breaks [50], caught by bind::bind_gives_the_address;
    backend SecondBindAccepted breaks [51], caught by bind::a_second_bind_is_refused;
    backend AddressInUseIsShared breaks [52], caught by bind::an_address_in_use_is_refused;
    backend TcpAndUdpShareTheirPorts breaks [53], caught by bind::tcp_and_udp_ports_are_separate;
    backend ForeignAddressIsBound breaks [54], caught by bind::foreign_addresses_are_refused;
    backend SecondBindAccepted breaks [55], caught by bind::bind_after_implicit_bind_is_refused;
    backend CloseHoldsTheAddress breaks [56], caught by bind::close_frees_the_address;
    backend AddressInUseIsShared breaks [57], caught by bind::time_wait_holds_the_address;
    backend ReuseAddrDoesNothing breaks [57], caught by bind::time_wait_holds_the_address;
    backend TwoListenersOnOneAddress breaks [58], caught by bind::reuse_never_allows_two_listeners;
    backend BindWhenClosedIsIoError breaks [59], caught by bind::bind_of_a_closed_socket;
}

retold! {
    /// As lwIP.
    backend SecondBindAccepted: bind { Err(Error::EINVAL) => Ok(()) }
    backend AddressInUseIsShared: bind { Err(Error::EADDRINUSE) => Ok(()) }
    /// As lwIP.
    backend ForeignAddressIsBound: bind { Err(Error::EADDRNOTAVAIL) => Ok(()) }
    /// As lwIP.
    backend BindWhenClosedIsIoError: bind { Err(Error::EBADF) => Err(Error::EIO) }
}

#[derive(Default)]
struct BindsElsewhere;

impl<B: Backend> Lie<B> for BindsElsewhere {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        net.bind(handle, address.with_port(0))
    }
}

#[derive(Default)]
struct BindDoesNothing;

impl<B: Backend> Lie<B> for BindDoesNothing {
    fn bind(&self, _net: &B, _handle: Handle, _address: SockAddr) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct TcpAndUdpShareTheirPorts(RefCell<heapless::Vec<u16, 16>>);

impl<B: Backend> Lie<B> for TcpAndUdpShareTheirPorts {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        if self.0.borrow().contains(&address.port()) {
            return Err(Error::EADDRINUSE);
        }
        net.bind(handle, address)?;
        let _ = self.0.borrow_mut().push(net.local_addr(handle)?.port());
        Ok(())
    }
}

#[derive(Default)]
struct CloseHoldsTheAddress(Cell<Option<u16>>);

impl<B: Backend> Lie<B> for CloseHoldsTheAddress {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        if self.0.get() == Some(address.port()) {
            return Err(Error::EADDRINUSE);
        }
        net.bind(handle, address)
    }

    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        if let Ok(address) = net.local_addr(handle)
            && address.port() != 0
        {
            self.0.set(Some(address.port()));
        }
        net.close(handle)
    }
}

/// `SO_REUSEADDR` is accepted and does nothing.
#[derive(Default)]
struct ReuseAddrDoesNothing;

impl<B: Backend> Lie<B> for ReuseAddrDoesNothing {
    fn set_option(
        &self,
        _net: &B,
        _handle: Handle,
        _option: &usocket_core::spi::Opt,
    ) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct TwoListenersOnOneAddress;

impl<B: Backend> Lie<B> for TwoListenersOnOneAddress {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        AddressInUseIsShared.bind(net, handle, address)
    }

    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        match net.listen(handle, backlog) {
            Err(Error::EADDRINUSE) => Ok(()),
            answer => answer,
        }
    }
}
