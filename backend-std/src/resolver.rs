//! Names to addresses, off the caller's thread.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupErrorKind};
use usocket_core::spi::Answer;
use usocket_core::{Error, Family, Result};

use crate::sys::Notifier;

/// Names resolved at the same time. Merely chosen; a name server that is silent
/// holds one for some tens of seconds.
const THREADS: usize = 4;
/// Names waiting for a thread. Merely chosen.
const QUEUE: usize = 64;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// A name being resolved. Dropping it abandons the answer.
#[derive(Debug)]
pub(crate) struct Query {
    job: Arc<Job>,
    /// Readable once there is an answer.
    pub(crate) ready: Arc<Notifier>,
}

#[derive(Debug)]
struct Job {
    name: String,
    /// The address whose name is asked for, if it is not the other way round.
    reverse: Option<IpAddr>,
    family: Option<Family>,
    canonname: bool,
    answer: Mutex<Option<Result<Answer>>>,
    abandoned: AtomicBool,
    ready: Arc<Notifier>,
}

/// A small pool of threads, started on demand.
#[derive(Debug)]
pub(crate) struct Resolver(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Arc<Job>>,
    threads: usize,
    idle: usize,
    stopped: bool,
}

impl Query {
    fn new(
        name: &str,
        reverse: Option<IpAddr>,
        family: Option<Family>,
        canonname: bool,
    ) -> Result<Self> {
        let ready = Arc::new(Notifier::new().map_err(|_| Error::EAI_MEMORY)?);
        let job = Arc::new(Job {
            name: name.to_owned(),
            reverse,
            family,
            canonname,
            answer: Mutex::new(None),
            abandoned: AtomicBool::new(false),
            ready: Arc::clone(&ready),
        });
        Ok(Self { job, ready })
    }

    /// The answer, or `EAGAIN`.
    pub(crate) fn answer(&self, into: &mut Answer) -> Result<()> {
        match &*lock(&self.job.answer) {
            None => Err(Error::EAGAIN),
            Some(Ok(answer)) => {
                into.clone_from(answer);
                Ok(())
            }
            Some(Err(error)) => Err(*error),
        }
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.job.abandoned.store(true, Ordering::Relaxed);
    }
}

impl Resolver {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn start(
        &self,
        name: &str,
        family: Option<Family>,
        canonname: bool,
    ) -> Result<Query> {
        let query = Query::new(name, None, family, canonname)?;
        if is_localhost(name) {
            query.job.finish(localhost(family));
        } else {
            self.queue(&query.job)?;
        }
        Ok(query)
    }

    /// Asks for the name of an address.
    pub(crate) fn start_reverse(&self, ip: IpAddr) -> Result<Query> {
        let query = Query::new("", Some(ip), None, true)?;
        self.queue(&query.job)?;
        Ok(query)
    }

    fn queue(&self, job: &Arc<Job>) -> Result<()> {
        let mut state = lock(&self.0.state);
        state.queue.retain(|job| !job.abandoned.load(Ordering::Relaxed));
        if state.queue.len() >= QUEUE {
            return Err(Error::EAI_MEMORY);
        }
        state.queue.push_back(Arc::clone(job));
        if state.queue.len() > state.idle && state.threads < THREADS {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("usocket-resolver".into());
            match thread.spawn(move || shared.run()) {
                Ok(_) => state.threads += 1,
                // Others will come to it.
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    state.queue.pop_back();
                    return Err(Error::EAI_MEMORY);
                }
            }
        }
        drop(state);
        self.0.work.notify_one();
        Ok(())
    }
}

