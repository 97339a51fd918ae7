//! A K210.

pub(crate) mod clock;
mod start;
