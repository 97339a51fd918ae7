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
        pub(super) fn visit<H: $crate::Harness>(each: &mut dyn FnMut(&$crate::Case<H>)) {
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

/// Rows that the types make impossible to break, and how; `by_type.rs` has the
/// programs that do not compile.
pub const BY_TYPE: &[(Row, &str)] = &[
    (44, "an address is a pair or a 4-tuple of typed parts; there is no opaque byte form"),
    (213, "register takes what implements Pollable, and nothing else"),
];

/// Rows that no case asserts, and why.
pub const NOT_COVERED: &[(Row, &str)] = &[];
