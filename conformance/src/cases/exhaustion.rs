//! R16: nothing leaks, nothing panics, stale handles reach nobody.

use usocket_core::spi::Shutdown;
use usocket_core::{Error, SO_REUSEADDR, SOL_SOCKET, Usocket};

use super::section;
use super::setup::{Sock, connected};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    a_stale_handle_reaches_nobody: rows [], requirements [16], clauses [9];
    sockets_that_run_out_come_back: rows [], requirements [16], clauses [10];
}

pub(crate) fn a_stale_handle_reaches_nobody<H: Harness>(h: &H) -> Outcome {
    let net = h.net();
    let stale = net.tcp()?;
    stale.close()?;
    // Sockets in its place, one after the other and at the same time.
    for _ in 0..200 {
        let (mut buf, newer) = ([0; 4], net.tcp()?);
        check!(newer.handle() != stale.handle());
        check_eq!(stale.local_addr(), Err(Error::EBADF));
        check_eq!(stale.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1), Err(Error::EBADF));
        check_eq!(stale.recv(&mut buf), Err(Error::EBADF));
        check_eq!(stale.close(), Ok(()));
        check!(newer.local_addr().is_ok());
    }
    let (live, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    check_eq!(stale.send(b"not mine"), Err(Error::EBADF));
    check_eq!(stale.shutdown(Shutdown::Both), Err(Error::EBADF));
    check_eq!(stale.abort(), Ok(()));
    drop(stale);
    check_eq!(live.send(b"mine"), Ok(4));
    live.close()?;
    check_eq!(&peer.settle().head[..], b"mine");
    Ok(Verdict::Proved)
}

/// How many sockets a case holds at once.
const HELD: usize = 64;

pub(crate) fn sockets_that_run_out_come_back<H: Harness>(h: &H) -> Outcome {
    let mut counts = [0; 3];
    for count in &mut counts {
        let mut open: heapless::Vec<Sock<'_, H>, HELD> = heapless::Vec::new();
        let mut refused = None;
        while refused.is_none() && !open.is_full() {
            match h.net().tcp() {
                Ok(socket) => check!(open.push(socket).is_ok()),
                Err(error) => refused = Some(error),
            }
        }
        *count = open.len();
        check_eq!(refused.is_some(), h.caps().max_sockets.is_some_and(|most| most < HELD));
        check!(refused.is_none_or(|e| matches!(e, Error::ENOMEM | Error::EMFILE | Error::ENFILE)));
        // One that is freed can be had again, whichever it was.
        for at in [0, open.len() / 2, open.len() - 1] {
            drop(open.swap_remove(at));
            let again = h.net().tcp()?;
            check!(again.local_addr().is_ok());
            check!(open.push(again).is_ok());
        }
    }
    check_eq!(counts[0], counts[2]);
    Ok(Verdict::Proved)
}
