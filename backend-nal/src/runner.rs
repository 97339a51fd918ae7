//! The tasks that use the stack: one for each socket that connects, each listener and each
//! question.

use core::array::from_fn;
use core::convert::Infallible;
use core::future::pending;
use core::pin::pin;

use edge_nal::{AddrType, Dns, TcpAccept, TcpBind, TcpConnect, UdpBind};
use embassy_futures::join::{join, join_array, join3};
use embassy_futures::select::{Either, select};
use usocket_core::Family;

use crate::errors::{of_listen, of_name, of_stream};
use crate::pump::{pump, when};
use crate::shared::{Pending, QUERIES, Shared};
use crate::socket::Phase;

impl<const S: usize, const BUF: usize, const L: usize, const C: usize> Shared<S, BUF, L, C> {
    /// Everything that is done with the stack: a future that never ends. Pin it and give it
    /// to [`NalNet::new`](crate::NalNet::new), which polls it whenever it is driven. Where
    /// the stack has a runner of its own which nobody else polls, join the two first.
    pub fn run<T: TcpConnect + TcpBind + UdpBind + Dns>(
        &self,
        stack: &T,
    ) -> impl Future<Output = Infallible> {
        // Before the first poll, so that nobody opens a socket too early.
        self.with(|state| state.datagrams = true);
        async move {
            // Here and lent: futures are handed on before they run, with all that is in them.
            let mut buffers = [[[0; BUF]; 2]; S];
            let mut places = 0..S;
            let datagrams = buffers
                .each_mut()
                .map(|buffers| self.datagrams(stack, places.next().unwrap_or_default(), buffers));
            join(pin!(self.run_streams(stack)), join_array(datagrams)).await.0
        }
    }

    /// As [`run`](Self::run), for a stack without datagrams, or a program that needs none: they
    /// are `EOPNOTSUPP`, and this future is without their memory.
    pub async fn run_streams<T: TcpConnect + TcpBind + Dns>(&self, stack: &T) -> Infallible {
        let clients = join_array(from_fn::<_, S, _>(|place| self.client(stack, place)));
        let servers = join_array(from_fn::<_, L, _>(|task| self.server(stack, task)));
        let questions = join_array(from_fn::<_, QUERIES, _>(|number| self.ask(stack, number)));
        join3(clients, servers, questions).await;
        pending().await
    }

    /// Connects the socket in `place`, again and again, and serves its connections.
    async fn client<T: TcpConnect>(&self, stack: &T, place: usize) {
        loop {
            let (to, generation) = when(self, |state| match state.sockets[place].phase {
                Phase::Connecting(to) => Some((to, state.sockets[place].generation)),
                _ => None,
            })
            .await;
            match select(self.gone(place, generation), stack.connect(to)).await {
                Either::First(()) => {}
                Either::Second(Ok(mut stream)) => {
                    self.with(|state| {
                        let socket = &mut state.sockets[place];
                        (socket.phase, socket.peer) = (Phase::Connected, Some(to));
                        state.changed = true;
                    });
                    pump(self, place, &mut stream).await;
                }
                Either::Second(Err(error)) => self.with(|state| {
                    state.sockets[place].phase = Phase::Failed(of_stream(&error));
                    state.changed = true;
                }),
            }
            self.with(|state| {
                let socket = &mut state.sockets[place];
                if !socket.open {
                    socket.phase = Phase::Idle;
                }
                socket.busy = false;
                state.changed = true;
            });
        }
    }

