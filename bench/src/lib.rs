//! Side-by-side measurements: ours and a peer's, in one run, as ratios.
//!
//! Timed ratios depend on the machine and are reported; counts of system calls
//! and instructions do not, and are checked. See the readme.

pub mod adapters;
pub mod clock;
pub mod counts;
pub mod esp8285_suite;
pub mod gates;
pub mod machine;
pub mod pairs;
pub mod smoltcp_suite;
pub mod stats;
pub mod std_suite;
pub mod table;
