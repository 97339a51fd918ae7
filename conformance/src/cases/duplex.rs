//! Waiters: close ends them (R11), directions do not disturb each other (R14).

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use usocket_core::{Error, Family, POLLIN, POLLNVAL, Result, Usocket};

use super::section;
use super::setup::{AFTER_FILL, BULK, PATIENCE, bound_udp, connected, fill};
use crate::{Digest, Failure, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    close_ends_every_wait: rows [], requirements [11], clauses [7];
    a_send_proceeds_while_a_receive_waits: rows [], requirements [14], clauses [2];
    a_receive_proceeds_while_a_send_waits: rows [], requirements [14], clauses [2];
    all_waiters_of_a_direction_wake: rows [], requirements [14], clauses [6];
}

/// Asks a future once.
pub(crate) fn ask<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What a future that waits says once `close` was called.
#[track_caller]
fn closed<T>(
    future: impl Future<Output = Result<T>>,
    close: impl FnOnce() -> Result<()>,
) -> Result<Result<T>, Failure> {
    let mut future = pin!(future);
    if ask(future.as_mut()).is_ready() {
        return Err(Failure::new("a call did not wait"));
    }
    close()?;
    match ask(future) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err(Failure::new("a call waits on a closed socket")),
    }
}

pub(crate) fn close_ends_every_wait<H: Harness>(h: &H) -> Outcome {
    for form in 0..6 {
        let (socket, _peer) = connected(h, &[Step::Hold])?;
        let (view, mut buf) = (socket.asynch(), [0; 8]);
        let close = || socket.close();
        let answer = match form {
            0 => closed(view.recv(&mut buf), close)?.map(|_| ()),
            1 => closed(view.readline(&mut buf), close)?.map(|_| ()),
            2 => closed(view.recvfrom(&mut buf), close)?.map(|_| ()),
            3 => closed(view.peek(&mut buf), close)?.map(|_| ()),
            4 => {
                fill(h, &socket)?;
                socket.settimeout(PATIENCE)?;
                closed(view.sendall(&BULK), close)?.map_err(|error| error.with_transferred(0))
            }
            _ => {
                check_eq!(closed(view.ready(POLLIN), close)?, Ok(POLLNVAL));
                continue;
            }
        };
        check_eq!(answer, Err(Error::EBADF));
    }
    let connecting = h.net().tcp()?;
    let silent = h.peer().silent(Family::V4);
    let answer = closed(connecting.asynch().connect(silent), || connecting.close())?;
    check_eq!(answer, Err(Error::EBADF));
    if h.caps().server {
        let listener = h.net().tcp()?;
        listener.listen(1)?;
        let answer = closed(listener.asynch().accept(), || listener.close())?;
        check_eq!(answer.map(|_| ()), Err(Error::EBADF));
    }
    if h.caps().udp {
        let (udp, _) = bound_udp(h)?;
        let mut buf = [0; 8];
        let answer = closed(udp.asynch().recv(&mut buf), || udp.close())?;
        check_eq!(answer, Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_send_proceeds_while_a_receive_waits<H: Harness>(h: &H) -> Outcome {
    let len = u32::try_from(BULK.len()).unwrap_or(0);
    let (socket, peer) = connected(h, &[Step::Recv(len), Step::Text(b"done"), Step::Hold])?;
    let (view, mut buf) = (socket.asynch(), [0; 8]);
    {
        let mut waiting = pin!(view.read(&mut buf[..4]));
        check!(ask(waiting.as_mut()).is_pending());
        check_eq!(socket.sendall(BULK), Ok(()));
        check_eq!(h.net().block_on(waiting), Ok(4));
    }
    check_eq!(&buf[..4], b"done");
    check_eq!(peer.settle().digest, Digest::of_pattern(u64::from(len)));
    Ok(Verdict::Proved)
}

pub(crate) fn a_receive_proceeds_while_a_send_waits<H: Harness>(h: &H) -> Outcome {
    let steps = [AFTER_FILL, Step::Text(b"now"), Step::RecvToEnd, Step::Hold];
    let (socket, peer) = connected(h, &steps)?;
    let mut sum = fill(h, &socket)?;
    socket.settimeout(PATIENCE)?;
    let view = socket.asynch();
    let mut waiting = pin!(view.send(&BULK[..500]));
    check!(ask(waiting.as_mut()).is_pending());
    let mut buf = [0; 8];
    check_eq!(socket.read(&mut buf[..3]), Ok(Some(3)));
    check_eq!(&buf[..3], b"now");
    let sent = h.net().block_on(waiting)?;
    sum.add(&BULK[..sent]);
    socket.close()?;
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

pub(crate) fn all_waiters_of_a_direction_wake<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Wait(60), Step::Text(b"x"), Step::Hold])?;
    let view = socket.asynch();
    let (mut a, mut b) = (pin!(view.ready(POLLIN)), pin!(view.ready(POLLIN)));
    let (mut first, mut second) = (None, None);
    let both = poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(answer) = a.as_mut().poll(context)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = b.as_mut().poll(context)
        {
            second = Some(answer);
        }
        match (first, second) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            _ => Poll::Pending,
        }
    });
    let (first, second) = h.net().block_on(both);
    check_eq!(first, Ok(POLLIN));
    check_eq!(second, Ok(POLLIN));
    check_eq!(socket.recv(&mut [0; 4]), Ok(1));
    Ok(Verdict::Proved)
}
