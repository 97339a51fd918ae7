//! Lies about the five outcomes (R2): one call form, or one end, differs.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, MSG_PEEK, Result};

use super::retold::EMPTY;
use super::{lies, retold};
use crate::Lie;
use crate::cases::outcomes;

lies! {
    backend EndOfInfoWouldBlock breaks [114], caught by outcomes::end_of_stream_in_every_form;
    backend EndOnlyThrice breaks [113], caught by outcomes::end_of_stream_in_every_form;
    api EndOfReadIsNothing breaks [], caught by outcomes::end_of_stream_in_every_form;
    backend InfoOfResetIsTheEnd breaks [120], caught by outcomes::reset_in_every_form;
    backend ResetIsAborted breaks [120], caught by outcomes::reset_in_every_form;
    backend InfoIsEmptyAtOnce breaks [136], caught by outcomes::timeout_in_every_form;
    api ReadOfNothingIsNone breaks [118], caught by outcomes::timeout_in_every_form;
    api PeekNeverWaits breaks [118], caught by outcomes::timeout_in_every_form;
    api LineOfNothingIsTheEnd breaks [117], caught by outcomes::would_block_in_every_form;
    backend InfoIsEmptyAtOnce breaks [136], caught by outcomes::would_block_in_every_form;
    backend ClosedInfoIsTheEnd breaks [116], caught by outcomes::local_close_in_every_form;
    backend ClosedIsReset breaks [116], caught by outcomes::local_close_in_every_form;
}

retold! {
    backend EndOfInfoWouldBlock: try_recv_info { Ok(RecvInfo { len: 0, .. }) => Err(Error::EAGAIN) }
    backend InfoOfResetIsTheEnd: try_recv_info { Err(Error::ECONNRESET) => Ok(EMPTY) }
    backend InfoIsEmptyAtOnce: try_recv_info { Err(Error::EAGAIN) => Ok(EMPTY) }
    backend ClosedInfoIsTheEnd: try_recv_info { Err(Error::EBADF) => Ok(EMPTY) }
    backend ResetIsAborted: try_recv { Err(Error::ECONNRESET) => Err(Error::ECONNABORTED) }
    backend ClosedIsReset: try_recv { Err(Error::EBADF) => Err(Error::ECONNRESET) }
    api ReadOfNothingIsNone: read { Err(Error::ETIMEDOUT) => Ok(None) }
    api PeekNeverWaits: recv_flags(buf, flags) {
        Err(Error::ETIMEDOUT) if flags & MSG_PEEK != 0 => Err(Error::EAGAIN)
    }
    api EndOfReadIsNothing: read { Ok(Some(0)) => Ok(None) }
    api LineOfNothingIsTheEnd: readline { Ok(None) => Ok(Some(0)) }
}

#[derive(Default)]
struct EndOnlyThrice {
    told: Cell<u8>,
}

impl<B: Backend> Lie<B> for EndOnlyThrice {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        if answer == Ok(0) && !buf.is_empty() {
            self.told.set(self.told.get() + 1);
            if self.told.get() > 3 {
                return Err(Error::ENOTCONN);
            }
        }
        answer
    }
}
