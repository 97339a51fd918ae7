//! Section Q: select.

use core::time::Duration;

use usocket_core::{Place, Pollable};

use super::section;
use super::setup::{SLACK, arrived, becomes, connected_plain, on_time, quiet, stream, timed};
use crate::{Harness, Lists, Outcome, Step, Verdict, check, check_eq};

section! {
    select_sorts_into_three_lists: rows [211], requirements [12], clauses [];
    select_waits_for_seconds: rows [211], requirements [5, 12], clauses [];
    select_without_a_limit_waits: rows [211], requirements [12], clauses [6];
    trouble_goes_to_the_third_list: rows [212], requirements [12], clauses [];
    a_duplicate_is_listed_once: rows [212], requirements [12], clauses [];
}

pub(crate) fn select_sorts_into_three_lists<H: Harness>(h: &H) -> Outcome {
    let (full, _full) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    let (idle, _idle) = quiet(h)?;
    arrived(h, &full, 1)?;
    let (r, w): (&[&dyn Pollable<'_>], &[&dyn Pollable<'_>]) = (&[&idle, &full], &[&idle]);
    let found = h.api().select(h.net(), Lists { r, w, x: &[&full] }, 5.0)?;
    check!(found.readable.as_slice() == [1]);
    check!(found.writable.as_slice() == [0]);
    check!(found.exceptional.is_empty());
    let found = h.api().select(h.net(), Lists { r: &[&full], w: &[&full], x: &[] }, 0.0)?;
    check!(found.readable.as_slice() == [0]);
    check!(found.writable.as_slice() == [0]);
    Ok(Verdict::Proved)
}

pub(crate) fn select_waits_for_seconds<H: Harness>(h: &H) -> Outcome {
    let (idle, _peer) = quiet(h)?;
    let lists = Lists { r: &[&idle], w: &[], x: &[&idle] };
    let (found, took) = timed(h, || h.api().select(h.net(), lists, 0.06));
    check!(found?.is_empty());
    check!(on_time(took, Duration::from_millis(60)));
    let (found, took) = timed(h, || h.api().select(h.net(), lists, 0.0));
    check!(found?.is_empty());
    check!(took < Duration::from_millis(60));
    let (late, _peer) = connected_plain(h, &[Step::Wait(100), Step::Text(b"x"), Step::Hold])?;
    let lists = Lists { r: &[&idle, &late], w: &[], x: &[] };
    let (found, took) = timed(h, || h.api().select(h.net(), lists, 5.0));
    check!(found?.readable.as_slice() == [1]);
    check!(took <= Duration::from_millis(100) + SLACK);
    Ok(Verdict::Proved)
}

pub(crate) fn select_without_a_limit_waits<H: Harness>(h: &H) -> Outcome {
    let late = [Step::Wait(100), Step::Text(b"x"), Step::Hold];
    let (socket, _peer) = connected_plain(h, &late)?;
    let found = h.api().select(h.net(), Lists { r: &[&socket], w: &[], x: &[] }, -1.0)?;
    check!(found.readable.as_slice() == [0]);
    let (socket, _peer) = connected_plain(h, &late)?;
    let found = usocket_core::select::<4, _>(h.net(), &[&socket], &[], &[], None)?;
    check!(found.readable.as_slice() == [0]);
    Ok(Verdict::Proved)
}

pub(crate) fn trouble_goes_to_the_third_list<H: Harness>(h: &H) -> Outcome {
    let fresh = stream(h)?;
    let closed = stream(h)?;
    closed.close()?;
    let found = h.api().select(h.net(), Lists { r: &[&fresh, &closed], w: &[], x: &[] }, 5.0)?;
    check!(found.exceptional.as_slice() == [Place::Read(0), Place::Read(1)]);
    check!(found.readable.is_empty() && found.writable.is_empty());
    let lists = Lists { r: &[&closed], w: &[&fresh], x: &[&fresh, &closed] };
    let found = h.api().select(h.net(), lists, 5.0)?;
    check_eq!(found.exceptional.len(), 2usize);
    check!(found.exceptional.contains(&Place::Except(0)));
    check!(found.exceptional.contains(&Place::Except(1)));
    if h.caps().reset {
        let (reset, _peer) = connected_plain(h, &[Step::Rst])?;
        becomes(h, &reset, usocket_core::POLLERR)?;
        let found = h.api().select(h.net(), Lists { r: &[&reset], w: &[], x: &[] }, 5.0)?;
        check!(found.exceptional.as_slice() == [Place::Read(0)]);
        check!(found.readable.as_slice() == [0]);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_duplicate_is_listed_once<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    arrived(h, &socket, 1)?;
    let twice: &[&dyn Pollable<'_>] = &[&socket, &socket];
    let found = h.api().select(h.net(), Lists { r: twice, w: twice, x: &[] }, 5.0)?;
    check_eq!(found.readable.len(), 1usize);
    check_eq!(found.writable.len(), 1usize);
    let fresh = stream(h)?;
    let found = h.api().select(h.net(), Lists { r: &[&fresh, &fresh], w: &[], x: &[] }, 5.0)?;
    check_eq!(found.exceptional.len(), 1usize);
    Ok(Verdict::Proved)
}
