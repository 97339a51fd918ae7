//! The board's clock and sleep.

use std::sync::Arc;
use std::task::Waker;

use usocket_core::Instant;
use usocket_core::spi::{Platform, StdPlatform};

use crate::wire::Wire;

/// A [`Platform`] on this machine's clock, whose sleep ends when a frame is there for the
/// [`Port`](crate::Port).
#[derive(Clone, Debug)]
pub struct Board {
    wire: Arc<Wire>,
}

impl Board {
    pub(crate) fn new(wire: Arc<Wire>) -> Self {
        Self { wire }
    }
}

impl Platform for Board {
    fn now(&self) -> Instant {
        StdPlatform.now()
    }

    fn seed(&self) -> u64 {
        StdPlatform.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if let Some(waker) = StdPlatform.waker() {
            self.wire.wake_for_frame(&waker);
        }
        StdPlatform.idle(until, &mut || self.wire.board_has_frame() || ready());
    }

    fn waker(&self) -> Option<Waker> {
        StdPlatform.waker()
    }
}
