//! R2: end of stream, reset, timeout, would-block and local close are five
//! different answers, and the same ones in every call form.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::Read as _;
use usocket_core::{Error, MSG_DONTWAIT, MSG_PEEK, POLLIN, Usocket};

use super::section;
use super::setup::{SHORT, Sock, becomes, check_took, connected};
use crate::{Failure, Harness, Outcome, Step, Verdict, check_eq};

section! {
    end_of_stream_in_every_form: rows [113, 114], requirements [2], clauses [12];
    reset_in_every_form: rows [120], requirements [2], clauses [13];
    timeout_in_every_form: rows [118, 136], requirements [2, 5], clauses [];
    would_block_in_every_form: rows [117, 136], requirements [2], clauses [];
    local_close_in_every_form: rows [116], requirements [2], clauses [9];
}

/// A way to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Recv,
    RecvFlags,
    Peek,
    Recvfrom,
    RecvInfo,
    RecvInfoPeek,
    Read,
    Readinto,
    Readline,
    StreamRead,
    FileRead,
    FileReadline,
    AsyncRecv,
    AsyncPeek,
    AsyncRecvfrom,
    AsyncRecvInfo,
    AsyncRead,
    AsyncReadline,
}

const FORMS: [Form; 18] = [
    Form::Recv,
    Form::RecvFlags,
    Form::Peek,
    Form::Recvfrom,
    Form::RecvInfo,
    Form::RecvInfoPeek,
    Form::Read,
    Form::Readinto,
    Form::Readline,
    Form::StreamRead,
    Form::FileRead,
    Form::FileReadline,
    Form::AsyncRecv,
    Form::AsyncPeek,
    Form::AsyncRecvfrom,
    Form::AsyncRecvInfo,
    Form::AsyncRead,
    Form::AsyncReadline,
];

impl Form {
    /// The stream methods tell would-block by `None`.
    fn is_stream_method(self) -> bool {
        matches!(
            self,
            Form::Read | Form::Readinto | Form::Readline | Form::FileRead | Form::FileReadline
        )
    }

    fn is_async(self) -> bool {
        matches!(
            self,
            Form::AsyncRecv
                | Form::AsyncPeek
                | Form::AsyncRecvfrom
                | Form::AsyncRecvInfo
                | Form::AsyncRead
                | Form::AsyncReadline
        )
    }
}

/// One receive; `None` is the would-block of stream methods, and an async one
/// that waits.
fn ask<H: Harness>(
    h: &H,
    form: Form,
    socket: &Sock<'_, H>,
    wait: bool,
) -> Result<Option<usize>, Error> {
    let mut buf = [0; 16];
    let buf = &mut buf;
    let view = socket.asynch();
    match form {
        Form::Recv => socket.recv(buf).map(Some),
        Form::RecvFlags => h.api().recv_flags(socket, buf, 0).map(Some),
        Form::Peek => h.api().recv_flags(socket, buf, MSG_PEEK).map(Some),
        Form::Recvfrom => socket.recvfrom(buf).map(|(len, _)| Some(len)),
        Form::RecvInfo => socket.recv_info(buf, 0).map(|info| Some(info.len)),
        Form::RecvInfoPeek => socket.recv_info(buf, MSG_PEEK).map(|info| Some(info.len)),
        Form::Read => h.api().read(socket, buf),
        Form::Readinto => socket.readinto(buf),
        Form::Readline => h.api().readline(socket, buf),
        Form::StreamRead => socket.stream().read(buf).map(Some),
        Form::FileRead => socket.makefile("rb").and_then(|file| file.read(buf)),
        Form::FileReadline => socket.makefile("rb").and_then(|file| file.readline(buf)),
        Form::AsyncRecv => run(h, wait, view.recv(buf)),
        Form::AsyncPeek => run(h, wait, view.peek(buf)),
        Form::AsyncRecvfrom => run(h, wait, async { view.recvfrom(buf).await.map(|(n, _)| n) }),
        Form::AsyncRecvInfo => run(h, wait, async { view.recv_info(buf).await.map(|i| i.len) }),
        Form::AsyncRead => run(h, wait, view.read(buf)),
        Form::AsyncReadline => run(h, wait, view.readline(buf)),
    }
}

