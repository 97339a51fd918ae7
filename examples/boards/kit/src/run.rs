//! Cases one by one, each in a world of its own.

use usocket_conformance::{Case, Coverage};
use usocket_example_apps::Journal;

#[cfg(not(feature = "dns"))]
pub use self::part::part_of_kit;
use crate::support::world::World;

#[cfg(not(feature = "dns"))]
mod part;

/// What `backend-smoltcp/tests/conformance.rs` asks for on a host.
#[cfg(feature = "dns")]
const ROWS: usize = 219;

/// Runs every case. Whether all hold, and as many rows are proved as on a host.
#[cfg(feature = "dns")]
pub fn whole_kit(medium: crate::Medium, console: &mut impl Journal) -> bool {
    use crate::support::world::world_on;
    use usocket_conformance::cases::visit;

    let (mut coverage, mut number) = (Coverage::new(), 0);
    while world_on(medium, number + 1, |world| {
        run(visit, world, number, &[], &mut coverage, console)
    }) {
        number += 1;
    }
    console.line(format_args!("{medium:?}: {coverage}"));
    coverage.failed() == 0 && coverage.proved() >= ROWS
}

/// Runs the case of this number unless it is one of `but`; whether there is one. What goes
/// wrong is said at once, as the next case may never end.
fn run<'w>(
    visit: fn(&mut dyn FnMut(&Case<World<'w>>)),
    world: &World<'w>,
    number: u64,
    but: &[&str],
    coverage: &mut Coverage,
    console: &mut impl Journal,
) -> bool {
    let mut index = 0;
    visit(&mut |case| {
        if index == number && !but.contains(&case.name) {
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
