//! The cases, by section of the behaviour table.

pub(crate) mod module;

use crate::{Case, Harness};

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
}
