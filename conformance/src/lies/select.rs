//! Lies about section Q: `select`.

use usocket_core::spi::Backend;
use usocket_core::{Place, Pollable, Result, Selected};

use super::lies;
use crate::cases::select;
use crate::{Api, Honest, Lists, POLLED};

lies! {
    api SwapsTheLists breaks [211], caught by select::select_sorts_into_three_lists;
    api AsksForReadingOnly breaks [211], caught by select::select_sorts_into_three_lists;
    api MillisecondsForSeconds breaks [211], caught by select::select_waits_for_seconds;
    api NegativeIsNow breaks [211], caught by select::select_without_a_limit_waits;
    api TroubleIsInput breaks [212], caught by select::trouble_goes_to_the_third_list;
    api TroubleOnlyIfAsked breaks [212], caught by select::trouble_goes_to_the_third_list;
    api DuplicatesTwice breaks [212], caught by select::a_duplicate_is_listed_once;
}

/// `select` by a rule of the lie's own.
macro_rules! selecting {
    ($($lie:ident: |$net:ident, $lists:ident, $seconds:ident| $body:expr;)*) => {$(
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn select<'p>(
                &self,
                $net: &'p B,
                $lists: Lists<'_, 'p>,
                $seconds: f64,
            ) -> Result<Selected<POLLED>> {
                $body
            }
        }
    )*};
}

selecting! {
    SwapsTheLists: |net, lists, seconds| {
        let found = Honest.select(net, lists, seconds)?;
        Ok(Selected { readable: found.writable, writable: found.readable, ..found })
    };
    AsksForReadingOnly: |net, lists, seconds| Honest.select(net, Lists { w: &[], ..lists }, seconds);
    MillisecondsForSeconds: |net, lists, seconds| Honest.select(net, lists, seconds * 1000.0);
    NegativeIsNow: |net, lists, seconds| Honest.select(net, lists, seconds.max(0.0));
    TroubleIsInput: |net, lists, seconds| {
        let mut found = Honest.select(net, lists, seconds)?;
        for place in core::mem::take(&mut found.exceptional) {
            if let Place::Read(at) = place {
                let _ = found.readable.push(at);
            }
        }
        Ok(found)
    };
    TroubleOnlyIfAsked: |net, lists, seconds| {
        let mut found = Honest.select(net, lists, seconds)?;
        found.exceptional.retain(|place| matches!(place, Place::Except(_)));
        Ok(found)
    };
    DuplicatesTwice: |net, lists, seconds| {
        let mut found = Honest.select(net, lists, seconds)?;
        let again = |list: &[&dyn Pollable<'_>]| list.len() > 1;
        if again(lists.r) && found.readable.len() == 1 {
            let _ = found.readable.push(1);
        }
        Ok(found)
    };
}
