//! Lies about section Q: polls, whatever they watch.

use core::time::Duration;

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, PollRef, Result};

use super::{lies, retold};
use crate::cases::poll;
use crate::{Api, FoundReady, Honest, KitPoll, Lie};

lies! {
    api NvalIsSixtyFour breaks [188], caught by poll::poll_numbers;
    api ErrIsTwo breaks [188], caught by poll::poll_numbers;
    api FirstMaskStays breaks [189], caught by poll::registering_again_replaces_the_mask;
    api MasksAddUp breaks [189], caught by poll::registering_again_replaces_the_mask;
    api DefaultIsInput breaks [189], caught by poll::the_default_mask_is_in_and_out;
    api ModifyIsQuiet breaks [190], caught by poll::modify_needs_a_registered_object;
    api ModifyRegisters breaks [190], caught by poll::modify_needs_a_registered_object;
    api UnregisterTakesAnother breaks [191], caught by poll::unregister_is_never_an_error;
    api UnregisterDoesNothing breaks [191], caught by poll::unregister_is_never_an_error;
    api PollZeroWaits breaks [192], caught by poll::poll_lists_or_times_out;
    api NegativePollIsZero breaks [192], caught by poll::poll_without_a_limit_waits;
    api PollForEverIsShort breaks [192], caught by poll::poll_without_a_limit_waits;
    api PollSleepsItOut breaks [193], caught by poll::poll_returns_in_time;
    api PollTakesHalfTheTime breaks [193], caught by poll::poll_returns_in_time;
    api EmptyPollReturnsAtOnce breaks [193], caught by poll::an_empty_poll_waits;
    api HupAsksForAll breaks [205], caught by poll::error_bits_in_a_mask_are_ignored;
    api EmptyMaskIsSilent breaks [205], caught by poll::an_empty_mask_reports_trouble;
    api PollListsLastFirst breaks [206], caught by poll::only_the_ready_in_order_of_registration;
    api PollListsTheIdle breaks [206], caught by poll::only_the_ready_in_order_of_registration;
    backend ReadinessShownOnce breaks [206], caught by poll::one_socket_in_several_polls;
}

retold! {
    api NvalIsSixtyFour: constant { 32 => 64 }
    api ErrIsTwo: constant { 8 => 2 }
}

/// `register` by a rule of the lie's own.
macro_rules! registering {
    ($lie:ident, |$poll:ident, $object:ident, $mask:ident| $body:expr) => {
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn register<'p>(
                &self,
                $poll: &mut KitPoll<'p>,
                $object: PollRef<'p>,
                $mask: Option<Events>,
            ) -> Result<()> {
                $body
            }
        }
    };
}

registering!(FirstMaskStays, |poll, object, mask| {
    // Only what is registered can be modified: so it is known.
    match poll.len() {
        0 => poll.register(object, mask),
        _ => Ok(()),
    }
});

registering!(MasksAddUp, |poll, object, mask| match poll.len() {
    0 => poll.register(object, mask),
    _ => poll.register(object, POLLIN | POLLOUT),
});

registering!(DefaultIsInput, |poll, object, mask| poll.register(object, mask.or(Some(POLLIN))));

registering!(HupAsksForAll, |poll, object, mask| match mask {
    Some(mask) if mask.intersects(POLLERR | POLLHUP | POLLNVAL) => poll.register(object, None),
    _ => poll.register(object, mask),
});

registering!(EmptyMaskIsSilent, |poll, object, mask| match mask {
    Some(Events::NONE) => Ok(()),
    _ => poll.register(object, mask),
});

/// `modify` by a rule of the lie's own.
macro_rules! modifying {
    ($lie:ident, |$poll:ident, $object:ident, $mask:ident| $body:expr) => {
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn modify<'p>(
                &self,
                $poll: &mut KitPoll<'p>,
                $object: PollRef<'p>,
                $mask: Events,
            ) -> Result<()> {
                $body
            }
        }
    };
}

modifying!(ModifyIsQuiet, |poll, object, mask| match poll.modify(object, mask) {
    Err(Error::ENOENT) => Ok(()),
    answer => answer,
});

modifying!(ModifyRegisters, |poll, object, mask| poll.register(object, mask));

#[derive(Default)]
struct UnregisterTakesAnother;

impl<B: Backend> Api<B> for UnregisterTakesAnother {
    fn unregister<'p>(&self, poll: &mut KitPoll<'p>, object: PollRef<'p>) {
        let known = poll.modify(object, POLLOUT).is_ok();
        let first = poll.poll(0).ok().and_then(|found| found.iter().next());
        match first {
            Some(ready) if !known => poll.unregister(ready.object()),
            _ => poll.unregister(object),
        }
    }
}

#[derive(Default)]
struct UnregisterDoesNothing;

impl<B: Backend> Api<B> for UnregisterDoesNothing {
    fn unregister<'p>(&self, _: &mut KitPoll<'p>, _: PollRef<'p>) {}
}

/// `poll` with other milliseconds or another answer.
macro_rules! polling {
    ($lie:ident, |$net:ident, $poll:ident, $ms:ident| $body:expr) => {
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn poll<'p>(
                &self,
                $net: &B,
                $poll: &mut KitPoll<'p>,
                $ms: Option<i32>,
            ) -> Result<FoundReady<'p>> {
                $body
            }
        }
    };
}

polling!(PollZeroWaits, |net, poll, ms| {
    Honest.poll(net, poll, if ms == Some(0) { Some(100) } else { ms })
});

polling!(NegativePollIsZero, |net, poll, ms| Honest.poll(net, poll, ms.map(|ms| ms.max(0))));

polling!(PollForEverIsShort, |net, poll, ms| {
    Honest.poll(net, poll, ms.filter(|ms| *ms >= 0).or(Some(50)))
});

polling!(PollSleepsItOut, |net, poll, ms| {
    let until = net.platform().now() + Duration::from_millis(ms.unwrap_or(0).unsigned_abs().into());
    while net.platform().now() < until {
        let next = net.drive(net.platform().now());
        net.platform().idle(usocket_core::earlier(next, Some(until)), &mut || false);
    }
    Honest.poll(net, poll, Some(0))
});

polling!(PollTakesHalfTheTime, |net, poll, ms| Honest.poll(net, poll, ms.map(|ms| ms / 2)));

polling!(EmptyPollReturnsAtOnce, |net, poll, ms| {
    Honest.poll(net, poll, if poll.is_empty() { Some(0) } else { ms })
});

polling!(PollListsLastFirst, |net, poll, ms| {
    let mut found = Honest.poll(net, poll, ms)?;
    found.reverse();
    Ok(found)
});

polling!(PollListsTheIdle, |net, poll, ms| {
    let mut found = Honest.poll(net, poll, ms)?;
    if let Some(&(object, _)) = found.first() {
        let _ = found.push((object, Events::NONE));
    }
    Ok(found)
});

/// Tells of input once, to whoever asks first.
#[derive(Default)]
struct ReadinessShownOnce(core::cell::Cell<u32>);

impl<B: Backend> Lie<B> for ReadinessShownOnce {
    fn readiness(&self, net: &B, handle: Handle) -> Events {
        let events = net.readiness(handle);
        if events.contains(POLLIN) {
            self.0.set(self.0.get() + 1);
            if self.0.get() > 1 {
                return (events & !POLLIN) | POLLERR;
            }
        }
        events
    }
}
