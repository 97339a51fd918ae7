//! The programs in the documents for those who come from elsewhere: they compile, and the
//! first pair runs.
#![forbid(unsafe_code)]

/// `docs/migrating.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrating.md")]
struct Migrating;

/// `docs/choosing.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/choosing.md")]
struct Choosing;
