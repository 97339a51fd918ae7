//! The cases: what a backend must do, as functions over a [`Harness`].
//!
//! There is one module per section of the behaviour table, in its order, and behind
//! them those of requirements that cut across sections:
//!
//! | section | module | about |
//! |---|---|---|
//! | A, B | `module` | sockets, protocol numbers, constants, error values |
//! | C | `names` | `getaddrinfo` |
//! | D | `inet` | `inet_pton`, `inet_ntop` |
//! | E | `addresses` | what an address argument may be |
//! | F | `bind` | `bind`, addresses in use |
//! | G | `listen` | `listen`, the backlog |
//! | H | `accept` | `accept` |
//! | I | `connect` | `connect`, blocking and not |
//! | J | `send` | `send` |
//! | K | `sendall` | `sendall` |
//! | L | `recv` | `recv` on streams |
//! | L | `datagram` | `recv` on datagram sockets |
//! | M | `sendto` | `sendto`, `recvfrom` |
//! | N | `options` | `setsockopt`, memberships, linger |
//! | O | `timeout` | `settimeout`, `setblocking` |
//! | P | `stream` | `read`, `readinto`, `readline` |
//! | P | `write` | `write`, and forms mixed |
//! | P | `makefile` | `makefile` |
//! | Q | `poll` | `poll`, `register`, `modify`, `unregister` |
//! | Q | `readiness` | which events are true when |
//! | Q | `ipoll` | `ipoll` |
//! | Q | `select` | `select` |
//! | R | `close` | `close`, `shutdown`, `abort`, lingering |
//! | R | `closed` | what a closed socket answers |
//! | R2 | `outcomes` | the five outcomes, in every call form |
//! | R11, R14 | `duplex` | close and other waiters, full duplex |
//! | R15 | `cancel` | dropped futures |
//! | R16 | `exhaustion` | no slot left, stale handles |
//! | R25 | `errors` | one error for each condition |
//! | R16, R25 | `random` | calls in any order |
//!
//! Each begins with the list of its cases and the numbers that each of them asserts:
//! rows of the behaviour table, requirements R, clauses S of [`usocket_core::spi`].
//! What cases begin with (scripts, connected streams, full buffers, times) is in
//! `setup`. [`lies`](crate::lies) has a module of the same name for each.
//!
//! Run them with [`visit`]; [`Coverage`](crate::Coverage) does it and keeps the account.

pub(crate) mod accept;
pub(crate) mod addresses;
pub(crate) mod bind;
pub(crate) mod cancel;
pub(crate) mod close;
pub(crate) mod closed;
pub(crate) mod connect;
pub(crate) mod datagram;
pub(crate) mod duplex;
pub(crate) mod errors;
pub(crate) mod exhaustion;
pub(crate) mod inet;
pub(crate) mod ipoll;
pub(crate) mod listen;
pub(crate) mod makefile;
pub(crate) mod module;
pub(crate) mod names;
pub(crate) mod options;
pub(crate) mod outcomes;
pub(crate) mod poll;
pub(crate) mod random;
pub(crate) mod readiness;
pub(crate) mod recv;
pub(crate) mod select;
pub(crate) mod send;
pub(crate) mod sendall;
pub(crate) mod sendto;
pub(crate) mod setup;
pub(crate) mod stream;
pub(crate) mod timeout;
pub(crate) mod write;

pub use self::random::calls_in_any_order;
use crate::{Case, Harness, Row};

/// The cases of one section: `visit` shows them in order.
macro_rules! section {
    ($($name:ident: rows $rows:tt, requirements $requirements:tt, clauses $clauses:tt;)*) => {
        /// Shows the cases of this section, in order.
        #[allow(unreachable_pub, reason = "not every section is one of `sections`")]
        pub fn visit<H: $crate::Harness>(each: &mut dyn FnMut(&$crate::Case<H>)) {
            $(each(&$crate::Case {
                name: stringify!($name),
                rows: &$rows,
                requirements: &$requirements,
                clauses: &$clauses,
                run: $name::<H>,
            });)*
        }
    };
}
pub(crate) use section;

/// Shows all cases for the harness `H`, section by section, in the order of the table
/// above.
pub fn visit<H: Harness>(each: &mut dyn FnMut(&Case<H>)) {
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
    random::visit(each);
}

/// The sections one by one, each as [`visit`] is for all: for an image in which not all
/// have room. What it does not name is not linked.
pub mod sections {
    pub use super::accept::visit as accept;
    pub use super::addresses::visit as addresses;
    pub use super::bind::visit as bind;
    pub use super::cancel::visit as cancel;
    pub use super::close::visit as close;
    pub use super::closed::visit as closed;
    pub use super::connect::visit as connect;
    pub use super::datagram::visit as datagram;
    pub use super::duplex::visit as duplex;
    pub use super::errors::visit as errors;
    pub use super::exhaustion::visit as exhaustion;
    pub use super::inet::visit as inet;
    pub use super::ipoll::visit as ipoll;
    pub use super::listen::visit as listen;
    pub use super::makefile::visit as makefile;
    pub use super::module::visit as module;
    pub use super::names::visit as names;
    pub use super::options::visit as options;
    pub use super::outcomes::visit as outcomes;
    pub use super::poll::visit as poll;
    pub use super::random::visit as random;
    pub use super::readiness::visit as readiness;
    pub use super::recv::visit as recv;
    pub use super::select::visit as select;
    pub use super::send::visit as send;
    pub use super::sendall::visit as sendall;
    pub use super::sendto::visit as sendto;
    pub use super::stream::visit as stream;
    pub use super::timeout::visit as timeout;
    pub use super::write::visit as write;
}

/// Rows that the types make impossible to break, and how; `by_type.rs` has the
/// programs that do not compile.
pub const BY_TYPE: &[(Row, &str)] = &[
    (44, "an address is a pair or a 4-tuple of typed parts; there is no opaque byte form"),
    (213, "register takes what implements Pollable, and nothing else"),
];

/// Rows that no case asserts, and why.
pub const NOT_COVERED: &[(Row, &str)] = &[];
