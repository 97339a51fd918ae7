//! The tasks that carry datagrams: one for each socket.

use core::net::SocketAddr;

use edge_nal::{Readable, UdpBind, UdpReceive, UdpSend, UdpSplitMulticast};
use embassy_futures::join::join3;
use embassy_futures::select::{Either, select};
use usocket_core::spi::SockType;
use usocket_core::{Error, Result};

use crate::datagram::HEADER;
use crate::errors::{of_bind, of_datagram};
use crate::pump::{told, when};
use crate::shared::Shared;
use crate::socket::Phase;

impl<const S: usize, const BUF: usize, const L: usize, const C: usize> Shared<S, BUF, L, C> {
    /// Binds the datagram socket in `place`, again and again, and serves it.
    ///
    /// A default peer is nothing that the stack is told: a socket that `UdpConnect` makes sends
    /// to nobody else (row 131), and could not be bound before.
    pub(crate) async fn datagrams<T: UdpBind>(
        &self,
        stack: &T,
        place: usize,
        [incoming, outgoing]: &mut [[u8; BUF]; 2],
    ) {
        loop {
            let (local, generation) = when(self, |state| {
                let socket = &state.sockets[place];
                match (socket.kind, socket.phase) {
                    (SockType::Dgram, Phase::Binding(local)) => Some((local, socket.generation)),
                    _ => None,
                }
            })
            .await;
            match select(self.over(place, generation), self.begin(stack, place, local)).await {
                Either::First(()) => {}
                Either::Second(Ok(mut socket)) => {
                    told(self, place, |socket| socket.phase = Phase::Bound);
                    let (mut receiver, mut sender, mut v4, mut v6) = socket.split_multicast();
                    let all = join3(
                        self.receive(place, &mut receiver, incoming),
                        self.send(place, &mut sender, outgoing),
                        self.members(place, &mut v4, &mut v6),
                    );
                    select(self.over(place, generation), all).await;
                }
                Either::Second(Err(error)) => {
                    told(self, place, |socket| socket.not_bound(error));
                }
            }
            told(self, place, |socket| {
                if !socket.open {
                    socket.tx.clear();
                    socket.phase = Phase::Idle;
                }
                socket.busy = false;
            });
        }
    }

    /// A socket of the stack, in the groups that were joined before.
    async fn begin<'s, T: UdpBind>(
        &self,
        stack: &'s T,
        place: usize,
        local: SocketAddr,
    ) -> Result<T::Socket<'s>> {
        let mut socket = stack.bind(local).await.map_err(|error| of_bind(&error))?;
        self.join_groups(place, &mut socket).await.map_err(|error| match error {
            // `bind` has no options.
            Error::ENOPROTOOPT => Error::EOPNOTSUPP,
            error => error,
        })?;
        Ok(socket)
    }

    /// Waits until the user has given up the socket of this generation in `place`, and what it
    /// had to send is sent, or late (R9).
    async fn over(&self, place: usize, generation: u32) {
        when(self, |state| {
            let socket = &state.sockets[place];
            let late = socket.until.is_some_and(|until| state.now >= until);
            let gone = !socket.open || socket.generation != generation;
            (gone && (late || socket.tx.is_empty())).then_some(())
        })
        .await;
    }

    /// Receives what comes. What finds no room waits here, and what comes after it in the stack.
    ///
    /// As of streams, only `readable` is dropped while it waits.
    async fn receive<R: UdpReceive + Readable>(
        &self,
        place: usize,
        receiver: &mut R,
        buffer: &mut [u8],
    ) {
        let longest = BUF.saturating_sub(HEADER);
        loop {
            let received = match receiver.readable().await {
                Ok(()) => receiver.receive(&mut buffer[..longest]).await,
                Err(error) => Err(error),
            };
            match received {
                Ok((full_len, from)) => {
                    let data = &buffer[..full_len.min(longest)];
                    when(self, |state| {
                        let taken = state.sockets[place].arrived(data, full_len, from);
                        state.changed |= taken;
                        taken.then_some(())
                    })
                    .await;
                }
                Err(error) => {
                    told(self, place, |socket| socket.error = Some(of_datagram(&error)));
                    // The next may go well, but not at once for ever.
                    let again = self.with(|state| state.pause());
                    when(self, |state| (state.now >= again).then_some(())).await;
                }
            }
        }
    }

    /// Sends what is queued.
    async fn send<W: UdpSend>(&self, place: usize, sender: &mut W, buffer: &mut [u8]) {
        loop {
            let next = when(self, |state| state.sockets[place].next_datagram(buffer)).await;
            let sent = sender.send(next.other, &buffer[..next.len]).await;
            told(self, place, |socket| {
                socket.datagram_done();
                if let Err(error) = sent {
                    socket.error = Some(of_datagram(&error));
                }
            });
        }
    }
}
