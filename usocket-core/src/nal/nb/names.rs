//! Names, by calls that do not wait.

use core::net::IpAddr;

use embedded_nal::{AddrType, Dns, nb};

use super::{NbStack, outcome};
use crate::resolve::{self, Query, Question};
use crate::spi::{Backend, MAX_NAME};
use crate::{AF_INET, AF_INET6, Error, Hints, Instant, Result, wait};

/// A question that is out. The traits have no token for it: it is found again by what was
/// asked.
pub(super) struct Asked<'b, B: Backend + ?Sized> {
    what: What,
    query: Query<'b, B>,
    deadline: Instant,
}

/// What was asked.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and no allocator")]
enum What {
    Name { question: Question, name: heapless::String<MAX_NAME>, af: i32 },
    Address(IpAddr),
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

    /// Asks for the name of an address, likewise.
    ///
    /// # Errors
    /// Those of names; `ENOBUFS`: it does not fit, and is asked for anew by the next call;
    /// `EOPNOTSUPP` where the backend cannot ask.
    fn get_host_by_address(&mut self, addr: IpAddr, result: &mut [u8]) -> nb::Result<usize, Error> {
        outcome(self.ask_name(addr).and_then(|name| resolve::copy_name(&name, result)))
    }
}

impl<'b, B: Backend + ?Sized> NbStack<'b, B> {
    fn ask(&mut self, host: &str, af: i32) -> Result<IpAddr> {
        let same = |what: &What| matches!(what, What::Name { name, af: other, .. } if name == host && *other == af);
        if !self.is_out(same)? {
            let hints = Hints { af, ..Hints::stream() };
            let question = Question::new(0_u16, &hints)?;
            if let Some(list) = question.literal(host)? {
                return Ok(list.first().sockaddr.ip());
            }
            let query = question.ask(self.net, host)?;
            // What is a name is not longer than one.
            let name = host.try_into().map_err(|_| Error::EAI_NONAME)?;
            self.note(What::Name { question, name, af }, query);
        }
        self.answer(|asked| match &asked.what {
            What::Name { question, name, .. } => {
                question.answer(&asked.query, name).map(|list| list.first().sockaddr.ip())
            }
            What::Address(_) => Err(Error::EAGAIN),
        })
    }

    fn ask_name(&mut self, ip: IpAddr) -> Result<heapless::String<MAX_NAME>> {
        if !self.is_out(|what| matches!(what, What::Address(other) if *other == ip))? {
            let query = resolve::ask_name(self.net, ip)?;
            self.note(What::Address(ip), query);
        }
        self.answer(|asked| resolve::name(&asked.query))
    }

    /// Whether this question is out; `EAGAIN` while another one is.
    fn is_out(&mut self, same: impl FnOnce(&What) -> bool) -> Result<bool> {
        let now = self.net.platform().now();
        match &self.asked {
            None => Ok(false),
            Some(asked) if same(&asked.what) => Ok(true),
            Some(asked) if now < asked.deadline => wait::once(self.net, || Err(Error::EAGAIN)),
            Some(_) => {
                self.asked = None;
                Ok(false)
            }
        }
    }

    fn note(&mut self, what: What, query: Query<'b, B>) {
        let deadline = resolve::query_deadline(self.net, &Hints::default());
        self.asked = Some(Asked { what, query, deadline });
    }

    /// One look at the answer; frees the query unless it is still out.
    fn answer<T>(&mut self, look: impl Fn(&Asked<'_, B>) -> Result<T>) -> Result<T> {
        let Some(asked) = &self.asked else { return Err(Error::EAGAIN) };
        let now = self.net.platform().now();
        let answer = match wait::once(self.net, || look(asked)) {
            Err(Error::EAGAIN) if now < asked.deadline => return Err(Error::EAGAIN),
            answer => answer.map_err(resolve::refused),
        };
        self.asked = None;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::fake::Fake;

    #[test]
    fn who_waits_for_the_question_of_another_drives_too() {
        let net = Fake::<4>::new(false);
        let mut stack = NbStack::new(&net);
        for name in ["a.example", "a.example", "b.example", "b.example"] {
            let before = net.drives.get();
            let answer = stack.get_host_by_name(name, AddrType::IPv4);
            assert_eq!(answer, Err(nb::Error::WouldBlock));
            assert!(net.drives.get() > before, "{name}");
        }
    }
}
