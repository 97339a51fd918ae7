//! Lies about section Q: `ipoll`.

use usocket_core::spi::Backend;
use usocket_core::{Events, ONE_SHOT, Result};

use super::lies;
use crate::cases::ipoll;
use crate::{Api, FoundReady, Honest, KitPoll};

lies! {
    api YieldsOnlyOne breaks [207], caught by ipoll::ipoll_yields_what_poll_lists;
    api YieldsNoEvents breaks [207], caught by ipoll::ipoll_yields_what_poll_lists;
    api OneShotIgnored breaks [208], caught by ipoll::one_shot_disarms_what_was_yielded;
    api AlwaysOneShot breaks [208], caught by ipoll::one_shot_disarms_what_was_yielded;
    api OneShotForAll breaks [208], caught by ipoll::one_shot_keeps_what_was_not_yielded;
    api OneShotForgets breaks [209], caught by ipoll::a_disarmed_object_reports_trouble;
}

/// `ipoll` by a rule of the lie's own.
macro_rules! yielding {
    ($($lie:ident: |$poll:ident, $ms:ident, $flags:ident, $count:ident| $body:expr;)*) => {$(
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn ipoll<'p>(
                &self,
                $poll: &mut KitPoll<'p>,
                $ms: Option<i32>,
                $flags: u32,
                $count: usize,
            ) -> Result<FoundReady<'p>> {
                $body
            }
        }
    )*};
}

yielding! {
    YieldsOnlyOne: |poll, ms, flags, _count| Api::<B>::ipoll(&Honest, poll, ms, flags, 1);
    YieldsNoEvents: |poll, ms, flags, count| {
        let mut found = Api::<B>::ipoll(&Honest, poll, ms, flags, count)?;
        found.iter_mut().for_each(|(_, events)| *events = Events::NONE);
        Ok(found)
    };
    OneShotIgnored: |poll, ms, _flags, count| Api::<B>::ipoll(&Honest, poll, ms, 0, count);
    AlwaysOneShot: |poll, ms, _flags, count| Api::<B>::ipoll(&Honest, poll, ms, ONE_SHOT, count);
    OneShotForAll: |poll, ms, flags, count| {
        let mut found = Api::<B>::ipoll(&Honest, poll, ms, flags, usize::MAX)?;
        found.truncate(count);
        Ok(found)
    };
    OneShotForgets: |poll, ms, flags, count| {
        let found = Api::<B>::ipoll(&Honest, poll, ms, flags, count)?;
        if flags == ONE_SHOT {
            found.iter().for_each(|(object, _)| poll.unregister(object));
        }
        Ok(found)
    };
}
