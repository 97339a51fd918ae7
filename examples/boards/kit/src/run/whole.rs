//! The whole kit, each case in a world of its own.

use usocket_conformance::{Coverage, cases};
use usocket_example_apps::Journal;

use crate::Medium;
use crate::support::world::{World, world_on};

/// What `backend-smoltcp/tests/conformance.rs` asks for on a host.
const ROWS: usize = 219;

/// Runs every case. Whether all hold, and as many rows are proved as on a host.
pub fn whole_kit(medium: Medium, console: &mut impl Journal) -> bool {
    let (mut coverage, mut number) = (Coverage::new(), 0);
    while world_on(medium, number + 1, |world| run(world, number, &mut coverage, console)) {
        number += 1;
    }
    console.line(format_args!("{medium:?}: {coverage}"));
    coverage.failed() == 0 && coverage.proved() >= ROWS
}

/// Runs the case of this number; whether there is one. What goes wrong is said at once, as
/// the next case may never end.
fn run(
    world: &World<'_>,
    number: u64,
    coverage: &mut Coverage,
    console: &mut impl Journal,
) -> bool {
    let mut index = 0;
    cases::visit(&mut |case| {
        if index == number {
            let outcome = (case.run)(world);
            if let Err(failure) = outcome {
                console.line(format_args!("{}: {failure}", case.name));
            }
            coverage.note(case, outcome);
        }
        index += 1;
    });
    number < index
}
