//! The interface between the API and its backends, for its two readers.
//!
//! # For users
//!
//! You do not call this module. You name one of its types in two places: a
//! [`Platform`] tells a bare-metal backend the time and how to sleep, and
//! [`Backend`] bounds a generic function, `fn fetch<B: Backend>(net: &B)`. Implement
//! [`EventSource`] if you want to poll a thing of your own (a UART, a button)
//! together with sockets.
//!
//! # For backend authors
//!
//! Implement [`EventSource`] and [`Backend`]; optionally [`PollSets`]. Then run
//! the conformance kit (`usocket-conformance`), whose tutorial backend is the
//! worked example. *Must*, *may* and *must not* below are the contract; the kit's
//! cases name the clause they prove.
//!
//! ## Waiting
//! - **S1** No method of [`Backend`] waits, except [`wait`](Backend::wait) and
//!   those named `*_wait`. An operation succeeds, fails, or answers `EAGAIN`.
//! - **S2** Every method takes `&self` and locks for a short, bounded time. It
//!   must not hold a lock while it calls the user's code: a waker, a closure
//!   passed to it, or [`Platform::idle`]. A waker taken out is dropped after the
//!   release, too.
//! - **S3** [`drive`](EventSource::drive) does a bounded amount of work: it moves
//!   bytes between the wire and the sockets, runs timers that are due at `now`,
//!   and wakes the waiters that became ready or overdue, after releasing its
//!   lock. It returns when it wants to run again without new input, `None` is
//!   never: the earliest of its own timers, the bounds of lingering sockets, and
//!   the deadlines of waiters. Several contexts may drive one backend; calls that do
//!   not wait drive it too, so it must be cheap when there is nothing to do.
//! - **S4** [`pending`](EventSource::pending) is true whenever `drive` would make
//!   progress now: input waits; an operation queued work or made a waiter due; the
//!   last `drive` stopped at its bound; or what it returned is too late since then,
//!   as a waiter registered with an earlier deadline
//!   ([`WakerTable::sooner`]). Callers never idle while it is true, so it must be
//!   false after a `drive` that did all there was: one that stays true is a busy
//!   loop. It must be cheap; a platform may call it with interrupts masked. Where
//!   the device below cannot be asked without taking its input, give the interrupt
//!   handler a method that sets a flag, which `drive` clears before it looks, and
//!   fires [`Handle::WORK`]; without one, return `now + interval` from `drive`.
//! - **S5** Readiness is level-triggered and true: after `POLLIN` a receive or
//!   accept does not answer `EAGAIN`, after `POLLOUT` a send takes at least one
//!   byte (row 210), unless another caller was faster. While ERR, HUP or NVAL is
//!   true no operation answers `EAGAIN`: whoever waits would spin.
//! - **S6** [`register`](EventSource::register) keeps the waker until it fired
//!   once, was unregistered, or its deadline passed (then it fires). It fires
//!   when any of the asked events, or ERR, HUP or NVAL, is true. Registering for
//!   an event that is true already must fire at the next `drive` at the latest,
//!   or at once. Any number of waiters may wait on one socket and direction, up
//!   to the size of the backend's table; one more is `ENOBUFS`.
//! - **S7** Closing a handle fires its waiters, and those on `ANY`, at once or at
//!   the next `drive` (R11). They find `EBADF`. `end_query` is a close.
//! - **S8** [`Handle::WORK`] fires when `pending` becomes true, at once and from
//!   wherever that happens: an operation, `register`, an interrupt handler, a
//!   thread that brings input. A runner and every sleeping thread depend on it:
//!   until somebody drives, input makes nobody ready. [`Handle::ANY`] fires when
//!   any socket or query may have gained a bit of readiness since the registration,
//!   by `drive` or by an operation; it may fire without need, but not without end: a
//!   drive that changed nothing must not fire it.
//!   A flag does: set wherever bytes, room, a connection, an answer, an error or a
//!   close arrives, cleared when those who wait on `ANY` are taken out. To compare
//!   with the readiness of the last `drive` does not: a bit may have gone and come
//!   back in between. Neither takes a deadline or events into account.
//!
//! ## Handles
//! - **S9** A handle is a slot and a generation. A handle whose socket was closed
//!   answers `EBADF` to every operation and `POLLNVAL` to `readiness`, for ever;
//!   it must never reach a newer socket in the same slot (at least 65,536
//!   generations per slot).
//! - **S10** `open` fails with `ENOMEM` when no slot is free; an operation that
//!   needs a buffer, link or table entry fails with `ENOBUFS`. A host passes
//!   `EMFILE` and `ENFILE` on. Nothing panics on exhaustion. What a failed call
//!   took it gives back.
//!
//! ## Streams
//! - **S11** `try_send` takes at least one byte or answers `EAGAIN`; it never
//!   answers `Ok(0)` for a non-empty slice. Bytes taken are sent in order, also
//!   after `close`, within the linger bound (R9). A slice of 0 bytes on a
//!   connected stream is `Ok(0)`.
//! - **S12** `try_recv` gives at least one byte; `Ok(0)` for a non-empty buffer
//!   is the end of the stream and stays so for ever. An empty buffer gives
//!   `Ok(0)` at once on a connected stream and consumes nothing (row 121).
//! - **S13** Everything received before FIN or RST is readable first (R1). A
//!   reset is reported once, as `ECONNRESET`; after it comes end of stream for
//!   the receive family and `EPIPE` for the send family (rows 99, 120). So is any
//!   error found after a send was accepted (`ECONNABORTED`, `EIO`, `ENETDOWN`): it
//!   is pending, shows as ERR, and goes to the first of receive (after the bytes
//!   before it), send and `take_error` (peeking does not clear it).
//! - **S14** A stream that was never connected answers `EPIPE` to sends (row 96)
//!   and `ENOTCONN` to receives (row 115); while its connect is pending both
//!   answer `EAGAIN` (row 87).
//! - **S15** `try_connect` answers `Ok` only if the stream is connected when it
//!   returns, `EINPROGRESS` when it was started, `EALREADY` while one is pending,
//!   `EISCONN` when connected or listening, else why it cannot start. The
//!   outcome of a started connect is fetched, once, by
//!   [`connect_result`](Backend::connect_result) or
//!   [`take_error`](Backend::take_error) or the next receive, send or connect
//!   (row 88). From then on, as for a stream that never tried, `connect_result` is
//!   `ENOTCONN` and readiness that of a fresh stream; on a connected one `Ok`.
//!   A failed stream may be connected again. Where the wire cannot take a
//!   connect back (a command in flight), `close` releases the handle at once and
//!   the link lingers.
//! - **S16** Accept has two phases inside: a pending connection takes an entry
//!   of the backlog and no data buffer where the wire allows; buffers are leased
//!   when `try_accept` returns it. Where none is free `try_accept` answers
//!   `ENOBUFS` and the connection stays pending.
//! - **S17** `close` releases the handle at once and finishes in the background:
//!   queued bytes, FIN, TIME-WAIT. With unread received data, or after linger 0,
//!   it resets instead (rows 148, 218). Closing a listener resets the
//!   connections nobody accepted (row 68). What is not done within the linger
//!   bound ([`DEFAULT_LINGER`](crate::DEFAULT_LINGER) or `SO_LINGER`) is aborted;
//!   [`lingering`](Backend::lingering) counts what is not done yet, TIME-WAIT
//!   excepted, and its buffers count as taken.
//!
//! ## Datagrams
//! - **S18** One receive consumes one datagram, also with an empty buffer; what
//!   does not fit is discarded and [`RecvInfo::full_len`] tells the full length.
//!   An empty datagram is received as 0 bytes and is not an end of stream.
//! - **S19** A datagram is sent whole or refused with `EMSGSIZE`. At least four
//!   received ones are queued; when full the newest is dropped.
//!
//! ## Errors
//! - **S20** An operation answers only the kinds that the table in
//!   [`op`](crate::op) lists for it. What the backend cannot do at all is
//!   `EOPNOTSUPP`, an option it cannot offer `ENOPROTOOPT`, a family
//!   `EAFNOSUPPORT`. It must not pretend.
//! - **S21** The core checks numbers, texts, families and ports before it calls;
//!   a backend may rely on it: an address has the socket's family, `try_connect`
//!   and `try_send_to` never see port 0.
//!
//! ## Cancellation
//! - **S22** Between two calls nothing of the caller's is borrowed: a caller
//!   that stops calling leaves a defined state. What is in flight on the wire
//!   belongs to the backend and runs to its end in `drive` (P8).
//! - **S23** `end_query` frees a query at any time, answered or not.

mod backend;
mod handle;
mod option;
mod platform;
mod sets;
mod source;
#[cfg(feature = "std")]
mod std_platform;
mod wakers;

pub use crate::wait::{nap, park, wait_until};
pub use backend::{
    Answer, Backend, Link, MAX_ADDRESSES, MAX_NAME, RecvFlags, RecvInfo, Shutdown, SockType,
};
pub use handle::{Handle, HandleTable};
pub use option::{DeviceName, Group, Opt, OptName};
pub use platform::Platform;
pub use sets::{PollSets, SetId};
pub use source::{AsSource, EventSource, Origin, Wait, WaitKey};
#[cfg(feature = "std")]
pub use std_platform::StdPlatform;
pub use wakers::{WakerTable, Woken};
