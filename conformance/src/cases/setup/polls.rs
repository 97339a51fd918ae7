//! Polls of the kit.

use usocket_core::{Events, POLLIN, PollRef, Pollable, Result};

use super::Sock;
use crate::{Harness, KitPoll};

/// A poll for the objects and masks.
pub(crate) fn poll_of<'p, H: Harness>(
    h: &'p H,
    objects: &[(PollRef<'p>, Option<Events>)],
) -> Result<KitPoll<'p>> {
    let mut poll = KitPoll::new(h.net());
    for &(object, mask) in objects {
        h.api().register(&mut poll, object, mask)?;
    }
    Ok(poll)
}

/// A poll for `POLLIN` of one socket.
pub(crate) fn watch<'h, H: Harness>(h: &'h H, socket: &Sock<'h, H>) -> Result<KitPoll<'h>> {
    poll_of(h, &[(socket.poll_ref(), Some(POLLIN))])
}

/// The events that a poll finds true of one socket, without waiting.
pub(crate) fn polled<'h, H: Harness>(
    h: &'h H,
    socket: &Sock<'h, H>,
    mask: impl Into<Option<Events>>,
) -> Result<Events> {
    let mut poll = poll_of(h, &[(socket.poll_ref(), mask.into())])?;
    let found = h.api().poll(h.net(), &mut poll, Some(0))?;
    Ok(events_of(&found, socket.poll_ref()))
}

/// The events of one object among those found.
pub(crate) fn events_of(found: &[(PollRef<'_>, Events)], object: PollRef<'_>) -> Events {
    found.iter().find(|(other, _)| other.same(&object)).map_or(Events::NONE, |(_, events)| *events)
}