impl Drop for Resolver {
    /// Threads end after the name at hand: a call to the system's resolver
    /// cannot be cut short, so that they are not waited for.
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.stopped = true;
        state.queue.clear();
        drop(state);
        self.0.work.notify_all();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(job) = self.next() {
            if !job.abandoned.load(Ordering::Relaxed) {
                // dns-lookup panics on a canonical name that is not UTF-8.
                let answer = catch_unwind(AssertUnwindSafe(|| job.resolve()));
                job.finish(answer.unwrap_or(Err(Error::EAI_FAIL)));
            }
        }
    }

    fn next(&self) -> Option<Arc<Job>> {
        let mut state = lock(&self.state);
        loop {
            let job = if state.stopped { None } else { state.queue.pop_front() };
            if job.is_some() {
                return job;
            }
            if state.stopped {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (woken, waited) =
                self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl Job {
    fn finish(&self, answer: Result<Answer>) {
        *lock(&self.answer) = Some(answer);
        self.ready.notify();
    }

    fn resolve(&self) -> Result<Answer> {
        if let Some(ip) = self.reverse {
            return name_of(ip);
        }
        // Any one type: each address would come once per type.
        let mut hints = AddrInfoHints { socktype: 1, ..AddrInfoHints::default() };
        if self.canonname {
            hints.flags = usocket_core::AI_CANONNAME;
        }
        let found = dns_lookup::getaddrinfo(Some(&self.name), None, Some(hints))
            .map_err(|error| resolver_error(error.kind()))?;
        let mut addresses = Vec::new();
        let mut answer = Answer::default();
        for info in found.flatten() {
            if let Some(name) = &info.canonname
                && answer.canonname.is_empty()
            {
                // A longer name is no name; empty means the one asked for.
                let _ = answer.canonname.push_str(name);
            }
            let ip = info.sockaddr.ip();
            if !addresses.contains(&ip) {
                addresses.push(ip);
            }
        }
        fill(&mut answer, addresses, self.family)?;
        Ok(answer)
    }
}

/// The name of an address.
fn name_of(ip: IpAddr) -> Result<Answer> {
    let name = dns_lookup::lookup_addr(&ip).map_err(|_| Error::EAI_NONAME)?;
    // Where there is none the system answers with the address.
    if name.parse::<IpAddr>().is_ok() {
        return Err(Error::EAI_NONAME);
    }
    let mut answer = Answer::default();
    answer.canonname.push_str(&name).map_err(|_| Error::EAI_FAIL)?;
    Ok(answer)
}

/// Takes the addresses of the family, IPv4 first: the reference's examples use
/// `[0][-1]` with a socket of the default family, which is IPv4.
fn fill(answer: &mut Answer, mut addresses: Vec<IpAddr>, family: Option<Family>) -> Result<()> {
    if addresses.is_empty() {
        return Err(Error::EAI_NONAME);
    }
    addresses.retain(|&ip| family.is_none_or(|family| family == Family::of(ip)));
    if addresses.is_empty() {
        return Err(Error::EAI_ADDRFAMILY);
    }
    addresses.sort_by_key(IpAddr::is_ipv6);
    let room = answer.addresses.capacity();
    answer.addresses.extend(addresses.into_iter().take(room));
    Ok(())
}

fn resolver_error(kind: LookupErrorKind) -> Error {
    match kind {
        LookupErrorKind::NoName | LookupErrorKind::NoData => Error::EAI_NONAME,
        LookupErrorKind::Fail => Error::EAI_FAIL,
        LookupErrorKind::Memory => Error::EAI_MEMORY,
        LookupErrorKind::Family => Error::EAI_ADDRFAMILY,
        _ => Error::EAI_AGAIN,
    }
}

/// RFC 6761: resolved here, so that it needs neither network nor hosts file.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let tail = name.rsplit('.').next().unwrap_or(name);
    tail.eq_ignore_ascii_case("localhost")
}

fn localhost(family: Option<Family>) -> Result<Answer> {
    let mut answer = Answer::default();
    let both = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    fill(&mut answer, both, family)?;
    let _ = answer.canonname.push_str("localhost");
    Ok(answer)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_both_loopbacks_ipv4_first() {
        let answer = localhost(None).unwrap();
        assert_eq!(answer.addresses[0], IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(answer.addresses.len(), 2);
        assert_eq!(localhost(Some(Family::V6)).unwrap().addresses.len(), 1);
        assert!(is_localhost("LocalHost.") && is_localhost("a.localhost"));
        assert!(!is_localhost("localhost.example"));
    }

    #[test]
    fn an_answer_of_the_other_family_is_told_apart() {
        let only_v4 = vec![Ipv4Addr::LOCALHOST.into()];
        let fill = |addresses| fill(&mut Answer::default(), addresses, Some(Family::V6));
        assert_eq!(fill(only_v4), Err(Error::EAI_ADDRFAMILY));
        assert_eq!(fill(Vec::new()), Err(Error::EAI_NONAME));
    }
}
