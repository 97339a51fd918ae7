//! Name queries: several servers, several addresses, both families at once (R6).
//!
//! The stack has a resolver of its own, which asks one server for one address and says
//! "failed" for everything; hence this one.

mod message;

use core::net::IpAddr;

use heapless::{String, Vec};
use smoltcp::socket::udp;
use smoltcp::wire::IpEndpoint;
use usocket_core::spi::{Answer, Handle, Link, MAX_ADDRESSES, MAX_NAME};
use usocket_core::{Error, Events, Family, Instant, POLLIN, POLLNVAL, Result};

use self::message::{ANSWER, Kind, Reply, question, reply};
use crate::address::{from_stack, has_family, to_stack};
use crate::seat::Seat;
use crate::state::State;
use crate::time::{NEVER, Span};

/// Queries at a time.
const QUERIES: usize = 4;

/// How long the first answer is waited for; each round of all servers doubles it.
const FIRST_WAIT: Span = Span::from_secs(1);

/// Rounds of all servers.
const ROUNDS: usize = 3;

/// When a question that no sender was free for is tried again.
const RETRY: Span = Span::from_millis(2);

const PORT: u16 = 53;

/// Room for the answers of both families.
const WAITING: usize = 3;

/// The resolver's part of the storage.
pub(crate) struct Memory {
    meta: [udp::PacketMetadata; WAITING],
    bytes: [u8; 2 * ANSWER],
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self { meta: [udp::PacketMetadata::EMPTY; WAITING], bytes: [0; 2 * ANSWER] }
    }
}

/// All queries.
pub(crate) struct Resolver<'a> {
    seat: Seat<'a>,
    /// The port that answers come to; another one for each burst of queries.
    port: u16,
    places: [(u32, Option<Query>); QUERIES],
}

struct Query {
    /// The name; once answered, the canonical one.
    name: String<MAX_NAME>,
    family: Option<Family>,
    asks: [Option<Ask>; 2],
    addresses: Vec<IpAddr, MAX_ADDRESSES>,
    /// Which attempt it is at, counted over servers and rounds.
    attempt: usize,
    /// When the next attempt begins.
    next: Instant,
    outcome: Option<Result<()>>,
}

/// One question of a query.
#[derive(Clone, Copy)]
struct Ask {
    kind: Kind,
    id: u16,
    sent: bool,
    /// Servers that failed, by their places in the list.
    failed: u8,
    /// What came of it: whether the name exists.
    known: Option<bool>,
}

impl Ask {
    /// Whether one of so many servers may still answer.
    fn is_open(&self, servers: usize) -> bool {
        self.known.is_none() && (self.failed.count_ones() as usize) < servers
    }
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(memory: &'a mut Memory) -> Self {
        let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
        let answers = udp::PacketBuffer::new(&mut memory.meta[..], &mut memory.bytes[..]);
        let seat = Seat::new(udp::Socket::new(answers, nothing));
        Self { seat, port: 0, places: [const { (0, None) }; QUERIES] }
    }

    fn get(&self, index: usize, generation: u32) -> Option<&Query> {
        let (live, query) = self.places.get(index)?;
        query.as_ref().filter(|_| *live == generation)
    }

    fn busy(&self) -> bool {
        self.places.iter().flat_map(|(_, query)| query).any(|query| query.outcome.is_none())
    }
}

