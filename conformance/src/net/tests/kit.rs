//! The conformance kit over the tutorial backend.

use std::format;
use std::string::String;

use super::{World, network};
use crate::cases;

/// Runs the case of this number in a world of its own; `None` beyond the last.
fn run(number: usize) -> Option<String> {
    let network = network();
    let world = World::new(&network).unwrap();
    let (mut at, mut found) = (0, None);
    cases::visit::<World<'_>>(&mut |case| {
        if at == number {
            let outcome = (case.run)(&world);
            found = Some(outcome.map_or_else(
                |failure| format!("{}: {failure}\n", case.name),
                |_| String::new(),
            ));
        }
        at += 1;
    });
    found
}

#[test]
fn every_case_of_the_kit_is_proved() {
    let failures: String = (0..).map_while(run).collect();
    assert!(failures.is_empty(), "\n{failures}");
}
