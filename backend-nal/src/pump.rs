//! Bytes between a stream of the stack and the queues of a socket.

use core::cell::Cell;
use core::future::poll_fn;
use core::task::Poll;

use edge_nal::io::{Read, Write};
use edge_nal::{Close, Readable, TcpShutdown, TcpSplit};
use embassy_futures::join::join;
use embassy_futures::select::{Either, select};

use crate::errors::of_stream;
use crate::shared::{Shared, State};
use crate::socket::Socket;

/// Bytes that are moved at once; they lie in the runner, once for each direction of each
/// connection. Chosen, not measured.
const PIECE: usize = 256;

/// Waits until `look` has an answer. The runner polls all it has whenever anything happens,
/// so that nobody has to be told.
pub(crate) async fn when<T, const S: usize, const BUF: usize, const L: usize, const C: usize>(
    shared: &Shared<S, BUF, L, C>,
    mut look: impl FnMut(&mut State<S, BUF, L, C>) -> Option<T>,
) -> T {
    poll_fn(|_| match shared.with(&mut look) {
        Some(found) => Poll::Ready(found),
        None => Poll::Pending,
    })
    .await
}

/// Serves the connection `stream` of the socket in `place` until it is over.
pub(crate) async fn pump<
    T: Read + Write + Readable + TcpSplit + TcpShutdown,
    const S: usize,
    const BUF: usize,
    const L: usize,
    const C: usize,
>(
    shared: &Shared<S, BUF, L, C>,
    place: usize,
    stream: &mut T,
) {
    let overdue = when(shared, |state| {
        let socket = &state.sockets[place];
        let late = socket.until.is_some_and(|until| state.now >= until);
        (late || socket.reset).then_some(())
    });
    if let Either::Second(()) = select(overdue, serve(shared, place, stream)).await {
        return;
    }
    // The peer takes nothing any more (R9), or shall get nothing.
    let _ = stream.abort().await;
}

async fn serve<
    T: Read + Write + Readable + TcpSplit + TcpShutdown,
    const S: usize,
    const BUF: usize,
    const L: usize,
    const C: usize,
>(
    shared: &Shared<S, BUF, L, C>,
    place: usize,
    stream: &mut T,
) {
    // Both directions, until nothing more is to be sent.
    {
        let (mut reader, mut writer) = stream.split();
        let all_sent = Cell::new(false);
        join(
            async {
                send(shared, place, &mut writer).await;
                all_sent.set(true);
            },
            receive(shared, place, &mut reader, || all_sent.get()),
        )
        .await;
    }
    let (dead, open) = shared.with(|state| {
        let socket = &mut state.sockets[place];
        (socket.is_over(), socket.open)
    });
    if dead {
        when(shared, |state| (!state.sockets[place].open).then_some(())).await;
        return;
    }
    if open && shared.config.half_close {
        // One direction ended by `shutdown`; the other goes on.
        if let Err(error) = stream.close(Close::Write).await {
            told(shared, place, |socket| socket.cannot_send(of_stream(&error)));
        }
        receive(shared, place, stream, || false).await;
        when(shared, |state| (!state.sockets[place].open).then_some(())).await;
    }
    let what = if shared.config.half_close { Close::Write } else { Close::Both };
    let _ = stream.close(what).await;
}

/// Notes something about the socket that others may wait for.
pub(crate) fn told<const S: usize, const BUF: usize, const L: usize, const C: usize>(
    shared: &Shared<S, BUF, L, C>,
    place: usize,
    note: impl FnOnce(&mut Socket<BUF>),
) {
    shared.with(|state| {
        note(&mut state.sockets[place]);
        state.changed = true;
    });
}

/// Sends what is queued until nothing more will be.
async fn send<W: Write, const S: usize, const BUF: usize, const L: usize, const C: usize>(
    shared: &Shared<S, BUF, L, C>,
    place: usize,
    writer: &mut W,
) {
    let mut piece = [0; PIECE];
    loop {
        let len = when(shared, |state| {
            let socket = &state.sockets[place];
            if socket.tx.is_empty() || socket.dead {
                return (socket.fin || socket.dead).then_some(0);
            }
            for (byte, queued) in piece.iter_mut().zip(&socket.tx) {
                *byte = *queued;
            }
            Some(socket.tx.len().min(PIECE))
        })
        .await;
        if len == 0 {
            return;
        }
        match writer.write(&piece[..len]).await {
            Ok(count) => told(shared, place, |socket| {
                for _ in 0..count.min(len) {
                    socket.tx.pop_front();
                }
            }),
            Err(error) => {
                return told(shared, place, |socket| socket.cannot_send(of_stream(&error)));
            }
        }
    }
}

/// Receives while there is room, to the end of the stream, until nobody wants it any more, or
/// until `stop` says true.
///
/// It waits by `readable`, which takes nothing, and reads only then: of `read` the traits do
/// not promise that a future which is dropped has taken nothing.
async fn receive<
    R: Read + Readable,
    const S: usize,
    const BUF: usize,
    const L: usize,
    const C: usize,
>(
    shared: &Shared<S, BUF, L, C>,
    place: usize,
    reader: &mut R,
    stop: impl Fn() -> bool,
) {
    let mut piece = [0; PIECE];
    loop {
        let over = |state: &mut State<S, BUF, L, C>| {
            let socket = &state.sockets[place];
            // What came before an error is still there to be read (R1).
            stop() && !socket.mute || socket.deaf || socket.dead || socket.ended
        };
        let room = when(shared, |state| {
            let room = BUF - state.sockets[place].rx.len();
            if over(state) { Some(0) } else { (room > 0).then_some(room.min(PIECE)) }
        })
        .await;
        if room == 0 {
            return;
        }
        let ended = when(shared, |state| (over(state) || state.sockets[place].mute).then_some(()));
        match select(reader.readable(), ended).await {
            Either::Second(()) => return told(shared, place, Socket::all_came),
            Either::First(Ok(())) => {}
            Either::First(Err(error)) => {
                return told(shared, place, |socket| socket.fail(of_stream(&error)));
            }
        }
        match reader.read(&mut piece[..room]).await {
            Ok(0) => return told(shared, place, |socket| socket.ended = true),
            Ok(count) => told(shared, place, |socket| {
                if !socket.deaf {
                    for &byte in &piece[..count.min(room)] {
                        // There is room: only this task fills the queue.
                        let _ = socket.rx.push_back(byte);
                    }
                }
            }),
            Err(error) => return told(shared, place, |socket| socket.fail(of_stream(&error))),
        }
    }
}
