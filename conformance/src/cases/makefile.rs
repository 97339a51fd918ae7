//! Section P: makefile.

use usocket_core::{Error, Usocket};

use super::section;
use super::setup::{arrived, connected_plain, quiet, stream};
use crate::{End, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    files_share_the_sockets_position: rows [182], requirements [3], clauses [];
    files_write_what_sockets_write: rows [182], requirements [3], clauses [];
    other_modes_are_refused: rows [183], requirements [], clauses [];
    buffering_changes_nothing: rows [184], requirements [], clauses [];
    the_direction_is_not_enforced: rows [185], requirements [], clauses [];
    closing_a_file_closes_the_socket: rows [186], requirements [], clauses [];
    closing_the_socket_closes_its_files: rows [186], requirements [], clauses [9];
    no_file_of_a_closed_socket: rows [187], requirements [], clauses [];
}

const MODES: [&str; 3] = ["rb", "wb", "rwb"];

pub(crate) fn files_share_the_sockets_position<H: Harness>(h: &H) -> Outcome {
    for mode in MODES {
        let (socket, _peer) =
            connected_plain(h, &[Step::Text(b"line\nabcdefg"), Step::Fin, Step::Hold])?;
        let file = h.api().makefile(&socket, mode, 0)?;
        let mut buf = [0; 8];
        check_eq!(file.readline(&mut buf), Ok(Some(5)));
        check_eq!(&buf[..5], b"line\n");
        check_eq!(socket.recv(&mut buf[..1]), Ok(1));
        check_eq!(file.read(&mut buf[1..3]), Ok(Some(2)));
        let other = h.api().makefile(&socket, mode, 0)?;
        check_eq!(other.readinto(&mut buf[3..5]), Ok(Some(2)));
        check_eq!(embedded_io::Read::read(&mut { file }, &mut buf[5..6]), Ok(1));
        check_eq!(socket.read(&mut buf[6..7]), Ok(Some(1)));
        check_eq!(&buf[..7], b"abcdefg");
        check_eq!(file.read(&mut buf), Ok(Some(0)));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn files_write_what_sockets_write<H: Harness>(h: &H) -> Outcome {
    for mode in MODES {
        let (socket, peer) = connected_plain(h, &[Step::Recv(6), Step::Hold])?;
        let file = h.api().makefile(&socket, mode, 0)?;
        check_eq!(file.write("ab"), Ok(Some(2)));
        check_eq!(socket.send("c"), Ok(1));
        check_eq!(embedded_io::Write::write(&mut { file }, b"d"), Ok(1));
        check_eq!(file.write(b"ef"), Ok(Some(2)));
        check_eq!(file.flush(), Ok(()));
        check!(peer.settle().head.as_slice() == b"abcdef");
    }
    Ok(Verdict::Proved)
}

pub(crate) fn other_modes_are_refused<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    for mode in ["r", "w", "rw", "a", "rb+", "", "b", "br", "bw", "rbw", "RB", " rb", "rb ", "rt"] {
        check_eq!(h.api().makefile(&socket, mode, 0).map(|_| ()), Err(Error::EINVAL));
    }
    for mode in MODES {
        check_eq!(h.api().makefile(&socket, mode, 0).map(|_| ()), Ok(()));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn buffering_changes_nothing<H: Harness>(h: &H) -> Outcome {
    for buffering in [0, 1, -1, 4096, i32::MAX, i32::MIN] {
        let (socket, peer) =
            connected_plain(h, &[Step::Recv(3), Step::Text(b"x\nyz"), Step::Hold])?;
        let file = h.api().makefile(&socket, "rwb", buffering)?;
        check_eq!(file.write("abc"), Ok(Some(3)));
        // Neither does a write wait for a flush, nor does a read take more than asked.
        check_eq!(peer.settle().received, 3u64);
        arrived(h, &socket, 4)?;
        let mut buf = [0; 8];
        check_eq!(file.readline(&mut buf), Ok(Some(2)));
        check_eq!(socket.recv(&mut buf), Ok(2));
        check_eq!(&buf[..2], b"yz");
    }
    Ok(Verdict::Proved)
}

pub(crate) fn the_direction_is_not_enforced<H: Harness>(h: &H) -> Outcome {
    for mode in MODES {
        let (socket, peer) = connected_plain(h, &[Step::Recv(2), Step::Text(b"ok"), Step::Hold])?;
        let file = h.api().makefile(&socket, mode, 0)?;
        check_eq!(file.write("hi"), Ok(Some(2)));
        check!(peer.settle().head.as_slice() == b"hi");
        let mut buf = [0; 2];
        check_eq!(file.read(&mut buf), Ok(Some(2)));
        check_eq!(&buf, b"ok");
    }
    Ok(Verdict::Proved)
}

pub(crate) fn closing_a_file_closes_the_socket<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected_plain(h, &[Step::RecvToEnd])?;
    socket.settimeout(5)?;
    let file = h.api().makefile(&socket, "rb", 0)?;
    let other = h.api().makefile(&socket, "wb", 0)?;
    check_eq!(other.write("bye"), Ok(Some(3)));
    check_eq!(h.api().close_file(&file), Ok(()));
    check_eq!(socket.recv(&mut [0; 4]), Err(Error::EBADF));
    check_eq!(socket.send("x"), Err(Error::EBADF));
    check_eq!(other.write("x"), Err(Error::EBADF));
    check_eq!(file.read(&mut [0; 4]), Err(Error::EBADF));
    check_eq!(h.api().close_file(&file), Ok(()));
    let report = peer.settle();
    check_eq!(report.received, 3u64);
    check_eq!(report.end, End::Fin);
    Ok(Verdict::Proved)
}

pub(crate) fn closing_the_socket_closes_its_files<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let file = h.api().makefile(&socket, "rwb", 0)?;
    h.api().close(&socket)?;
    let mut buf = [0; 4];
    check_eq!(file.read(&mut buf), Err(Error::EBADF));
    check_eq!(file.readinto(&mut buf), Err(Error::EBADF));
    check_eq!(file.readline(&mut buf), Err(Error::EBADF));
    check_eq!(file.write("x"), Err(Error::EBADF));
    check_eq!(file.flush(), Err(Error::EBADF));
    check_eq!(embedded_io::Read::read(&mut { file }, &mut buf), Err(Error::EBADF));
    check_eq!(embedded_io::Write::write(&mut { file }, b"x"), Err(Error::EBADF));
    check!(h.api().close_file(&file).is_ok());
    Ok(Verdict::Proved)
}

pub(crate) fn no_file_of_a_closed_socket<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    socket.close()?;
    for mode in ["rb", "wb", "rwb", "a", ""] {
        check_eq!(h.api().makefile(&socket, mode, 0).map(|_| ()), Err(Error::EBADF));
    }
    if h.caps().udp {
        let socket = h.net().udp()?;
        socket.close()?;
        check_eq!(h.api().makefile(&socket, "rb", 0).map(|_| ()), Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}