impl State<'_> {
    /// Begins a query; the questions go out with the next drive.
    pub(crate) fn start_query(&mut self, name: &str, family: Option<Family>) -> Result<Handle> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if question(0, name, Kind::A).is_none() {
            return Err(Error::EAI_NONAME);
        }
        if self.link() != Link::Up || self.setup.servers.is_empty() {
            return Err(Error::EAI_AGAIN);
        }
        let free = self.resolver.places.iter().position(|(_, query)| query.is_none());
        let index = free.ok_or(Error::EAI_MEMORY)?;
        if !self.resolver.busy() {
            // An answer must guess the port as well as the id.
            let port = self.query_port()?;
            self.resolver.port = port;
            let shown = self.resolver.seat.show(&mut self.set);
            let socket = shown.ok_or(Error::EAI_MEMORY)?;
            socket.close();
            socket.bind(port).map_err(|_| Error::EAI_MEMORY)?;
        }
        let kinds = [(Family::V4, Kind::A), (Family::V6, Kind::Aaaa)];
        let asks = kinds.map(|(of, kind)| {
            let asked = match family {
                Some(family) => family == of,
                None => of == Family::V4 || has_family(&self.iface, of),
            };
            #[expect(clippy::cast_possible_truncation, reason = "16 random bits")]
            asked.then(|| Ask {
                kind,
                id: self.random() as u16,
                sent: false,
                failed: 0,
                known: None,
            })
        });
        let query = Query {
            name: String::try_from(name).map_err(|_| Error::EAI_NONAME)?,
            family,
            asks,
            addresses: Vec::new(),
            attempt: 0,
            next: self.now,
            outcome: None,
        };
        self.resolver.places[index].1 = Some(query);
        self.touch();
        let slot = u32::try_from(self.slots.capacity() + index).map_err(|_| Error::EAI_MEMORY)?;
        Ok(Handle::new(slot, self.resolver.places[index].0))
    }

    fn query_port(&mut self) -> Result<u16> {
        self.pick_port(usocket_core::spi::SockType::Dgram).map_err(|_| Error::EAI_MEMORY)
    }

    fn query_index(&self, handle: Handle) -> Option<usize> {
        let index = handle.slot().checked_sub(self.slots.capacity())?;
        self.resolver.get(index, handle.generation()).map(|_| index)
    }

    /// The answer, once it has come.
    pub(crate) fn answer(&mut self, handle: Handle, out: &mut Answer) -> Result<()> {
        let index = self.query_index(handle).ok_or(Error::EBADF)?;
        let Some(query) = &self.resolver.places[index].1 else { return Err(Error::EBADF) };
        query.outcome.ok_or(Error::EAGAIN)??;
        *out = Answer { addresses: query.addresses.clone(), canonname: query.name.clone() };
        Ok(())
    }

    /// Frees a query, answered or not (S23).
    pub(crate) fn end_query(&mut self, handle: Handle) {
        let Some(index) = self.query_index(handle) else { return };
        let place = &mut self.resolver.places[index];
        place.0 = place.0.wrapping_add(1);
        place.1 = None;
        self.change();
    }

    pub(crate) fn query_readiness(&self, handle: Handle) -> Events {
        let Some(index) = self.query_index(handle) else { return POLLNVAL };
        match &self.resolver.places[index].1 {
            Some(query) if query.outcome.is_some() => POLLIN,
            _ => Events::NONE,
        }
    }

    /// Takes answers, and asks what is due.
    pub(crate) fn step_resolver(&mut self) {
        if !self.resolver.busy() {
            self.resolver.seat.hide(&mut self.set);
            return;
        }
        self.take_answers();
        for index in 0..QUERIES {
            self.step_query(index);
        }
    }

    fn step_query(&mut self, index: usize) {
        let link = self.link();
        let servers = self.setup.servers.len();
        let Some(query) = &mut self.resolver.places[index].1 else { return };
        if query.outcome.is_some() {
            return;
        }
        let answered = query.asks.iter().flatten().all(|ask| ask.known.is_some());
        let over = query.attempt >= ROUNDS * servers && self.now >= query.next;
        let outcome = if answered {
            Some(query.verdict())
        } else if link != Link::Up || servers == 0 || over {
            Some(query.partly(Error::EAI_AGAIN))
        } else if !query.asks.iter().flatten().any(|ask| ask.is_open(servers)) {
            Some(query.partly(Error::EAI_FAIL))
        } else {
            None
        };
        if outcome.is_some() {
            query.outcome = outcome;
            self.change();
            return;
        }
        if self.now >= query.next {
            self.ask(index);
        }
    }

    /// Sends the questions of a query that have no answer yet.
    fn ask(&mut self, index: usize) {
        let servers = self.setup.servers.len();
        let Some(query) = &mut self.resolver.places[index].1 else { return };
        // `step_query` ends a query without servers.
        let server = self.setup.servers[query.attempt % servers.max(1)];
        let wait = FIRST_WAIT * (1 << (query.attempt / servers.max(1)).min(8));
        for which in 0..query.asks.len() {
            let Some(query) = &mut self.resolver.places[index].1 else { return };
            let Some(ask) = query.asks[which] else { continue };
            if !ask.is_open(servers) || ask.sent {
                continue;
            }
            let Some(text) = question(ask.id, &query.name, ask.kind) else { continue };
            let to = to_stack(server).ok_or(Error::ENETUNREACH);
            let from = to.and_then(|to| Ok((self.source(None, to)?, to)));
            let port = self.resolver.port;
            let sent = from.and_then(|(from, to)| {
                let (from, to) = (IpEndpoint::new(from, port), IpEndpoint::new(to, PORT));
                self.launch(Handle::ANY, from, to, 64, &text)
            });
            let Some(query) = &mut self.resolver.places[index].1 else { return };
            match sent {
                Err(Error::EAGAIN) => {
                    query.next = self.now + RETRY;
                    return;
                }
                // A server that cannot be reached is one that does not answer.
                _ => {
                    if let Some(ask) = &mut query.asks[which] {
                        ask.sent = true;
                    }
                }
            }
        }
        let Some(query) = &mut self.resolver.places[index].1 else { return };
        query.advance(self.now + wait);
    }

    fn take_answers(&mut self) {
        loop {
            let Some(socket) = self.resolver.seat.shown(&mut self.set) else { return };
            let Ok((data, meta)) = socket.recv() else { return };
            let IpEndpoint { addr, port } = meta.endpoint;
            let servers = &self.setup.servers;
            // Some may be there twice, once from DHCP.
            let bits = servers.iter().enumerate().filter(|(_, ip)| **ip == from_stack(addr));
            let from = bits.fold(0, |from, (place, _)| from | 1 << place);
            if port != PORT || from == 0 {
                continue;
            }
            let queries = self.resolver.places.iter_mut().flat_map(|(_, query)| query);
            for query in queries.filter(|query| query.outcome.is_none()) {
                query.take(data, from, servers.len(), self.now);
            }
        }
    }

    /// When the next attempt is due.
    pub(crate) fn queries_due(&self) -> Instant {
        let queries = self.resolver.places.iter().flat_map(|(_, query)| query);
        queries
            .filter(|query| query.outcome.is_none())
            .map(|query| query.next)
            .min()
            .unwrap_or(NEVER)
    }
}

