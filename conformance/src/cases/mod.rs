//! The cases, by section of the behaviour table.

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

/// Shows all cases for the harness `H`, section by section.
pub fn visit<H: Harness>(each: &mut dyn FnMut(&Case<H>)) {
    module::visit(each);
    random::visit(each);
    closed::visit(each);
    select::visit(each);
    ipoll::visit(each);
    makefile::visit(each);
    readiness::visit(each);
    poll::visit(each);
    write::visit(each);
    stream::visit(each);
    names::visit(each);
    connect::visit(each);
    inet::visit(each);
    bind::visit(each);
    addresses::visit(each);
    accept::visit(each);
    listen::visit(each);
    timeout::visit(each);
    send::visit(each);
    sendall::visit(each);
    recv::visit(each);
    datagram::visit(each);
    sendto::visit(each);
    options::visit(each);
    close::visit(each);
    outcomes::visit(each);
    duplex::visit(each);
    cancel::visit(each);
    exhaustion::visit(each);
    errors::visit(each);
}

/// Rows that the types make impossible to break, and how; `by_type.rs` has the
/// programs that do not compile.
pub const BY_TYPE: &[(Row, &str)] = &[
    (44, "an address is a pair or a 4-tuple of typed parts; there is no opaque byte form"),
    (213, "register takes what implements Pollable, and nothing else"),
];

/// Rows that no case asserts, and why.
pub const NOT_COVERED: &[(Row, &str)] = &[];
