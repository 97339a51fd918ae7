//! Other people's drivers on the simulated modem, in virtual time.
//!
//! One for now: the crate `esp-at-nal` 0.5 on `atat` 0.24, unmodified. It shows that the
//! simulator speaks as somebody else expects, and it is what a bench compares with.
//!
//! These drivers wait by asking for the time again and again. So the clock is where virtual
//! time passes: each look at it takes [`Setup::turn`], or less if something happens before,
//! and what has come by then is handed to the driver as an interrupt handler would do it.
//! Apart from that the driver's own work takes no time, as in the bench of our own driver.
//!
//! ```
//! use esp8285_sim_peers::{Setup, download};
//!
//! let report = download::<1024, 1024>(&Setup::default(), 1, 4096)?;
//! assert_eq!(report.bytes, 4096);
//! # Ok::<(), esp8285_sim_peers::Failure>(())
//! ```
#![forbid(unsafe_code)]

mod clock;
mod esp_at_nal;
mod setup;

pub use esp_at_nal::{download, echo, upload};
pub use setup::{Failure, Report, Setup, content};
