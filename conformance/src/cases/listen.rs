//! Section G: `listen` (R7).

use core::time::Duration;

use usocket_core::{Error, Family, SockAddr, Socket};

use super::section;
use super::setup::{
    Script, bound, connect_plain, listening, reached, script, stream, without_server, without_udp,
};
use crate::{End, Failure, Harness, Outcome, State, Step, Verdict, check, check_eq};

section! {
    default_backlog_holds_two: rows [60], requirements [7], clauses [16];
    negative_backlog_is_zero: rows [61], requirements [], clauses [];
    backlog_zero_still_accepts: rows [62], requirements [7], clauses [16];
    nothing_beyond_the_backlog_is_lost: rows [63], requirements [7], clauses [16];
    huge_backlog_is_clamped: rows [64], requirements [], clauses [];
    listen_binds_implicitly: rows [65], requirements [], clauses [];
    listen_again_changes_the_backlog: rows [66], requirements [7], clauses [];
    listen_where_it_cannot_be: rows [67], requirements [25], clauses [9, 20];
    closing_a_listener_resets_the_pending: rows [68], requirements [7, 10], clauses [17];
    closed_listener_of_the_peer: rows [68], requirements [7], clauses [13];
}

/// Clients of the peer that connect to `there` and receive one byte.
fn clients<'h, H: Harness, const N: usize>(
    h: &'h H,
    there: SockAddr,
) -> Result<heapless::Vec<Script<'h>, N>, Failure> {
    let mut clients = heapless::Vec::new();
    for _ in 0..N {
        let client = script(h, &[Step::Connect(there), Step::Recv(1), Step::Hold])?;
        clients.push(client).map_err(|_| Failure::new("as many as there is room"))?;
    }
    Ok(clients)
}

/// How many clients have a connection.
fn established(clients: &[Script<'_>]) -> usize {
    clients.iter().filter(|client| matches!(client.report().state, State::Running(1..))).count()
}

/// Waits until so many clients have a connection, that nobody has accepted.
fn establish<H: Harness>(h: &H, clients: &[Script<'_>], wanted: usize) -> bool {
    // Far less than a client waits before it tries again.
    for _ in 0..40 {
        if established(clients) >= wanted {
            return true;
        }
        h.pass(Duration::from_millis(10));
    }
    false
}

/// Accepts whoever comes, gives each a byte, and returns how many came.
fn serve<H: Harness>(listener: &Socket<'_, H::Net>, most: usize) -> Result<usize, Failure> {
    listener.settimeout(Duration::from_secs(5))?;
    for count in 0..most {
        match listener.accept() {
            Ok((connection, _)) => connection.sendall("x")?,
            Err(Error::ETIMEDOUT) => return Ok(count),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(most)
}

pub(crate) fn default_backlog_holds_two<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = bound(h, Family::V4, usocket_core::SOCK_STREAM)?;
    check_eq!(h.api().listen(&listener, None), Ok(()));
    let clients = clients::<H, 2>(h, reached(h, &listener)?)?;
    check!(establish(h, &clients, 2));
    check_eq!(serve::<H>(&listener, 2)?, 2);
    check!(clients.iter().all(|client| client.reaches(h, 2)));
    Ok(Verdict::Proved)
}

/// Checks that one connection is made and accepted under this backlog.
fn one_is_served<H: Harness>(h: &H, backlog: i32) -> Outcome {
    let listener = bound(h, Family::V4, usocket_core::SOCK_STREAM)?;
    check_eq!(h.api().listen(&listener, Some(backlog)), Ok(()));
    let clients = clients::<H, 1>(h, reached(h, &listener)?)?;
    check!(establish(h, &clients, 1));
    check_eq!(serve::<H>(&listener, 1)?, 1);
    check!(clients[0].reaches(h, 2));
    Ok(Verdict::Proved)
}

pub(crate) fn negative_backlog_is_zero<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    one_is_served(h, -1)?;
    one_is_served(h, i32::MIN)
}

pub(crate) fn backlog_zero_still_accepts<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    one_is_served(h, 0)
}

pub(crate) fn nothing_beyond_the_backlog_is_lost<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = listening(h, Some(2))?;
    let clients = clients::<H, 4>(h, reached(h, &listener)?)?;
    check!(establish(h, &clients, 2));
    // The program is busy for a while.
    h.pass(Duration::from_millis(300));
    let served = serve::<H>(&listener, 4)?;
    let refused = |client: &&Script<'_>| matches!(client.report().state, State::Failed(0, _));
    check_eq!(served + clients.iter().filter(refused).count(), 4);
    check!(served >= 2);
    for client in clients.iter().filter(|client| !refused(client)) {
        check!(client.reaches(h, 2));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn huge_backlog_is_clamped<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    one_is_served(h, 1_000_000)?;
    one_is_served(h, i32::MAX)
}

pub(crate) fn listen_binds_implicitly<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = stream(h)?;
    check_eq!(listener.listen(None), Ok(()));
    check!(listener.local_addr()?.port() != 0);
    let clients = clients::<H, 1>(h, reached(h, &listener)?)?;
    check!(establish(h, &clients, 1));
    check_eq!(serve::<H>(&listener, 1)?, 1);
    Ok(Verdict::Proved)
}

pub(crate) fn listen_again_changes_the_backlog<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = listening(h, Some(1))?;
    check_eq!(listener.listen(4), Ok(()));
    let clients = clients::<H, 4>(h, reached(h, &listener)?)?;
    check!(establish(h, &clients, 4));
    // What was pending before stays so.
    check_eq!(listener.listen(4), Ok(()));
    check_eq!(serve::<H>(&listener, 4)?, 4);
    Ok(Verdict::Proved)
}

pub(crate) fn listen_where_it_cannot_be<H: Harness>(h: &H) -> Outcome {
    let closed = stream(h)?;
    closed.close()?;
    check_eq!(closed.listen(None), Err(Error::EBADF));
    if let Some(outcome) = without_server(h) {
        check_eq!(stream(h)?.listen(None), Err(Error::EOPNOTSUPP));
        return outcome;
    }
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    check_eq!(connect_plain(h, &peer)?.listen(None), Err(Error::EINVAL));
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let udp = bound(h, Family::V4, usocket_core::SOCK_DGRAM)?;
    check_eq!(udp.listen(None), Err(Error::EOPNOTSUPP));
    Ok(Verdict::Proved)
}

pub(crate) fn closing_a_listener_resets_the_pending<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = listening(h, Some(2))?;
    let there = reached(h, &listener)?;
    let client = script(h, &[Step::Connect(there), Step::RecvToEnd, Step::Hold])?;
    check!(client.reaches(h, 1));
    h.pass(Duration::from_millis(50));
    check_eq!(listener.close(), Ok(()));
    check!(client.reaches(h, 2));
    check_eq!(
        client.report().end,
        if h.caps().reset || h.caps().linger { End::Reset } else { End::Fin }
    );
    Ok(Verdict::Proved)
}

/// The same from the other end: reset, then end of stream.
pub(crate) fn closed_listener_of_the_peer<H: Harness>(h: &H) -> Outcome {
    let peer = script(
        h,
        &[Step::Listen(Family::V4, 2), Step::Wait(100), Step::CloseListener, Step::Hold],
    )?;
    let socket = connect_plain(h, &peer)?;
    socket.settimeout(Duration::from_secs(5))?;
    let reset = if h.caps().reset { Err(Error::ECONNRESET) } else { Ok(0) };
    check_eq!(socket.recv(&mut [0; 8]), reset);
    check_eq!(socket.recv(&mut [0; 8]), Ok(0));
    Ok(Verdict::Proved)
}
