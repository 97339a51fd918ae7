//! Section Q: what a poll is, whatever it watches.

use core::cell::Cell;
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use usocket_core::spi::{EventSource, Handle, Wait, WaitKey};
use usocket_core::{
    Error, Events, Instant, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Poll, PollRef, Pollable,
    Result, UserWake,
};

use super::section;
use super::setup::{
    SHORT, SLACK, arrived, becomes, connected_plain, events_of, on_time, poll_of, polled, quiet,
    starting, stream, timed,
};
use crate::{Harness, KitPoll, Outcome, POLLED, Step, Verdict, check, check_eq};

section! {
    poll_numbers: rows [188], requirements [12], clauses [];
    registering_again_replaces_the_mask: rows [189], requirements [12], clauses [];
    the_default_mask_is_in_and_out: rows [189], requirements [12], clauses [];
    modify_needs_a_registered_object: rows [190], requirements [12], clauses [];
    unregister_is_never_an_error: rows [191], requirements [12], clauses [];
    poll_lists_or_times_out: rows [192], requirements [5, 12], clauses [];
    poll_without_a_limit_waits: rows [192], requirements [12], clauses [6];
    poll_returns_in_time: rows [193], requirements [5, 12], clauses [6];
    an_empty_poll_waits: rows [193], requirements [5], clauses [];
    error_bits_in_a_mask_are_ignored: rows [205], requirements [12], clauses [];
    an_empty_mask_reports_trouble: rows [205], requirements [12], clauses [];
    only_the_ready_in_order_of_registration: rows [206], requirements [12], clauses [];
    one_socket_in_several_polls: rows [206], requirements [12, 14], clauses [6];
    a_poll_that_is_full: rows [], requirements [16], clauses [];
    a_user_wake_ends_a_poll: rows [], requirements [12, 13], clauses [];
    a_stream_of_the_users_own: rows [], requirements [12, 13], clauses [];
}

pub(crate) fn poll_numbers<H: Harness>(h: &H) -> Outcome {
    let numbers = [(POLLIN, 1), (POLLOUT, 4), (POLLERR, 8), (POLLHUP, 16), (POLLNVAL, 32)];
    for (events, wanted) in numbers {
        check_eq!(h.api().constant(i32::from(events.bits())), wanted);
    }
    let closed = stream(h)?;
    closed.close()?;
    check_eq!(polled(h, &closed, POLLIN)?.bits(), 32u8);
    Ok(Verdict::Proved)
}

pub(crate) fn registering_again_replaces_the_mask<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    arrived(h, &socket, 1)?;
    let object = socket.poll_ref();
    let mut poll = poll_of(h, &[(object, Some(POLLOUT))])?;
    for mask in [POLLIN, POLLOUT, POLLIN | POLLOUT, POLLIN] {
        h.api().register(&mut poll, object, Some(mask))?;
        let found = h.api().poll(h.net(), &mut poll, Some(0))?;
        check_eq!(found.len(), 1usize);
        check_eq!(found[0].1, mask);
    }
    check_eq!(poll.len(), 1usize);
    Ok(Verdict::Proved)
}

pub(crate) fn the_default_mask_is_in_and_out<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    arrived(h, &socket, 1)?;
    check_eq!(polled(h, &socket, None)?, POLLIN | POLLOUT);
    Ok(Verdict::Proved)
}

pub(crate) fn modify_needs_a_registered_object<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let (other, _peer) = quiet(h)?;
    let mut poll = poll_of(h, &[(socket.poll_ref(), Some(POLLIN))])?;
    check_eq!(h.api().modify(&mut poll, other.poll_ref(), POLLOUT), Err(Error::ENOENT));
    check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    check_eq!(h.api().modify(&mut poll, socket.poll_ref(), POLLOUT), Ok(()));
    check_eq!(h.api().poll(h.net(), &mut poll, Some(0))?.len(), 1usize);
    h.api().unregister(&mut poll, socket.poll_ref());
    check_eq!(h.api().modify(&mut poll, socket.poll_ref(), POLLOUT), Err(Error::ENOENT));
    Ok(Verdict::Proved)
}

pub(crate) fn unregister_is_never_an_error<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let (other, _peer) = quiet(h)?;
    let mut poll = poll_of(h, &[(socket.poll_ref(), Some(POLLOUT))])?;
    h.api().unregister(&mut poll, other.poll_ref());
    check_eq!(h.api().poll(h.net(), &mut poll, Some(0))?.len(), 1usize);
    h.api().unregister(&mut poll, socket.poll_ref());
    h.api().unregister(&mut poll, socket.poll_ref());
    check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    check!(poll.is_empty());
    h.api().register(&mut poll, socket.poll_ref(), Some(POLLOUT))?;
    check_eq!(h.api().poll(h.net(), &mut poll, Some(0))?.len(), 1usize);
    Ok(Verdict::Proved)
}

