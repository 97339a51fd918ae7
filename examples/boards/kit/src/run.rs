//! Cases one by one.

#[cfg(not(feature = "dns"))]
mod part;
#[cfg(feature = "dns")]
mod whole;

#[cfg(not(feature = "dns"))]
pub use part::{Ours, Theirs, part_of_kit};
#[cfg(feature = "dns")]
pub use whole::whole_kit;
