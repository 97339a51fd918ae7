//! The contract of usocket as code.
#![no_std]
#![forbid(unsafe_code)]
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
pub mod net;
mod pattern;

pub use api::{Api, Asked, FoundReady, Honest, KitPoll, Lists, POLLED, Tuple};
pub use case::{Case, Failure, Outcome, Row, Verdict};
pub use check::{Found, unsupported};
pub use coverage::{Coverage, ROWS, Status};
pub use harness::{Actor, Caps, End, Harness, MAX_STEPS, Peer, Report, State, Step};
pub use liar::{Liar, Lie};
pub use pattern::{Digest, pattern};
