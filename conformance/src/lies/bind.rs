//! Lies about section F.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Result, SockAddr};

use super::{instead, lies};
use crate::Lie;
use crate::cases::bind;

lies! {
    backend BindsElsewhere breaks [50], caught by bind::bind_gives_the_address;
    backend BindForgets breaks [50], caught by bind::bind_gives_the_address;
    backend BindsAgain breaks [51], caught by bind::a_second_bind_is_refused;
    backend SharesAddresses breaks [52], caught by bind::an_address_in_use_is_refused;
    backend OnePortSpace breaks [53], caught by bind::tcp_and_udp_ports_are_separate;
    backend BindsForeign breaks [54], caught by bind::foreign_addresses_are_refused;
    backend BindsAgain breaks [55], caught by bind::bind_after_implicit_bind_is_refused;
    backend HoldsAddresses breaks [56], caught by bind::close_frees_the_address;
    backend SharesAddresses breaks [57], caught by bind::time_wait_holds_the_address;
    backend ReuseUnknown breaks [57], caught by bind::time_wait_holds_the_address;
    backend TwoListeners breaks [58], caught by bind::reuse_never_allows_two_listeners;
    backend ClosedIsIoError breaks [59], caught by bind::bind_of_a_closed_socket;
}

#[derive(Default)]
struct BindsElsewhere;

impl<B: Backend> Lie<B> for BindsElsewhere {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        net.bind(handle, address.with_port(0))
    }
}

#[derive(Default)]
struct BindForgets;

impl<B: Backend> Lie<B> for BindForgets {
    fn bind(&self, _net: &B, _handle: Handle, _address: SockAddr) -> Result<()> {
        Ok(())
    }
}

/// As lwIP.
#[derive(Default)]
struct BindsAgain;

impl<B: Backend> Lie<B> for BindsAgain {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::EINVAL, Ok(()))
    }
}

#[derive(Default)]
struct SharesAddresses;

impl<B: Backend> Lie<B> for SharesAddresses {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::EADDRINUSE, Ok(()))
    }
}

#[derive(Default)]
struct OnePortSpace(RefCell<heapless::Vec<u16, 16>>);

impl<B: Backend> Lie<B> for OnePortSpace {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        if self.0.borrow().contains(&address.port()) {
            return Err(Error::EADDRINUSE);
        }
        net.bind(handle, address)?;
        let _ = self.0.borrow_mut().push(net.local_addr(handle)?.port());
        Ok(())
    }
}

/// As lwIP.
#[derive(Default)]
struct BindsForeign;

impl<B: Backend> Lie<B> for BindsForeign {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::EADDRNOTAVAIL, Ok(()))
    }
}

#[derive(Default)]
struct HoldsAddresses(Cell<Option<u16>>);

impl<B: Backend> Lie<B> for HoldsAddresses {
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
struct ReuseUnknown;

impl<B: Backend> Lie<B> for ReuseUnknown {
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
struct TwoListeners;

impl<B: Backend> Lie<B> for TwoListeners {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::EADDRINUSE, Ok(()))
    }

    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        instead(net.listen(handle, backlog), Error::EADDRINUSE, Ok(()))
    }
}

/// As lwIP.
#[derive(Default)]
struct ClosedIsIoError;

impl<B: Backend> Lie<B> for ClosedIsIoError {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::EBADF, Err(Error::EIO))
    }
}
