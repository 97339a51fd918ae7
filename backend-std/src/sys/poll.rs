//! poll(2): the readiness of one or two descriptors.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, Result};
use usocket_core::{Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};

use super::AsDescriptor;

/// Waits for `events` on one descriptor, up to `timeout`; `EINTR` ends it early.
pub(crate) fn poll(
    fd: &impl AsDescriptor,
    events: Events,
    timeout: Option<Duration>,
) -> Result<Events> {
    let mut fds = [PollFd::new(fd, flags(events))];
    run(&mut fds, timeout)?;
    Ok(bits(fds[0].revents()))
}

/// As [`poll`], and ends when `wake` becomes readable.
#[cfg(target_os = "linux")]
pub(crate) fn poll_pair(
    fd: &impl AsDescriptor,
    events: Events,
    wake: &impl AsDescriptor,
    timeout: Option<Duration>,
) -> Result<Events> {
    let mut fds = [PollFd::new(fd, flags(events)), PollFd::new(wake, PollFlags::IN)];
    run(&mut fds, timeout)?;
    Ok(bits(fds[0].revents()))
}

fn run(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<()> {
    // A timeout beyond what the system can express is none.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match rustix::event::poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) fn flags(events: Events) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, events.contains(POLLIN));
    flags.set(PollFlags::OUT, events.contains(POLLOUT));
    flags
}

pub(super) fn bits(flags: PollFlags) -> Events {
    let mut events = Events::NONE;
    for (flag, event) in [
        (PollFlags::IN, POLLIN),
        (PollFlags::OUT, POLLOUT),
        (PollFlags::ERR, POLLERR),
        (PollFlags::HUP, POLLHUP),
        (PollFlags::NVAL, POLLNVAL),
    ] {
        if flags.contains(flag) {
            events |= event;
        }
    }
    events
}
