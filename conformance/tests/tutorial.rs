//! The whole kit on the tutorial backend, each case in a world of its own.
//!
//! `cargo test -p usocket-conformance --test tutorial -- --nocapture` prints the
//! coverage.

mod worlds;

use std::collections::HashSet;

use usocket_conformance::{Coverage, cases};

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn every_case_holds() {
    let mut coverage = Coverage::new();
    let mut names = HashSet::new();
    worlds::each(|harness, number| {
        let mut index = 0;
        cases::visit(&mut |case| {
            if index == number {
                assert!(names.insert(case.name), "two cases are called {}", case.name);
                coverage.note(case, worlds::caught(|| (case.run)(harness)));
            }
            index += 1;
        });
        number < index
    });
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
}
