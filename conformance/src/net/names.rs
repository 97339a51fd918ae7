//! Names: the answers of a name server (rows 16 to 31, R6).

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::spi::{Answer, Handle, Link, MAX_ADDRESSES, MAX_NAME};
use usocket_core::{Error, Events, Family, Instant, POLLIN, Result, earlier};

use super::state::{State, query_handle};

/// Names that the server knows.
const NAMES: usize = 16;

/// When the resolver gives up on a server that does not answer.
const NO_ANSWER: Duration = Duration::from_secs(10);

/// What the name server says of a name.
#[derive(Clone, Debug)]
pub enum Record {
    /// These addresses, best first.
    Addresses(heapless::Vec<IpAddr, MAX_ADDRESSES>),
    /// There is no such name: `EAI_NONAME`. So it is with every unknown name.
    Unknown,
    /// The server failed: `EAI_FAIL`.
    Failure,
    /// Nothing: the resolver gives up after 10 seconds with `EAI_AGAIN`.
    Silent,
}

/// The name server's table, the same for all hosts.
pub(super) struct Names(heapless::Vec<(heapless::String<MAX_NAME>, Record), NAMES>);

/// A question on its way.
pub(super) struct Query {
    name: heapless::String<MAX_NAME>,
    family: Option<Family>,
    canonname: bool,
    /// The address whose name is asked for, if it is not the other way round.
    reverse: Option<IpAddr>,
    due: Instant,
    answered: bool,
}

impl Names {
    pub(super) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    pub(super) fn set(&mut self, name: &str, record: Record) -> Result<()> {
        if let Some(known) = self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            known.1 = record;
            return Ok(());
        }
        let name = heapless::String::try_from(name).map_err(|_| Error::EINVAL)?;
        self.0.push((name, record)).map_err(|_| Error::ENOBUFS)
    }

    /// The first name with this address.
    fn of(&self, ip: IpAddr) -> Option<&heapless::String<MAX_NAME>> {
        let has = |record: &Record| matches!(record, Record::Addresses(all) if all.contains(&ip));
        self.0.iter().find(|(_, record)| has(record)).map(|(name, _)| name)
    }

    fn find(&self, name: &str) -> Option<&Record> {
        let known = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, record)| record)
    }
}

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// Sends a question.
    pub(super) fn start_query(
        &mut self,
        host: usize,
        name: &str,
        family: Option<Family>,
        canonname: bool,
    ) -> Result<Handle> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if !well_formed(name) {
            return Err(Error::EAI_NONAME);
        }
        if self.hosts[host].link != Link::Up && !is_localhost(name) {
            return Err(Error::EAI_AGAIN);
        }
        let due = match self.names.find(name) {
            Some(Record::Silent) => self.now + NO_ANSWER,
            _ if is_localhost(name) => self.now,
            _ => self.now + 2 * self.latency,
        };
        let name = heapless::String::try_from(name).map_err(|_| Error::EAI_NONAME)?;
        self.ask(host, Query { name, family, canonname, reverse: None, due, answered: false })
    }

    /// Sends a question for the name of an address.
    pub(super) fn start_reverse(&mut self, host: usize, ip: IpAddr) -> Result<Handle> {
        if self.hosts[host].link != Link::Up {
            return Err(Error::EAI_AGAIN);
        }
        let (name, due) = (heapless::String::new(), self.now + 2 * self.latency);
        let reverse = Some(ip);
        let query = Query { name, family: None, canonname: true, reverse, due, answered: false };
        self.ask(host, query)
    }

    fn ask(&mut self, host: usize, query: Query) -> Result<Handle> {
        let due = query.due;
        let handle = self.hosts[host].queries.insert(query).map_err(|_| Error::EAI_MEMORY)?;
        self.schedule(due);
        // Query handles come after the socket handles; see `query_handle`.
        let slot = u32::try_from(S + handle.slot()).map_err(|_| Error::EAI_MEMORY)?;
        Ok(Handle::new(slot, handle.generation()))
    }

    /// The answer, once it has come.
    pub(super) fn answer(&mut self, host: usize, handle: Handle, out: &mut Answer) -> Result<()> {
        let handle = query_handle::<S>(handle).ok_or(Error::EBADF)?;
        let query = self.hosts[host].queries.get(handle).ok_or(Error::EBADF)?;
        if !query.answered {
            return Err(Error::EAGAIN);
        }
        if self.hosts[host].link != Link::Up && !is_localhost(&query.name) {
            return Err(Error::EAI_AGAIN);
        }
        if let Some(ip) = query.reverse {
            *out = Answer::default();
            out.canonname = self.names.of(ip).ok_or(Error::EAI_NONAME)?.clone();
            return Ok(());
        }
        let localhost;
        let record = match self.names.find(&query.name) {
            Some(record) => record,
            None if is_localhost(&query.name) => {
                localhost = self.localhost(host);
                &localhost
            }
            None => &Record::Unknown,
        };
        let addresses = match record {
            Record::Addresses(addresses) => addresses,
            Record::Unknown => return Err(Error::EAI_NONAME),
            Record::Failure => return Err(Error::EAI_FAIL),
            Record::Silent => return Err(Error::EAI_AGAIN),
        };
        *out = Answer::default();
        for &ip in addresses {
            if query.family.is_none_or(|family| Family::of(ip) == family) {
                let _ = out.addresses.push(ip);
            }
        }
        if query.canonname {
            out.canonname.clone_from(&query.name);
        }
        if out.addresses.is_empty() { Err(Error::EAI_ADDRFAMILY) } else { Ok(()) }
    }

    /// Frees a question, answered or not (S23).
    pub(super) fn end_query(&mut self, host: usize, handle: Handle) {
        if let Some(handle) = query_handle::<S>(handle) {
            self.hosts[host].queries.remove(handle);
        }
    }

    fn localhost(&self, host: usize) -> Record {
        let mut addresses = heapless::Vec::new();
        for family in [Family::V4, Family::V6] {
            if self.hosts[host].addresses.iter().any(|&ip| Family::of(ip) == family) {
                let _ = addresses.push(match family {
                    Family::V4 => IpAddr::V4(core::net::Ipv4Addr::LOCALHOST),
                    Family::V6 => IpAddr::V6(core::net::Ipv6Addr::LOCALHOST),
                });
            }
        }
        Record::Addresses(addresses)
    }

    pub(super) fn query_readiness(&self, host: usize, query: Handle) -> Events {
        match self.hosts[host].queries.get(query) {
            None => usocket_core::POLLNVAL,
            Some(query) if query.answered => POLLIN,
            Some(_) => Events::NONE,
        }
    }

    /// Brings the answers that are due.
    pub(super) fn step_queries(&mut self) -> bool {
        let now = self.now;
        let mut moved = false;
        for host in &mut self.hosts {
            let lost = host.link != Link::Up;
            for (_, query) in host.queries.iter_mut() {
                if !query.answered && (query.due <= now || lost) {
                    query.answered = true;
                    moved = true;
                }
            }
        }
        moved
    }

    pub(super) fn queries_due(&self) -> Option<Instant> {
        let queries = self.hosts.iter().flat_map(|host| host.queries.iter());
        let waiting = queries.filter(|(_, query)| !query.answered);
        waiting.fold(None, |next, (_, query)| earlier(next, Some(query.due)))
    }
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

/// Letters, digits, `-` and `_` in labels of 1 to 63; the last is not a number.
fn well_formed(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or("");
    name.len() <= MAX_NAME
        && name.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
}
