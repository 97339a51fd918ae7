//! What a build without a feature answers (P11).

#[cfg(not(feature = "udp"))]
mod udp {
    use core::net::IpAddr;

    #[cfg(any(feature = "server", feature = "unreachable"))]
    use smoltcp::wire::IpEndpoint;
    #[cfg(feature = "options")]
    use usocket_core::Family;
    use usocket_core::spi::{Handle, RecvFlags, RecvInfo, Shutdown};
    use usocket_core::{Error, Events, Instant, Result, SockAddr};

    use crate::slots::{Dgram, Slot};
    use crate::state::State;
    use crate::time::NEVER;

    impl State<'_> {
        pub(crate) fn open_datagrams(&mut self, _: Handle) -> Result<()> {
            Err(Error::EOPNOTSUPP)
        }

        #[cfg(feature = "server")]
        pub(crate) fn bind_queue(&mut self, _: Handle, _: IpEndpoint) -> Result<()> {
            Ok(())
        }

        pub(crate) fn release_datagrams(&mut self, _: &Slot, _: &Dgram) {}

        pub(crate) fn connect_datagrams(&mut self, _: Handle, _: SockAddr) -> Result<()> {
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn send_datagram(&mut self, _: Handle, _: &[u8]) -> Result<usize> {
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn send_to(
            &mut self,
            _: Handle,
            _: &[u8],
            _: Option<IpAddr>,
            _: SockAddr,
        ) -> Result<usize> {
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn recv_datagram(
            &mut self,
            _: Handle,
            _: &mut [u8],
            _: RecvFlags,
        ) -> Result<RecvInfo> {
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn shutdown_datagram(&mut self, _: Handle, _: Shutdown) -> Result<()> {
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn datagram_readiness(&self, _: &Dgram) -> Events {
            Events::NONE
        }

        pub(crate) fn purge_all(&mut self) {}

        #[cfg(feature = "unreachable")]
        pub(crate) fn note_unreachable(&mut self, _: IpEndpoint, _: IpEndpoint, _: Error) {}

        #[cfg(feature = "options")]
        pub(crate) fn queue_bytes(&self, _: &Dgram) -> usize {
            0
        }

        #[cfg(feature = "options")]
        pub(crate) fn max_datagram(&self, _: Family) -> usize {
            0
        }

        pub(crate) fn expire_senders(&mut self) {}

        pub(crate) fn step_senders(&mut self, _: bool) {}

        pub(crate) fn datagrams_due(&self) -> Instant {
            NEVER
        }

        pub(crate) fn datagrams_lingering(&self) -> usize {
            0
        }
    }
}

#[cfg(not(any(feature = "server", feature = "udp")))]
mod bind {
    use usocket_core::spi::Handle;
    use usocket_core::{Error, Result, SockAddr};

    use crate::state::State;

    impl State<'_> {
        pub(crate) fn bind(&mut self, handle: Handle, _: SockAddr) -> Result<()> {
            self.slots.get(handle)?;
            Err(Error::EOPNOTSUPP)
        }
    }
}

#[cfg(not(feature = "options"))]
mod options {
    use usocket_core::spi::{Handle, Opt, OptName};
    use usocket_core::{Error, Result};

    use crate::state::State;

    impl State<'_> {
        pub(crate) fn set_option(&mut self, handle: Handle, _: &Opt) -> Result<()> {
            self.slots.get(handle)?;
            Err(Error::ENOPROTOOPT)
        }

        pub(crate) fn option(&self, handle: Handle, _: OptName) -> Result<Opt> {
            self.slots.get(handle)?;
            Err(Error::ENOPROTOOPT)
        }
    }
}

#[cfg(not(feature = "dns"))]
mod dns {
    use usocket_core::spi::{Answer, Handle};
    use usocket_core::{Error, Events, Family, Instant, POLLNVAL, Result};

    use crate::state::State;
    use crate::time::NEVER;

    impl State<'_> {
        pub(crate) fn start_query(&mut self, _: &str, _: Option<Family>) -> Result<Handle> {
            // `getaddrinfo` knows no "not supported": nobody can be asked, for good.
            Err(Error::EAI_FAIL)
        }

        pub(crate) fn answer(&mut self, _: Handle, _: &mut Answer) -> Result<()> {
            Err(Error::EBADF)
        }

        pub(crate) fn end_query(&mut self, _: Handle) {}

        pub(crate) fn query_readiness(&self, _: Handle) -> Events {
            POLLNVAL
        }

        pub(crate) fn step_resolver(&mut self) {}

        pub(crate) fn queries_due(&self) -> Instant {
            NEVER
        }
    }
}

#[cfg(not(feature = "neighbours"))]
mod neighbours {
    use smoltcp::phy::Device;
    use usocket_core::Instant;

    #[cfg(feature = "slow-peers")]
    use crate::pairs::Pair;
    use crate::state::State;
    use crate::time::NEVER;

    impl State<'_> {
        pub(crate) fn ask_neighbours<D: Device + ?Sized>(&mut self, _: &mut D) {}

        pub(crate) fn neighbours_due(&self) -> Instant {
            NEVER
        }

        #[cfg(feature = "slow-peers")]
        pub(crate) fn neighbour_limit(_: &Pair<'_>) -> Instant {
            NEVER
        }
    }
}

#[cfg(not(feature = "server"))]
mod server {
    use smoltcp::phy::Device;
    use usocket_core::spi::Handle;
    use usocket_core::{Error, Events, Instant, Result, SockAddr};

    use crate::pairs::Pair;
    use crate::state::State;
    use crate::time::NEVER;

    impl State<'_> {
        pub(crate) fn listen(&mut self, handle: Handle, _: u32) -> Result<()> {
            self.slots.get(handle)?;
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn accept(&mut self, handle: Handle) -> Result<(Handle, SockAddr)> {
            self.slots.get(handle)?;
            Err(Error::EOPNOTSUPP)
        }

        pub(crate) fn listener_readiness(&self, _: Handle) -> Events {
            Events::NONE
        }

        pub(crate) fn release_listener(&mut self, _: Handle) {}

        pub(crate) fn admit<D: Device + ?Sized>(&mut self, _: &mut D) {}

        pub(crate) fn admission_due(&self) -> Instant {
            NEVER
        }

        pub(crate) fn step_pending(&mut self, _: usize, _: Handle) {}

        pub(crate) fn pending_due(&self, _: &Pair<'_>) -> Instant {
            NEVER
        }
    }
}
