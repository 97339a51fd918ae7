//! `select`: three lists in, three lists out (rows 211, 212).

use super::{Poll, Pollable};
use crate::spi::Backend;
use crate::{
    Error, Events, IntoTimeout, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result, Timeout,
};

/// What [`select`] found: positions in the three lists it was given, or, for
/// an object in trouble that was not in the third, its position in the list
/// where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected<const N: usize> {
    /// Positions in `r` of what can be received from.
    pub readable: heapless::Vec<usize, N>,
    /// Positions in `w` of what can be sent to.
    pub writable: heapless::Vec<usize, N>,
    /// What is in trouble (ERR, HUP or NVAL), whether asked for or not.
    pub exceptional: heapless::Vec<Place, N>,
}

/// Where an object stood in the arguments of [`select`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this position in the first list.
    Read(usize),
    /// At this position in the second list.
    Write(usize),
    /// At this position in the third list.
    Except(usize),
}

impl<const N: usize> Selected<N> {
    /// Whether the time ran out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readable.is_empty() && self.writable.is_empty() && self.exceptional.is_empty()
    }
}

/// Waits until an object of `r` can be received from, one of `w` sent to, or any
/// is in trouble, at most `timeout`: seconds as a number, a `Duration`, or `None`
/// for ever. A negative number waits for ever too (row 211).
///
/// An object that is listed twice is reported once. At most `N` objects.
///
/// # Errors
/// `ENOBUFS`: more than `N` objects. `EINVAL`: a timeout that is NaN or infinite.
pub fn select<'p, const N: usize, B: Backend + ?Sized>(
    net: &'p B,
    r: &[&dyn Pollable<'p>],
    w: &[&dyn Pollable<'p>],
    x: &[&dyn Pollable<'p>],
    timeout: impl SelectTimeout,
) -> Result<Selected<N>> {
    let mut poll = Poll::<'p, N, 4>::new(net);
    let places = || {
        let r = r.iter().enumerate().map(|(at, object)| (Place::Read(at), POLLIN, *object));
        let w = w.iter().enumerate().map(|(at, object)| (Place::Write(at), POLLOUT, *object));
        let x = x.iter().enumerate().map(|(at, object)| (Place::Except(at), Events::NONE, *object));
        r.chain(w).chain(x)
    };
    for (_, mask, object) in places() {
        let before = places().filter(|(_, _, other)| other.poll_ref().same(&object.poll_ref()));
        let all = before.fold(mask, |all, (_, mask, _)| all | mask);
        poll.register(object, all)?;
    }
    let ready = poll.poll(timeout.into_ms()?)?;
    let mut found = Selected {
        readable: heapless::Vec::new(),
        writable: heapless::Vec::new(),
        exceptional: heapless::Vec::new(),
    };
    for ready in ready.iter() {
        let mut own =
            places().filter(|(_, _, object)| ready.is(*object)).map(|(place, _, _)| place);
        let first = own.clone().next();
        if ready.events.intersects(POLLIN)
            && let Some(Place::Read(at)) = own.clone().find(|place| matches!(place, Place::Read(_)))
        {
            found.readable.push(at).map_err(|_| Error::ENOBUFS)?;
        }
        if ready.events.intersects(POLLOUT)
            && let Some(Place::Write(at)) =
                own.clone().find(|place| matches!(place, Place::Write(_)))
        {
            found.writable.push(at).map_err(|_| Error::ENOBUFS)?;
        }
        if ready.events.intersects(POLLERR | POLLHUP | POLLNVAL)
            && let Some(place) = own.find(|place| matches!(place, Place::Except(_))).or(first)
        {
            found.exceptional.push(place).map_err(|_| Error::ENOBUFS)?;
        }
    }
    Ok(found)
}

/// What [`select`] takes as a timeout: seconds as `f64` or `i32`, of which negative
/// ones wait for ever, a `Duration`, or `None`. Longer than 24.8 days counts as 24.8 days.
pub trait SelectTimeout {
    /// Milliseconds for a poll, rounded up.
    fn into_ms(self) -> Result<Option<i32>>;
}

macro_rules! select_timeouts {
    ($($type:ty: $negative:expr;)*) => {$(
        impl SelectTimeout for $type {
            fn into_ms(self) -> Result<Option<i32>> {
                let negative: fn(&$type) -> bool = $negative;
                if negative(&self) {
                    return Ok(None);
                }
                Ok(match self.into_timeout()? {
                    Timeout::Never => None,
                    Timeout::Zero => Some(0),
                    after @ Timeout::After(_) => Some(i32::try_from(after.to_raw()).unwrap_or(i32::MAX)),
                })
            }
        }
    )*};
}
select_timeouts! {
    f64: |seconds| *seconds < 0.0;
    i32: |seconds| *seconds < 0;
    core::time::Duration: |_| false;
    Option<core::time::Duration>: |_| false;
}