/// Runs a future to its end, or asks it once.
fn run<H: Harness>(
    h: &H,
    wait: bool,
    future: impl Future<Output = Result<usize, Error>>,
) -> Result<Option<usize>, Error> {
    if wait {
        return h.net().block_on(future).map(Some);
    }
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map(Some),
        Poll::Pending => Ok(None),
    }
}

/// As `check_eq`, and tells which form it was.
#[track_caller]
fn same(
    form: Form,
    found: Result<Option<usize>, Error>,
    wanted: Result<Option<usize>, Error>,
) -> Result<(), Failure> {
    if found == wanted {
        return Ok(());
    }
    let name = match form {
        Form::Recv => "recv gave another answer",
        Form::RecvFlags | Form::Peek => "recv_flags gave another answer",
        Form::Recvfrom => "recvfrom gave another answer",
        Form::RecvInfo | Form::RecvInfoPeek => "recv_info gave another answer",
        Form::Read | Form::Readinto => "read gave another answer",
        Form::Readline => "readline gave another answer",
        Form::StreamRead => "embedded_io read gave another answer",
        Form::FileRead | Form::FileReadline => "a file gave another answer",
        _ => "an async call gave another answer",
    };
    let number = found.ok().flatten().and_then(|count| i64::try_from(count).ok());
    Err(Failure { error: found.err(), found: number, ..Failure::new(name) })
}

pub(crate) fn end_of_stream_in_every_form<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Close])?;
    peer.settle();
    becomes(h, &socket, POLLIN)?;
    h.pass(SHORT);
    for timeout in [Some(core::time::Duration::ZERO), None, Some(SHORT)] {
        socket.settimeout(timeout)?;
        for form in FORMS {
            same(form, ask(h, form, &socket, true), Ok(Some(0)))?;
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn reset_in_every_form<H: Harness>(h: &H) -> Outcome {
    for form in FORMS {
        let (socket, peer) = connected(h, &[Step::Wait(5), Step::Rst])?;
        let reset = if h.caps().reset { Err(Error::ECONNRESET) } else { Ok(Some(0)) };
        // Half of them wait for it, the other half find it.
        if (form as usize).is_multiple_of(2) {
            peer.settle();
            becomes(h, &socket, POLLIN)?;
        }
        same(form, ask(h, form, &socket, true), reset)?;
        // Told once, also to a look: a readline that looks first must come to the end.
        for after in FORMS {
            same(after, ask(h, after, &socket, true), Ok(Some(0)))?;
        }
    }
    let able = h.caps().reset;
    Ok(if able { Verdict::Proved } else { Verdict::Unsupported(Error::EOPNOTSUPP) })
}

pub(crate) fn timeout_in_every_form<H: Harness>(h: &H) -> Outcome {
    let time = core::time::Duration::from_millis(20);
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    socket.settimeout(time)?;
    for form in FORMS {
        let begun = h.now();
        same(form, ask(h, form, &socket, true), Err(Error::ETIMEDOUT))?;
        check_took(h, begun, time)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn would_block_in_every_form<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    socket.setblocking(false)?;
    for form in FORMS {
        let nothing = form.is_stream_method() || form.is_async();
        let wanted = if nothing { Ok(None) } else { Err(Error::EAGAIN) };
        same(form, ask(h, form, &socket, false), wanted)?;
    }
    socket.settimeout(None)?;
    let dontwait = socket.recv_flags(&mut [0; 4], MSG_DONTWAIT);
    check_eq!(dontwait, Err(Error::EAGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn local_close_in_every_form<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Send(10), Step::Hold])?;
    becomes(h, &socket, POLLIN)?;
    socket.close()?;
    for form in FORMS {
        same(form, ask(h, form, &socket, true), Err(Error::EBADF))?;
    }
    Ok(Verdict::Proved)
}
