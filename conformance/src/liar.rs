//! Backends that break one rule on purpose.
//!
//! A case counts only if some liar makes it fail: that is how the kit is tested.

use core::net::IpAddr;

use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Opt, OptName, Platform, RecvFlags, RecvInfo, Shutdown,
    SockType, Wait, WaitKey,
};
use usocket_core::{Error, Events, Family, Instant, Result, SockAddr};

/// One lie: override one method; all others ask the honest backend.
pub trait Lie<B: Backend> {
    /// Of [`EventSource::drive`].
    fn drive(&self, net: &B, now: Instant) -> Option<Instant> {
        net.drive(now)
    }

    /// Of [`EventSource::pending`].
    fn pending(&self, net: &B) -> bool {
        net.pending()
    }

    /// Of [`EventSource::readiness`].
    fn readiness(&self, net: &B, handle: Handle) -> Events {
        net.readiness(handle)
    }

    /// Of [`EventSource::register`].
    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        net.register(key, wait)
    }

    /// Of [`EventSource::unregister`].
    fn unregister(&self, net: &B, key: WaitKey) {
        net.unregister(key);
    }

    /// Of [`Backend::open`].
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        net.open(family, kind)
    }

    /// Of [`Backend::alive`].
    fn alive(&self, net: &B, handle: Handle) -> Result<()> {
        net.alive(handle)
    }

    /// Of [`Backend::bind`].
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        net.bind(handle, address)
    }

    /// Of [`Backend::listen`].
    fn listen(&self, net: &B, handle: Handle, backlog: u32) -> Result<()> {
        net.listen(handle, backlog)
    }

    /// Of [`Backend::try_accept`].
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        net.try_accept(handle)
    }

    /// Of [`Backend::try_connect`].
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        net.try_connect(handle, address)
    }

    /// Of [`Backend::connect_result`].
    fn connect_result(&self, net: &B, handle: Handle) -> Result<()> {
        net.connect_result(handle)
    }

    /// Of [`Backend::try_send`].
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        net.try_send(handle, data)
    }

    /// Of [`Backend::try_send_to`].
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        net.try_send_to(handle, data, to)
    }

    /// Of [`Backend::try_send_from`].
    fn try_send_from(
        &self,
        net: &B,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        net.try_send_from(handle, data, from, to)
    }

    /// Of [`Backend::try_recv`].
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, flags)
    }

    /// Of [`Backend::try_recv_info`].
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        net.try_recv_info(handle, buf, flags)
    }

    /// Of [`Backend::shutdown`].
    fn shutdown(&self, net: &B, handle: Handle, how: Shutdown) -> Result<()> {
        net.shutdown(handle, how)
    }

    /// Of [`Backend::close`].
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        net.close(handle)
    }

    /// Of [`Backend::abort`].
    fn abort(&self, net: &B, handle: Handle) -> Result<()> {
        net.abort(handle)
    }

    /// Of [`Backend::lingering`].
    fn lingering(&self, net: &B) -> usize {
        net.lingering()
    }

    /// Of [`Backend::set_option`].
    fn set_option(&self, net: &B, handle: Handle, option: &Opt) -> Result<()> {
        net.set_option(handle, option)
    }

    /// Of [`Backend::option`].
    fn option(&self, net: &B, handle: Handle, name: OptName) -> Result<Opt> {
        net.option(handle, name)
    }

    /// Of [`Backend::take_error`].
    fn take_error(&self, net: &B, handle: Handle) -> Result<Option<Error>> {
        net.take_error(handle)
    }

    /// Of [`Backend::local_addr`].
    fn local_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        net.local_addr(handle)
    }

    /// Of [`Backend::peer_addr`].
    fn peer_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        net.peer_addr(handle)
    }

    /// Of [`Backend::start_query`].
    fn start_query(
        &self,
        net: &B,
        name: &str,
        family: Option<Family>,
        canonname: bool,
    ) -> Result<Handle> {
        net.start_query(name, family, canonname)
    }

    /// Of [`Backend::try_answer`].
    fn try_answer(&self, net: &B, query: Handle, answer: &mut Answer) -> Result<()> {
        net.try_answer(query, answer)
    }

    /// Of [`Backend::end_query`].
    fn end_query(&self, net: &B, query: Handle) {
        net.end_query(query);
    }

    /// Of [`Backend::has_address`].
    fn has_address(&self, net: &B, ip: IpAddr) -> bool {
        net.has_address(ip)
    }

    /// Of [`Backend::route`].
    fn route(&self, net: &B, ip: IpAddr) -> Option<u8> {
        net.route(ip)
    }
}

/// The backend `B` as the lie `L` presents it.
///
/// It has no poll sets and no waiting of its own: every call goes through the
/// operations that can lie.
#[derive(Debug)]
pub struct Liar<'b, B, L> {
    /// The honest backend.
    pub net: &'b B,
    /// The lie.
    pub lie: L,
}

impl<B: Backend, L: Lie<B>> EventSource for Liar<'_, B, L> {
    fn drive(&self, now: Instant) -> Option<Instant> {
        self.lie.drive(self.net, now)
    }

    fn pending(&self) -> bool {
        self.lie.pending(self.net)
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.lie.readiness(self.net, handle)
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        self.lie.register(self.net, key, wait)
    }

    fn unregister(&self, key: WaitKey) {
        self.lie.unregister(self.net, key);
    }
}

impl<B: Backend, L: Lie<B>> Backend for Liar<'_, B, L> {
    fn platform(&self) -> &dyn Platform {
        self.net.platform()
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        self.lie.open(self.net, family, kind)
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.lie.alive(self.net, handle)
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.lie.bind(self.net, handle, address)
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        self.lie.listen(self.net, handle, backlog)
    }

    fn in_effect(&self, handle: Handle) -> bool {
        self.net.in_effect(handle)
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        self.lie.try_accept(self.net, handle)
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.lie.try_connect(self.net, handle, address)
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.lie.connect_result(self.net, handle)
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.lie.try_send(self.net, handle, data)
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.lie.try_send_to(self.net, handle, data, to)
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.lie.try_send_from(self.net, handle, data, from, to)
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.lie.try_recv(self.net, handle, buf, flags)
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.lie.try_recv_info(self.net, handle, buf, flags)
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        self.lie.shutdown(self.net, handle, how)
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.lie.close(self.net, handle)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.lie.abort(self.net, handle)
    }

    fn lingering(&self) -> usize {
        self.lie.lingering(self.net)
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.lie.set_option(self.net, handle, option)
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.lie.option(self.net, handle, name)
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.lie.take_error(self.net, handle)
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.lie.local_addr(self.net, handle)
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.lie.peer_addr(self.net, handle)
    }

    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle> {
        self.lie.start_query(self.net, name, family, canonname)
    }

    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        self.net.start_reverse(ip)
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.lie.try_answer(self.net, query, answer)
    }

    fn end_query(&self, query: Handle) {
        self.lie.end_query(self.net, query);
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        self.lie.has_address(self.net, ip)
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.lie.route(self.net, ip)
    }
}
