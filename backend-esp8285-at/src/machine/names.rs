//! Names (section 6).

use atat::AtatCmd;
use usocket_core::spi::{Answer, Handle, Link as LinkState};
use usocket_core::{Error, Events, Family, POLLIN, POLLNVAL, Result};

use super::{Exchange, Machine};
use crate::address::Ip;
use crate::cmd::{Resolve, Resolved};
use crate::reply::Hint;

/// Names that can be asked for at once.
const QUERIES: usize = 2;
/// Handles of queries begin here: no board has so many sockets.
const FIRST: u32 = 0x1_0000;
/// Longest name that the firmware takes (section 9).
const MAX_NAME: usize = 63;

/// The queries of a driver.
#[derive(Debug)]
pub(crate) struct Queries([Query; QUERIES]);

#[derive(Debug)]
struct Query {
    generation: u32,
    state: State,
    name: heapless::Vec<u8, MAX_NAME, u8>,
    family: Option<Family>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// To be asked.
    Wanted,
    /// `CIPDOMAIN` is in flight.
    Running,
    /// The same, and nobody waits for it any more.
    Orphan,
    Answered(Ip),
    Failed(Error),
}

impl Queries {
    pub(crate) const fn new() -> Self {
        const EMPTY: Query =
            Query { generation: 0, state: State::Free, name: heapless::Vec::new(), family: None };
        Self([EMPTY; QUERIES])
    }

    fn get(&self, handle: Handle) -> Option<&Query> {
        let index = handle.slot().checked_sub(FIRST as usize)?;
        let query = self.0.get(index)?;
        let live = !matches!(query.state, State::Free | State::Orphan);
        (live && query.generation == handle.generation()).then_some(query)
    }

    fn end(&mut self, handle: Handle) {
        if self.get(handle).is_some() {
            let query = &mut self.0[handle.slot() - FIRST as usize];
            query.generation = query.generation.wrapping_add(1);
            // What is in flight runs to its end (S22).
            let running = matches!(query.state, State::Running);
            query.state = if running { State::Orphan } else { State::Free };
        }
    }
}

/// Whether a handle is that of a query.
pub(crate) fn is_query(handle: Handle) -> bool {
    handle.slot() >= FIRST as usize && handle.slot() < FIRST as usize + QUERIES
}

impl Machine<'_> {
    pub(crate) fn start_query(&mut self, name: &str, family: Option<Family>) -> Result<Handle> {
        if family == Some(Family::V6) && !(cfg!(feature = "ipv6") && self.firmware.ipv6) {
            return Err(Error::EAI_FAMILY);
        }
        if name.len() > MAX_NAME {
            return Err(Error::EAI_NONAME);
        }
        if self.station.link() != LinkState::Up {
            return Err(Error::EAI_AGAIN);
        }
        let free =
            self.queries.0.iter_mut().zip(FIRST..).find(|(q, _)| matches!(q.state, State::Free));
        let (query, slot) = free.ok_or(Error::EAI_MEMORY)?;
        query.state = State::Wanted;
        query.name.clear();
        // Its length has been looked at.
        let _ = query.name.extend_from_slice(name.as_bytes());
        query.family = family;
        self.work = true;
        Ok(Handle::new(slot, query.generation))
    }

    pub(crate) fn answer(&mut self, handle: Handle, answer: &mut Answer) -> Result<()> {
        let query = self.queries.get(handle).ok_or(Error::EBADF)?;
        match query.state {
            State::Answered(ip) => {
                answer.addresses.clear();
                // One address fits.
                let _ = answer.addresses.push(ip.into());
                Ok(())
            }
            State::Failed(error) => Err(error),
            _ => Err(Error::EAGAIN),
        }
    }

    pub(crate) fn end_query(&mut self, handle: Handle) {
        self.queries.end(handle);
        self.touched = true;
    }

    pub(super) fn query_readiness(&self, handle: Handle) -> Events {
        match self.queries.get(handle).map(|query| query.state) {
            None => POLLNVAL,
            Some(State::Answered(_) | State::Failed(_)) => POLLIN,
            Some(_) => Events::NONE,
        }
    }

    /// Asks the next name.
    pub(super) fn name_next(&mut self) -> bool {
        let Some(index) =
            self.queries.0.iter().position(|query| matches!(query.state, State::Wanted))
        else {
            return false;
        };
        let query = &self.queries.0[index];
        // Without IPv6 there is no such argument; with it, 1 prefers IPv4.
        let family = match (self.firmware.ipv6 && cfg!(feature = "ipv6"), query.family) {
            (false, _) => None,
            (true, None) => Some(1),
            (true, Some(Family::V4)) => Some(2),
            (true, Some(Family::V6)) => Some(3),
        };
        // Written from where the name is: a copy of it would lie on the stack.
        let len = Resolve { name: &query.name, family }.write(&mut self.command);
        self.queries.0[index].state = State::Running;
        let exchange = Exchange::Resolve(u8::try_from(index).unwrap_or(0));
        if !self.start(exchange, len, Resolve::MAX_TIMEOUT_MS) {
            self.queries.0[index].state = State::Failed(Error::EAI_NONAME);
            self.touched = true;
            return false;
        }
        true
    }

    pub(super) fn resolved_line(&mut self, query: u8, line: &[u8]) {
        let query = &mut self.queries.0[usize::from(query)];
        if !matches!(query.state, State::Running) {
            return;
        }
        if let Ok(Resolved(ip)) = (Resolve { name: &[], family: None }).parse(Ok(line))
            && query.family.is_none_or(|family| family == Family::of(ip.into()))
        {
            query.state = State::Answered(ip);
        }
    }

    pub(super) fn resolved(&mut self, query: u8, ok: bool) {
        let hint = self.flight.hint.take();
        let up = self.station.link() == LinkState::Up;
        let query = &mut self.queries.0[usize::from(query)];
        match query.state {
            State::Orphan => query.state = State::Free,
            State::Answered(_) if ok => {}
            State::Running | State::Answered(_) => {
                // The firmware says no more than that it failed (section 6).
                let temporary = !up || hint == Some(Hint::NoAddress);
                let error = if temporary { Error::EAI_AGAIN } else { Error::EAI_NONAME };
                query.state = State::Failed(error);
            }
            _ => {}
        }
        self.touched = true;
        self.work = true;
    }

    /// The modem has booted or the station has lost its network.
    pub(super) fn names_lost(&mut self) {
        for query in &mut self.queries.0 {
            if matches!(query.state, State::Wanted) {
                query.state = State::Failed(Error::EAI_AGAIN);
            }
        }
        self.touched = true;
    }
}
