//! Names, by calls that do not wait.

use core::net::IpAddr;

use embedded_nal::{AddrType, Dns, nb};

use super::{NbStack, outcome};
use crate::resolve::{self, Query, Question};
use crate::spi::{Backend, MAX_NAME};
use crate::{AF_INET, AF_INET6, Error, Hints, Instant, Result, wait};

/// A question that is out. The trait has no token for it: it is found again by the name.
pub(super) struct Asked<'b, B: Backend + ?Sized> {
    question: Question,
    query: Query<'b, B>,
    name: heapless::String<MAX_NAME>,
    af: i32,
    deadline: Instant,
}

impl<B: Backend + ?Sized> Dns for NbStack<'_, B> {
    type Error = Error;

    /// Asks for the first address of a name, and tells by later calls with the same name
    /// what came of it.
    ///
    /// One question at a time: another name waits (`WouldBlock`) until the answer was
    /// fetched or 15 s have passed, so that two clients of a shared stack do not take each
    /// other's. A client that has a stack of its own does not wait for others.
    ///
    /// # Errors
    /// Those of [`getaddrinfo`](crate::Usocket::getaddrinfo).
    fn get_host_by_name(&mut self, host: &str, addr_type: AddrType) -> nb::Result<IpAddr, Error> {
        let af = match addr_type {
            AddrType::IPv4 => AF_INET,
            AddrType::IPv6 => AF_INET6,
            AddrType::Either => 0,
        };
        outcome(self.ask(host, af))
    }

    /// `EOPNOTSUPP`: no backend can.
    fn get_host_by_address(&mut self, _: IpAddr, _: &mut [u8]) -> nb::Result<usize, Error> {
        Err(nb::Error::Other(Error::EOPNOTSUPP))
    }
}

impl<B: Backend + ?Sized> NbStack<'_, B> {
    fn ask(&mut self, host: &str, af: i32) -> Result<IpAddr> {
        let now = self.net.platform().now();
        if let Some(asked) = &self.asked {
            if asked.name == host && asked.af == af {
                return self.answer(now);
            }
            if now < asked.deadline {
                return Err(Error::EAGAIN);
            }
            self.asked = None;
        }
        let hints = Hints { af, ..Hints::stream() };
        let question = Question::new(0_u16, &hints)?;
        if let Some(list) = question.literal(host)? {
            return Ok(list.first().sockaddr.ip());
        }
        let query = question.ask(self.net, host)?;
        // What is a name is not longer than one.
        let name = host.try_into().map_err(|_| Error::EAI_NONAME)?;
        let deadline = resolve::query_deadline(self.net, &hints);
        self.asked = Some(Asked { question, query, name, af, deadline });
        self.answer(now)
    }

    /// One look at the answer; frees the query unless it is still out.
    fn answer(&mut self, now: Instant) -> Result<IpAddr> {
        let Some(asked) = &self.asked else { return Err(Error::EAGAIN) };
        let look = || asked.question.answer(&asked.query, &asked.name);
        let answer = match wait::once(self.net, look) {
            Err(Error::EAGAIN) if now < asked.deadline => return Err(Error::EAGAIN),
            answer => answer.map_err(resolve::refused),
        };
        self.asked = None;
        Ok(answer?.first().sockaddr.ip())
    }
}
