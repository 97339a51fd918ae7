//! Cases for the community's network traits on a backend (features `embedded-nal`,
//! `embedded-nal-async`, `edge-nal`).
//!
//! [`usocket_core::nal`] implements the traits once; these cases show that each keeps its
//! contract on the backend of the harness: the outcomes of a read told apart as far as the
//! trait can, a lossless close, addresses, names, and the documented error for what the
//! backend has not. They use the traits alone, and the names of the sockets only to come at
//! what a trait does not tell.
//!
//! | module | traits |
//! |---|---|
//! | `asynch` | `embedded_nal_async` 0.9 |
//! | `edge` | `edge_nal` 0.7 |
//! | `nb` | `embedded_nal` 0.9 |
//! | `cancel` | futures of both async ones, dropped at their await points (R15) |

#[cfg(feature = "embedded-nal-async")]
mod asynch;
#[cfg(feature = "nal")]
mod cancel;
#[cfg(feature = "edge-nal")]
mod edge;
#[cfg(feature = "edge-nal")]
mod edge_udp;
mod lookup;
#[cfg(feature = "embedded-nal")]
mod nb;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod setup;

#[cfg(feature = "nal")]
pub use self::cancel::dropped_futures;
use crate::{Case, Harness};

/// Shows all cases of the traits whose features are on.
pub fn visit<H: Harness>(each: &mut dyn FnMut(&Case<H>)) {
    #[cfg(feature = "embedded-nal-async")]
    asynch::visit(each);
    #[cfg(feature = "edge-nal")]
    edge::visit(each);
    #[cfg(feature = "edge-nal")]
    edge_udp::visit(each);
    #[cfg(feature = "embedded-nal")]
    nb::visit(each);
}
