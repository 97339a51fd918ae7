//! The table in the documents is that of the tests.

use std::fmt::Write;

use crate::backends::KINDS;
use crate::{Cell, ROWS};

#[test]
fn the_table_in_the_documents_is_what_the_tests_show() {
    let document = include_str!("../../../../docs/programs.md");
    let mut table = String::from("| program |");
    for (_, name) in KINDS {
        write!(table, " {name} |").unwrap();
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(KINDS.len()));
    for (program, cells) in ROWS {
        write!(table, "\n| {program} |").unwrap();
        for (kind, _) in KINDS {
            let cell = cells.iter().find(|(of, _)| of == kind).map(|&(_, cell)| cell);
            match cell.expect("a test for each cell") {
                Cell::Yes => table.push_str(" yes |"),
                Cell::Errno(errno) => write!(table, " `{errno}` |").unwrap(),
            }
        }
    }
    assert!(document.contains(&table), "docs/programs.md should have this table:\n{table}");
}
