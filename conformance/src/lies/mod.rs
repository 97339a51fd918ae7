//! The lies: backends and calls broken on purpose, each with the case that must catch it.
//!
//! A row of the behaviour table counts as proved only if some lie about it makes its
//! case fail. The modules are those of [`cases`](crate::cases), in the same order. Each
//! begins with the list of its lies, with the rows that they break; the lies follow:
//! first those that tell one answer as another (`retold!`), then the others, each a
//! type that overrides a method of [`Lie`] (what a backend decides) or [`Api`] (what
//! the core decides).
//!
//! `tests/liars.rs` tells them all on the tutorial backend, where time is virtual, and
//! prints the list. Another backend may be lied about as well: tell each to a fresh
//! harness with [`visit`].

mod accept;
mod addresses;
mod bind;
mod cancel;
mod close;
mod closed;
mod connect;
mod datagram;
mod duplex;
mod errors;
mod exhaustion;
mod inet;
mod ipoll;
mod listen;
mod makefile;
mod module;
mod names;
mod options;
mod outcomes;
mod poll;
mod readiness;
mod recv;
mod retold;
mod select;
mod send;
mod sendall;
mod sendto;
mod stream;
mod timeout;
mod write;

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::spi::Handle;
use usocket_core::{Family, Result};

use crate::{Api, Caps, Harness, Liar, Lie, Outcome, Peer, Row};

/// One lie that was told, and what the case said to it.
#[derive(Debug)]
pub struct Told {
    /// What the lie is.
    pub lie: &'static str,
    /// The case that must fail.
    pub case: &'static str,
    /// The rows that the lie breaks.
    pub rows: &'static [Row],
}

/// A lie as a closure over an honest harness: for the runner.
pub type Tell<H> = fn(&H) -> Outcome;

/// The lies of one section. `backend` lies implement [`Lie`], `api` lies [`Api`];
/// both are unit-like or `Default` structs generic over nothing.
macro_rules! lies {
    ($($kind:ident $lie:ident breaks $rows:tt, caught by $case:path;)*) => {
        pub(super) fn visit<H: $crate::Harness>(
            each: &mut dyn FnMut(&$crate::lies::Told, $crate::lies::Tell<H>),
        ) {
            $(each(
                &$crate::lies::Told {
                    lie: stringify!($lie),
                    case: stringify!($case),
                    rows: &$rows,
                },
                |honest| $crate::lies::lies!(@$kind $lie $case, honest),
            );)*
        }
    };
    (@backend $lie:ident $case:path, $honest:ident) => {
        $case(&$crate::lies::LiarHarness::new($honest, $lie::default()))
    };
    (@api $lie:ident $case:path, $honest:ident) => {
        $case(&$crate::lies::ApiLiarHarness::new($honest, $lie::default()))
    };
}
use self::retold::retold;
pub(crate) use lies;

/// Shows all lies. Each is to be told to a fresh harness.
pub fn visit<H: Harness>(each: &mut dyn FnMut(&Told, Tell<H>)) {
    module::visit(each);
    names::visit(each);
    inet::visit(each);
    addresses::visit(each);
    bind::visit(each);
    listen::visit(each);
    accept::visit(each);
    connect::visit(each);
    send::visit(each);
    sendall::visit(each);
    recv::visit(each);
    datagram::visit(each);
    sendto::visit(each);
    options::visit(each);
    timeout::visit(each);
    stream::visit(each);
    write::visit(each);
    makefile::visit(each);
    poll::visit(each);
    readiness::visit(each);
    ipoll::visit(each);
    select::visit(each);
    close::visit(each);
    closed::visit(each);
    outcomes::visit(each);
    duplex::visit(each);
    cancel::visit(each);
    exhaustion::visit(each);
    errors::visit(each);
}

/// A harness whose backend lies.
pub struct LiarHarness<'h, H: Harness, L> {
    honest: &'h H,
    net: Liar<'h, H::Net, L>,
}

impl<'h, H: Harness, L: Lie<H::Net>> LiarHarness<'h, H, L> {
    /// Presents `honest` as `lie` would have it.
    pub fn new(honest: &'h H, lie: L) -> Self {
        Self { honest, net: Liar { net: honest.net(), lie } }
    }
}

impl<'h, H: Harness, L: Lie<H::Net>> Harness for LiarHarness<'h, H, L> {
    type Net = Liar<'h, H::Net, L>;

    fn net(&self) -> &Self::Net {
        &self.net
    }

    fn caps(&self) -> Caps {
        self.honest.caps()
    }

    fn peer(&self) -> &dyn Peer {
        self.honest.peer()
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.honest.ip(family)
    }

    fn fileno(&self, handle: Handle) -> Result<i32> {
        self.honest.fileno(handle)
    }

    fn pass(&self, time: Duration) {
        self.honest.pass(time);
    }
}

/// A harness where a call of the core lies.
pub struct ApiLiarHarness<'h, H: Harness, A> {
    honest: &'h H,
    api: A,
}

impl<'h, H: Harness, A: Api<H::Net>> ApiLiarHarness<'h, H, A> {
    /// Presents `honest` with the calls of `api`.
    pub fn new(honest: &'h H, api: A) -> Self {
        Self { honest, api }
    }
}

impl<H: Harness, A: Api<H::Net>> Harness for ApiLiarHarness<'_, H, A> {
    type Net = H::Net;

    fn net(&self) -> &Self::Net {
        self.honest.net()
    }

    fn caps(&self) -> Caps {
        self.honest.caps()
    }

    fn peer(&self) -> &dyn Peer {
        self.honest.peer()
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.honest.ip(family)
    }

    fn api(&self) -> &dyn Api<Self::Net> {
        &self.api
    }

    fn fileno(&self, handle: Handle) -> Result<i32> {
        self.honest.fileno(handle)
    }

    fn pass(&self, time: Duration) {
        self.honest.pass(time);
    }
}
