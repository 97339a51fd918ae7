//! The conformance kit as firmware: the smoltcp backend and a peer of the same kind, a wire
//! between them, under virtual time.
//!
//! The world is that of the backend's own tests, taken from their folder, so that an image
//! runs what the host runs. It needs an allocator; the backend does not.
#![no_std]
#![forbid(unsafe_code)]

mod run;
#[path = "../../../../backend-smoltcp/tests/support"]
#[allow(dead_code, reason = "made for several tests, of which each uses a part")]
mod support {
    pub(crate) extern crate alloc;

    /// Here no frames are kept: there is no file system.
    pub(crate) mod keep {
        pub(crate) type Kept<D> = D;

        pub(crate) fn kept<D>(device: D) -> Kept<D> {
            device
        }
    }
    pub(crate) mod names;
    pub(crate) mod script;
    pub(crate) mod wire;
    pub(crate) mod world;

    /// All memory is where it fits.
    pub(crate) fn roomy(test: impl FnOnce() + Send) {
        test();
    }
}

#[cfg(feature = "dns")]
pub use run::whole_kit;
#[cfg(not(feature = "dns"))]
pub use run::{Ours, Theirs, part_of_kit};
pub use usocket_backend_smoltcp::smoltcp::phy::Medium;