    /// Listens for whoever asks, and serves the connections. The stack's sockets borrow its
    /// listener, so that this lasts until the last of them is closed.
    async fn server<T: TcpBind>(&self, stack: &T, task: usize) {
        loop {
            let (place, local, generation) = when(self, |state| {
                let (place, generation) = state.listeners[task]?;
                match state.sockets[place].phase {
                    Phase::Binding(local) => Some((place, local, generation)),
                    _ => None,
                }
            })
            .await;
            match select(self.gone(place, generation), stack.bind(local)).await {
                Either::First(()) => {}
                Either::Second(Ok(acceptor)) => {
                    self.with(|state| {
                        state.sockets[place].phase = Phase::Listening;
                        state.changed = true;
                    });
                    let listener = (place, generation);
                    join_array(from_fn::<_, C, _>(|number| {
                        self.connections(&acceptor, task, number, listener)
                    }))
                    .await;
                }
                Either::Second(Err(error)) => self.with(|state| {
                    state.sockets[place].phase = Phase::Idle;
                    state.sockets[place].error = Some(of_listen(&error));
                    state.changed = true;
                }),
            }
            self.with(|state| {
                state.listeners[task] = None;
                state.changed = true;
            });
        }
    }

    /// One connection of a listener after the other, while it is open.
    async fn connections<A: TcpAccept>(
        &self,
        acceptor: &A,
        task: usize,
        number: usize,
        (place, generation): (usize, u32),
    ) {
        loop {
            // Beyond the backlog connections are left to the stack.
            let wanted = when(self, |state| {
                let backlog = state.sockets[place].backlog;
                let waits = |pending: &&Pending| matches!(pending, Pending::Waits(..));
                (state.pending[task].iter().filter(waits).count() < backlog).then_some(())
            });
            let next = async {
                wanted.await;
                acceptor.accept().await
            };
            let (peer, mut stream) = match select(self.gone(place, generation), next).await {
                Either::First(()) => return,
                Either::Second(Ok((peer, stream))) => (peer, stream),
                // What the stack means by it cannot be told; the next may go well.
                Either::Second(Err(_)) => {
                    let again = self.with(|state| state.pause());
                    when(self, |state| (state.now >= again).then_some(())).await;
                    continue;
                }
            };
            self.with(|state| {
                let order = state.order();
                state.pending[task][number] = Pending::Waits(peer, order);
                state.changed = true;
            });
            let taken = when(self, |state| match state.pending[task][number] {
                Pending::Taken(place) => Some(place),
                _ => None,
            });
            match select(taken, self.gone(place, generation)).await {
                Either::First(own) => {
                    pump(self, own, &mut stream).await;
                    self.with(|state| {
                        state.sockets[own].busy = false;
                        state.changed = true;
                    });
                }
                // Closing a listener resets whom nobody accepted (row 68).
                Either::Second(()) => {
                    let _ = edge_nal::TcpShutdown::abort(&mut stream).await;
                }
            }
            self.with(|state| state.pending[task][number] = Pending::None);
        }
    }

    /// Waits until the user has given up the socket of this generation in `place`.
    async fn gone(&self, place: usize, generation: u32) {
        when(self, |state| {
            let socket = &state.sockets[place];
            (!socket.open || socket.generation != generation).then_some(())
        })
        .await;
    }

    /// Answers the question of this number, again and again.
    async fn ask<T: Dns>(&self, stack: &T, number: usize) {
        loop {
            let (name, family, generation) = when(self, |state| {
                let query = &mut state.queries[number];
                query.taken = query.open && query.answer.is_none();
                query.taken.then(|| (query.name.clone(), query.family, query.generation))
            })
            .await;
            let kind = match family {
                Some(Family::V4) => AddrType::IPv4,
                Some(Family::V6) => AddrType::IPv6,
                None => AddrType::Either,
            };
            let gone = when(self, |state| {
                let query = &state.queries[number];
                (!query.open || query.generation != generation).then_some(())
            });
            let answer = select(gone, stack.get_host_by_name(&name, kind)).await;
            self.with(|state| {
                let query = &mut state.queries[number];
                query.taken = false;
                if let Either::Second(answer) = answer {
                    query.answer = Some(answer.map_err(|error| of_name(&error)));
                    state.changed = true;
                }
            });
        }
    }
}
