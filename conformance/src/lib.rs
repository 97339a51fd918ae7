//! The contract of usocket as code: what every backend must do, as cases that run on
//! any of them.
//!
//! A backend is right when the cases hold on it. They assert the rows of the behaviour
//! table, the requirements (R) and the clauses of [`usocket_core::spi`] (S). Each case
//! names those that it asserts, so that a run gives an account of each row: proved,
//! unsupported and with which error, or not covered and why.
//!
//! `no_std`, no allocator: the same cases run on a host, in virtual time, as firmware,
//! and against a real modem.
//!
//! **It is not** a test of an application (but [`net`] is the network for one, with
//! faults and scripted peers), not a measurement, and no proof that a network stack
//! speaks TCP well: it looks at sockets from above. Cases need no threads; what only
//! threads can show, such as a close that wakes a blocked call, each backend tests for
//! itself.
//!
//! ```text
//!   cases::visit ---> Case { name, rows, requirements, clauses, run }
//!                       |
//!                       | run(&harness)
//!                       v
//!                    Harness ------------------------+
//!            api() |         | net()                 | peer()
//!                  v         v                       v
//!        Api: calls of     Backend ~~~~ world ~~~~ Peer: scripts of Steps,
//!        the core        under test                Report of what they saw
//!                       |
//!                       v
//!            Proved, Unsupported(error) or Failure { what, file, line }
//!                       |
//!                       v
//!                    Coverage: row by row, for people
//! ```
//!
//! The whole kit on the backend that comes with it, and the account:
//!
//! ```
//! use usocket_conformance::Coverage;
//! use usocket_conformance::net::{MemHarness, Network, Virtual};
//!
//! let network: Network<Virtual> = Network::new(Virtual::new(1));
//! let coverage = Coverage::of(&MemHarness::new(&network)?);
//! println!("{coverage}");
//! assert_eq!(coverage.failed(), 0);
//! # Ok::<(), usocket_core::Error>(())
//! ```
//!
//! # Proving a backend of your own
//!
//! 1. **Write the backend**: [`EventSource`](usocket_core::spi::EventSource) and
//!    [`Backend`](usocket_core::spi::Backend), from the clauses of
//!    [`usocket_core::spi`]. [`net`] is the worked example and says in which order to
//!    read it.
//! 2. **Give it a world**: implement [`Harness`]. [`Caps`] says what the backend can do.
//!    What it cannot is not skipped: the case then asserts the documented error.
//! 3. **Give it another end**: implement [`Peer`], which runs scripts of [`Step`]s on a
//!    host that your backend reaches. If that is a program on a PC, sockets and threads
//!    will do; if it is one in memory, start from [`MemPeer`](net::MemPeer).
//! 4. **Run**: [`Coverage::of`], or [`cases::visit`] to run each case in a world of its
//!    own, as one that fails may leave the next a mess.
//!
//! Keep [`Harness::api`] as it is: it is there so that [`lies`] can break a call of the
//! core. To see that the kit would notice, tell the [`lies`] to your harness.
//!
//! # Why to believe a case
//!
//! A case that cannot fail proves nothing. So each row that a case names is broken on
//! purpose by one of the [`lies`], and the case must fail then, while it holds without;
//! or Rust's types make it impossible to break, and a program that does not compile
//! shows that ([`cases::BY_TYPE`]). `cargo test -p usocket-conformance --test liars --
//! --nocapture` tells all lies and prints which case caught each and by which assertion.
//!
//! # Where to find what
//!
//! | module or type | what |
//! |---|---|
//! | [`cases`] | the cases by section of the behaviour table, [`cases::visit`] |
//! | [`lies`], [`Lie`], [`Liar`] | backends and calls broken on purpose |
//! | [`Harness`], [`Caps`], [`Peer`], [`Step`], [`Report`] | what a case needs of the world |
//! | [`Case`], [`Outcome`], [`Verdict`], [`Failure`] | one case and what came of it |
//! | [`Coverage`], [`Status`] | the account of a run |
//! | [`Api`], [`Honest`] | the calls that the core alone decides |
//! | [`check!`], [`check_eq!`], [`unsupported`], [`Found`] | what cases assert with |
//! | [`pattern`](fn@pattern), [`Digest`] | the bytes that peers send |
//! | [`net`] | the tutorial backend: a network in memory, faults, virtual time |
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod api;
mod by_type;
mod case;
pub mod cases;
mod check;
mod coverage;
mod harness;
mod liar;
pub mod lies;
#[cfg(any(feature = "embedded-nal", feature = "embedded-nal-async", feature = "edge-nal"))]
pub mod nal;
pub mod net;
mod pattern;

pub use api::{Api, Asked, FoundReady, Honest, KitPoll, Lists, POLLED, Tuple};
pub use case::{Case, Failure, Outcome, Row, Verdict};
pub use check::{Found, unsupported};
pub use coverage::{Coverage, ROWS, Status};
pub use harness::{Actor, Caps, End, Harness, MAX_STEPS, Peer, Report, State, Step};
pub use liar::{Liar, Lie};
pub use pattern::{Digest, pattern};