pub(crate) fn poll_lists_or_times_out<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let object = socket.poll_ref();
    let mut poll = poll_of(h, &[(object, Some(POLLIN))])?;
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(60)));
    check!(found?.is_empty());
    check!(on_time(took, SHORT));
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(0)));
    check!(found?.is_empty());
    check!(took < SHORT);
    h.api().modify(&mut poll, object, POLLIN | POLLOUT)?;
    for ms in [Some(0), Some(5000), Some(-1), None] {
        let found = h.api().poll(h.net(), &mut poll, ms)?;
        check_eq!(found.len(), 1usize);
        check!(found[0].0.same(&object));
        check_eq!(found[0].1, POLLOUT);
    }
    Ok(Verdict::Proved)
}

/// When late data comes, in milliseconds.
const LATE: u32 = 120;

pub(crate) fn poll_without_a_limit_waits<H: Harness>(h: &H) -> Outcome {
    for ms in [None, Some(-1), Some(i32::MIN)] {
        let (socket, _peer) =
            connected_plain(h, &[Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
        let mut poll = poll_of(h, &[(socket.poll_ref(), Some(POLLIN))])?;
        let found = h.api().poll(h.net(), &mut poll, ms)?;
        check_eq!(events_of(&found, socket.poll_ref()), POLLIN);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn poll_returns_in_time<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
    let mut poll = poll_of(h, &[(socket.poll_ref(), Some(POLLIN))])?;
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(5000)));
    check_eq!(events_of(&found?, socket.poll_ref()), POLLIN);
    check!(took <= Duration::from_millis(LATE.into()) + SLACK);
    let (quiet, _peer) = quiet(h)?;
    let mut poll = poll_of(h, &[(quiet.poll_ref(), Some(POLLIN))])?;
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(60)));
    check!(found?.is_empty());
    check!(on_time(took, SHORT));
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_poll_waits<H: Harness>(h: &H) -> Outcome {
    let mut poll = KitPoll::new(h.net());
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(60)));
    check!(found?.is_empty());
    check!(on_time(took, SHORT));
    Ok(Verdict::Proved)
}

pub(crate) fn error_bits_in_a_mask_are_ignored<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    arrived(h, &socket, 1)?;
    check_eq!(polled(h, &socket, POLLERR | POLLHUP | POLLNVAL)?, Events::NONE);
    check_eq!(polled(h, &socket, POLLERR | POLLIN)?, POLLIN);
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_mask_reports_trouble<H: Harness>(h: &H) -> Outcome {
    let fresh = stream(h)?;
    check_eq!(polled(h, &fresh, Events::NONE)?, POLLHUP);
    fresh.close()?;
    check_eq!(polled(h, &fresh, Events::NONE)?, POLLNVAL);
    let refused = starting(h, h.peer().refusing(usocket_core::Family::V4))?;
    becomes(h, &refused, POLLERR)?;
    check_eq!(polled(h, &refused, Events::NONE)?, POLLERR | POLLHUP);
    Ok(Verdict::Proved)
}

pub(crate) fn only_the_ready_in_order_of_registration<H: Harness>(h: &H) -> Outcome {
    let (idle, _peer) = quiet(h)?;
    let (one, _one) = quiet(h)?;
    let (two, _two) = quiet(h)?;
    let fresh = stream(h)?;
    let [idle, one, two, fresh] = [&idle, &one, &two, &fresh].map(Pollable::poll_ref);
    let both = Some(POLLIN | POLLOUT);
    let mut poll = poll_of(h, &[(two, both), (idle, Some(POLLIN)), (fresh, both), (one, both)])?;
    let found = h.api().poll(h.net(), &mut poll, Some(100))?;
    check_eq!(found.len(), 3usize);
    check!(found.iter().zip([two, fresh, one]).all(|((object, _), wanted)| object.same(&wanted)));
    // A new mask keeps the place; registering anew takes the last one.
    h.api().modify(&mut poll, two, POLLOUT)?;
    h.api().unregister(&mut poll, fresh);
    h.api().register(&mut poll, fresh, both)?;
    let found = h.api().poll(h.net(), &mut poll, Some(100))?;
    check!(found.iter().zip([two, one, fresh]).all(|((object, _), wanted)| object.same(&wanted)));
    check_eq!(found.len(), 3usize);
    Ok(Verdict::Proved)
}

