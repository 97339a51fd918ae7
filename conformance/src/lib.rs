//! The contract of usocket as code.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod case;
pub mod cases;
mod check;
mod harness;
pub mod net;
mod liar;
pub mod lies;
mod pattern;

pub use api::{Api, Asked, Honest, Tuple};
pub use case::{Case, Failure, Outcome, Row, Verdict};
pub use check::{Found, unsupported};
pub use harness::{Actor, Caps, End, Harness, MAX_STEPS, Peer, Report, State, Step};
pub use liar::{Liar, Lie};
pub use pattern::{Digest, pattern};