impl Query {
    /// All questions of this attempt are out: on to the next one, at `next`.
    fn advance(&mut self, next: Instant) {
        self.attempt += 1;
        self.next = next;
        for ask in self.asks.iter_mut().flatten() {
            ask.sent = false;
        }
    }

    /// Takes a message if it answers one of the questions. `from` is the server's places among
    /// as many as there are.
    fn take(&mut self, data: &[u8], from: u8, servers: usize, now: Instant) {
        let named = message::id(data);
        for which in 0..self.asks.len() {
            let Some(ask) = self.asks[which] else { continue };
            if ask.known.is_some() || named != Some(ask.id) {
                continue;
            }
            let known = match reply(data, &self.name, ask.kind) {
                None => continue,
                Some(Reply::Failure) => {
                    let ask = Ask { failed: ask.failed | from, ..ask };
                    self.asks[which] = Some(ask);
                    // The next server, at once. Of one who was asked before the last it is old
                    // news: a server may fail for each kind of address.
                    let asked = self.attempt.saturating_sub(1) % servers;
                    if from & 1 << asked != 0 && ask.is_open(servers) {
                        self.next = now;
                    }
                    return;
                }
                Some(Reply::Unknown) => false,
                Some(Reply::Addresses(addresses, name)) => {
                    self.add(&addresses);
                    if !addresses.is_empty()
                        && self
                            .asks
                            .iter()
                            .flatten()
                            .all(|a| a.known.is_some() || a.kind == ask.kind)
                    {
                        self.name = name;
                    }
                    true
                }
            };
            if let Some(ask) = &mut self.asks[which] {
                ask.known = Some(known);
            }
            return;
        }
    }

    /// Adds addresses, those of IPv4 first: fewer networks lack it.
    fn add(&mut self, more: &[IpAddr]) {
        for &ip in more {
            let place = match ip {
                IpAddr::V4(_) => self.addresses.iter().take_while(|ip| ip.is_ipv4()).count(),
                IpAddr::V6(_) => self.addresses.len(),
            };
            if self.addresses.is_full() {
                self.addresses.pop();
            }
            let _ = self.addresses.insert(place.min(self.addresses.len()), ip);
        }
    }

    fn verdict(&self) -> Result<()> {
        let exists = self.asks.iter().flatten().any(|ask| ask.known == Some(true));
        match (self.addresses.is_empty(), exists, self.family) {
            (false, ..) => Ok(()),
            (true, true, Some(_)) => Err(Error::EAI_ADDRFAMILY),
            _ => Err(Error::EAI_NONAME),
        }
    }

    /// Nobody answers the rest: what came is better than nothing.
    fn partly(&self, error: Error) -> Result<()> {
        if self.addresses.is_empty() { Err(error) } else { Ok(()) }
    }
}