pub(crate) fn one_socket_in_several_polls<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Wait(20), Step::Text(b"x"), Step::Hold])?;
    let object = socket.poll_ref();
    let mut input = poll_of(h, &[(object, Some(POLLIN))])?;
    let mut output = poll_of(h, &[(object, Some(POLLOUT))])?;
    let mut again = poll_of(h, &[(object, Some(POLLIN))])?;
    for _ in 0..2 {
        check_eq!(events_of(&h.api().poll(h.net(), &mut output, Some(0))?, object), POLLOUT);
        check_eq!(events_of(&h.api().poll(h.net(), &mut input, Some(5000))?, object), POLLIN);
        check_eq!(events_of(&h.api().poll(h.net(), &mut again, Some(5000))?, object), POLLIN);
    }
    h.api().unregister(&mut input, object);
    drop(input);
    check_eq!(events_of(&h.api().poll(h.net(), &mut again, Some(0))?, object), POLLIN);
    Ok(Verdict::Proved)
}

pub(crate) fn a_poll_that_is_full<H: Harness>(h: &H) -> Outcome {
    let mut sockets = heapless::Vec::<_, POLLED>::new();
    for _ in 0..3 {
        let _ = sockets.push(stream(h)?);
    }
    let mut poll = Poll::<2>::new(h.net());
    poll.register(&sockets[0], POLLIN)?;
    poll.register(&sockets[1], POLLIN)?;
    check_eq!(poll.register(&sockets[2], POLLIN), Err(Error::ENOBUFS));
    check_eq!(poll.register(&sockets[1], POLLOUT), Ok(()));
    poll.unregister(&sockets[0]);
    check_eq!(poll.register(&sockets[2], POLLIN), Ok(()));
    check_eq!(poll.poll(0)?.len(), 2usize);

    let wakes = [const { UserWake::<NoopRawMutex>::new() }; 2];
    let mut poll = Poll::<4, 2>::with_sources(h.net());
    poll.register(&wakes[0], POLLIN)?;
    check_eq!(poll.register(&wakes[1], POLLIN), Err(Error::ENOBUFS));
    Ok(Verdict::Proved)
}

pub(crate) fn a_user_wake_ends_a_poll<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Wait(20), Step::Text(b"x"), Step::Hold])?;
    let wake = UserWake::<NoopRawMutex>::new();
    let mut poll = KitPoll::new(h.net());
    poll.register(&wake, POLLIN)?;
    poll.register(&socket, POLLIN)?;
    check!(poll.poll(0)?.is_empty());
    wake.wake();
    let found = poll.poll(None)?;
    check_eq!(found.events_of(&wake), POLLIN);
    check_eq!(found.len(), 1usize);
    check!(wake.clear());
    let found = poll.poll(None)?;
    check_eq!(found.events_of(&socket), POLLIN);
    check_eq!(found.events_of(&wake), Events::NONE);
    Ok(Verdict::Proved)
}

/// A stream object as a user would write one without interrupts: it has data
/// from a time on, and is looked at each 5 ms.
struct Button {
    from: Cell<Instant>,
}

impl EventSource for Button {
    fn drive(&self, now: Instant) -> Option<Instant> {
        (now < self.from.get()).then(|| now + Duration::from_millis(5))
    }

    fn readiness(&self, _: Handle) -> Events {
        // Its clock is the one that drove it last.
        if self.pending() { POLLIN } else { Events::NONE }
    }

    fn pending(&self) -> bool {
        self.from.get() == Instant::ZERO
    }

    fn register(&self, _: Option<WaitKey>, _: Wait<'_>) -> Result<WaitKey> {
        Ok(WaitKey::new(0))
    }

    fn unregister(&self, _: WaitKey) {}
}

/// A button that is pressed when it is driven at a time.
struct Timed(Button);

impl EventSource for Timed {
    fn drive(&self, now: Instant) -> Option<Instant> {
        let next = self.0.drive(now);
        if next.is_none() {
            self.0.from.set(Instant::ZERO);
        }
        next
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.0.readiness(handle)
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        self.0.register(key, wait)
    }

    fn unregister(&self, key: WaitKey) {
        self.0.unregister(key);
    }
}

pub(crate) fn a_stream_of_the_users_own<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let button = Timed(Button { from: Cell::new(h.now() + SHORT) });
    let object = PollRef::new(&button, Handle::new(0, 0));
    let mut poll = poll_of(h, &[(socket.poll_ref(), Some(POLLIN)), (object, None)])?;
    check!(h.api().poll(h.net(), &mut poll, Some(0))?.is_empty());
    let (found, took) = timed(h, || h.api().poll(h.net(), &mut poll, Some(5000)));
    check_eq!(events_of(&found?, object), POLLIN);
    check!(took <= SHORT + SLACK);
    h.api().modify(&mut poll, socket.poll_ref(), POLLOUT)?;
    check_eq!(h.api().poll(h.net(), &mut poll, Some(0))?.len(), 2usize);
    Ok(Verdict::Proved)
}
