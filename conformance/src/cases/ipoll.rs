//! Section Q: ipoll.

use usocket_core::{Events, ONE_SHOT, POLLERR, POLLHUP, POLLIN, POLLOUT, Pollable};

use super::section;
use super::setup::{arrived, becomes, connected_plain, events_of, poll_of, quiet, stream};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    ipoll_yields_what_poll_lists: rows [207], requirements [12], clauses [];
    one_shot_disarms_what_was_yielded: rows [208], requirements [12], clauses [];
    one_shot_keeps_what_was_not_yielded: rows [208], requirements [12], clauses [];
    a_disarmed_object_reports_trouble: rows [209], requirements [12], clauses [];
}

/// More than there are entries.
const ALL: usize = usize::MAX;

pub(crate) fn ipoll_yields_what_poll_lists<H: Harness>(h: &H) -> Outcome {
    let (one, _one) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    let (idle, _idle) = quiet(h)?;
    let fresh = stream(h)?;
    arrived(h, &one, 1)?;
    let [one, idle, fresh] = [&one, &idle, &fresh].map(Pollable::poll_ref);
    let mut poll = poll_of(h, &[(fresh, None), (idle, Some(POLLIN)), (one, None)])?;
    for _ in 0..2 {
        let listed = h.api().poll(h.net(), &mut poll, Some(0))?;
        let yielded = h.api().ipoll(&mut poll, Some(0), 0, ALL)?;
        check_eq!(yielded.len(), 2usize);
        check!(listed.iter().zip(&yielded).all(|(a, b)| a.0.same(&b.0) && a.1 == b.1));
        check_eq!(yielded[1].1, POLLIN | POLLOUT);
    }
    h.api().unregister(&mut poll, one);
    h.api().unregister(&mut poll, fresh);
    check!(h.api().ipoll(&mut poll, Some(20), 0, ALL)?.is_empty());
    Ok(Verdict::Proved)
}

pub(crate) fn one_shot_disarms_what_was_yielded<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    arrived(h, &socket, 1)?;
    let object = socket.poll_ref();
    let mut poll = poll_of(h, &[(object, None)])?;
    let found = h.api().ipoll(&mut poll, Some(0), ONE_SHOT, ALL)?;
    check_eq!(events_of(&found, object), POLLIN | POLLOUT);
    for _ in 0..2 {
        check!(h.api().ipoll(&mut poll, Some(0), ONE_SHOT, ALL)?.is_empty());
        check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    }
    h.api().modify(&mut poll, object, POLLIN)?;
    let found = h.api().ipoll(&mut poll, Some(0), 0, ALL)?;
    check_eq!(events_of(&found, object), POLLIN);
    // Without the flag it stays armed.
    check_eq!(h.api().ipoll(&mut poll, Some(0), 0, ALL)?.len(), 1usize);
    Ok(Verdict::Proved)
}

pub(crate) fn one_shot_keeps_what_was_not_yielded<H: Harness>(h: &H) -> Outcome {
    let (one, _one) = quiet(h)?;
    let (two, _two) = quiet(h)?;
    let [one, two] = [&one, &two].map(Pollable::poll_ref);
    let mut poll = poll_of(h, &[(one, None), (two, None)])?;
    let found = h.api().ipoll(&mut poll, Some(0), ONE_SHOT, 1)?;
    check_eq!(found.len(), 1usize);
    check_eq!(events_of(&found, one), POLLOUT);
    let found = h.api().ipoll(&mut poll, Some(0), ONE_SHOT, ALL)?;
    check_eq!(found.len(), 1usize);
    check_eq!(events_of(&found, two), POLLOUT);
    check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    Ok(Verdict::Proved)
}

pub(crate) fn a_disarmed_object_reports_trouble<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Recv(1), Step::Rst])?;
    let object = socket.poll_ref();
    let mut poll = poll_of(h, &[(object, None)])?;
    check_eq!(h.api().ipoll(&mut poll, Some(0), ONE_SHOT, ALL)?.len(), 1usize);
    check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    socket.send("!")?;
    let trouble = if h.caps().reset { POLLERR | POLLHUP } else { Events::NONE };
    becomes(h, &socket, trouble | POLLIN)?;
    let found = h.api().ipoll(&mut poll, Some(0), ONE_SHOT, ALL)?;
    check_eq!(events_of(&found, object), trouble);
    // Again: it was not disarmed against trouble.
    let found = h.api().poll(h.net(), &mut poll, Some(0))?;
    check_eq!(events_of(&found, object), trouble);
    socket.close()?;
    let found = h.api().poll(h.net(), &mut poll, Some(0))?;
    check_eq!(events_of(&found, object), usocket_core::POLLNVAL);
    Ok(Verdict::Proved)
}
