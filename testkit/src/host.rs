//! Peers: hosts beside the application, their servers and what is wrong with them.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use usocket_conformance::net::Faults;
use usocket_core::prelude::*;

use crate::tasks::Tasks;
use crate::{Net, Talk};

/// A host beside the application.
#[derive(Clone, Debug)]
pub struct Host {
    net: Net,
    ip: IpAddr,
    tasks: Weak<Tasks>,
}

impl Host {
    pub(crate) fn new(net: Net, ip: IpAddr, tasks: &Rc<Tasks>) -> Self {
        Self { net, ip, tasks: Rc::downgrade(tasks) }
    }

    /// Its sockets.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Its address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// An address of it, for `connect` and `sendto`.
    #[must_use]
    pub fn at(&self, port: u16) -> SockAddr {
        SockAddr::new(self.ip, port)
    }

    /// Serves a port over TCP: `serve` is called for each connection, and any number of
    /// them is served at once. What it leaves open is closed in order.
    ///
    /// An error ends the connection and nothing else, so that `?` may stand behind
    /// everything; a panic, of an assertion say, fails the test.
    ///
    /// # Panics
    /// The port is taken, or the host has no room for another socket.
    pub fn serve(
        &self,
        port: u16,
        serve: impl AsyncFn(Talk<'_>) -> Result<()> + 'static,
    ) -> Served {
        let served = Served::default();
        let (net, address, state) = (self.net.clone(), self.at(port), served.clone());
        self.spawn(async move { serve_all(&net, address, &state.0, &serve).await });
        served
    }

    /// Serves a port over UDP with code of the test's own: it owns the socket.
    ///
    /// ```
    /// use usocket_core::prelude::*;
    /// let world = usocket_testkit::World::new(1);
    /// world.host("10.0.0.2").datagrams(7, async |socket| {
    ///     let mut buf = [0; 512];
    ///     loop {
    ///         let (len, from) = socket.asynch().recvfrom(&mut buf).await?;
    ///         socket.asynch().sendto(&buf[..len], from).await?;
    ///     }
    /// });
    /// let s = world.net().udp()?;
    /// s.sendto("echo", ("10.0.0.2", 7))?;
    /// assert_eq!(s.recv(&mut [0; 8])?, 4);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// The port is taken, or the host has no room for another socket.
    pub fn datagrams(
        &self,
        port: u16,
        serve: impl AsyncFn(&Socket<'_, Net>) -> Result<()> + 'static,
    ) {
        let (net, address) = (self.net.clone(), self.at(port));
        self.spawn(async move {
            let socket = open(&net, SOCK_DGRAM, address);
            let _ = serve(&socket).await;
        });
    }

    /// Runs code of the test's own on this host: a client, or a server of another crate.
    pub fn run(&self, code: impl AsyncFn(&Net) -> Result<()> + 'static) {
        let net = self.net.clone();
        self.spawn(async move {
            let _ = code(&net).await;
        });
    }

    /// What is wrong with the network between this host and all others, from now on.
    pub fn set_faults(&self, faults: Faults) {
        let set = self.net.shared.network.set_faults(self.ip, faults);
        set.expect("room for the faults of 16 addresses");
    }

    /// Nothing of a stream moves to or from this host for so long, and datagrams are lost.
    pub fn stall(&self, time: Duration) {
        let set = self.net.shared.network.stall(self.ip, time);
        set.expect("room for the faults of 16 addresses");
    }

    fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        if let Some(tasks) = self.tasks.upgrade() {
            tasks.spawn(future);
            // At once, so that a connect that follows finds who listens.
            tasks.run(self.net.shared.now());
        }
    }
}

/// A server that runs: what it has seen, and its end.
#[derive(Clone, Default)]
pub struct Served(Rc<State>);

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("accepted", &self.accepted()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    accepted: Cell<usize>,
    ended: Cell<usize>,
    stopped: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Served {
    /// Connections that it has accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.0.accepted.get()
    }

    /// Connections that it is done with.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.0.ended.get()
    }

    /// Stops listening, as soon as time passes: from then on connects are refused.
    /// Connections go on.
    pub fn stop(&self) {
        self.0.stopped.set(true);
        if let Some(waker) = self.0.waker.take() {
            waker.wake();
        }
    }
}

type Running<'n> = Pin<Box<dyn Future<Output = Result<()>> + 'n>>;

/// Accepts and serves, all at once, until it is stopped and the last connection has ended.
async fn serve_all(
    net: &Net,
    address: SockAddr,
    state: &State,
    serve: &impl AsyncFn(Talk<'_>) -> Result<()>,
) {
    let mut listener = Some(open(net, SOCK_STREAM, address));
    if let Some(listener) = &listener {
        listener.listen(None).expect("a fresh socket listens");
    }
    let mut running: Vec<Running<'_>> = Vec::new();
    while listener.is_some() || !running.is_empty() {
        match next(listener.as_ref(), state, &mut running).await {
            Some((socket, peer)) => {
                let talk = Talk::new(socket, peer, state.accepted.get());
                state.accepted.set(state.accepted.get() + 1);
                running.push(Box::pin(async move { serve(talk).await }));
            }
            None => listener = None,
        }
    }
}

/// The next connection; `None` when there will be none, or when the last talk has ended.
async fn next<'n>(
    listener: Option<&Socket<'n, Net>>,
    state: &State,
    running: &mut Vec<Running<'_>>,
) -> Option<(Socket<'n, Net>, SockAddr)> {
    let mut accept = pin!(async {
        match listener {
            Some(listener) => listener.asynch().accept().await,
            None => pending().await,
        }
    });
    poll_fn(|context| {
        running.retain_mut(|talk| {
            let pending = talk.as_mut().poll(context).is_pending();
            state.ended.set(state.ended.get() + usize::from(!pending));
            pending
        });
        state.waker.set(Some(context.waker().clone()));
        // What waits to be accepted still is, also by one that shall stop.
        if let Poll::Ready(accepted) = accept.as_mut().poll(context) {
            let room = "a host has room for the connections of a test";
            return Poll::Ready(Some(accepted.expect(room)));
        }
        let over = state.stopped.get() && (listener.is_some() || running.is_empty());
        if over { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

fn open(net: &Net, kind: i32, address: SockAddr) -> Socket<'_, Net> {
    let family = if address.ip().is_ipv4() { AF_INET } else { AF_INET6 };
    let socket = net.socket(family, kind).expect("a host has room for the sockets of a test");
    socket.bind(address).unwrap_or_else(|error| panic!("a peer at {address}: {error}"));
    socket
}
