//! The firmware images on the emulated board. `ci/jobs/boards` builds them and says in
//! `K210_IMAGES` where they are; `ci/jobs/k210` runs what is slow or needs more images too.
//!
//! One binary, as linking takes long.

mod card;
mod conformance;
mod download;
mod emulate;
mod footprint;
mod programs;
mod rates;
mod real;
mod streams;
mod support;
mod tasks;
