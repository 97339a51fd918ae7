//! The firmware images on the emulated board. `ci/jobs/k210` builds them and says in
//! `K210_IMAGES` where they are.
//!
//! One binary, as linking takes long.

mod conformance;
mod download;
mod footprint;
mod programs;
mod rates;
mod real;
mod streams;
mod support;
