//! The contract of usocket as code.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod case;
mod harness;
mod pattern;

pub use case::{Case, Failure, Outcome, Row, Verdict};
pub use harness::{Actor, Caps, End, Harness, MAX_STEPS, Peer, Report, State, Step};
pub use pattern::{Digest, pattern};
