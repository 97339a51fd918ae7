//! A part of the kit, where neither all cases nor the large world have room.

use usocket_backend_smoltcp::{Net, OWN, Storage};
use usocket_conformance::cases::sections;
use usocket_conformance::{Case, Coverage};
use usocket_example_apps::Journal;

use super::run;
use crate::Medium;
use crate::support::alloc::boxed::Box;
use crate::support::world::{World, config};

/// Sockets of ours in the small world.
const SOCKETS: usize = 8;

/// Three connections of 1 KiB each way.
type Ours<'a> = Storage<'a, SOCKETS, 3, 1024, 1024, 0, 0, 4, { 3 + OWN }>;

/// The peer has one more, as it closes in the background.
type Theirs<'a> = Storage<'a, 10, 4, 1024, 1024, 0, 0, 4, { 4 + OWN }>;

/// Runs some sections, in a world of some 30 KB. Whether all cases hold.
pub fn part_of_kit(console: &mut impl Journal) -> bool {
    let mut coverage = Coverage::new();
    section("accept", |each| sections::accept(each), &[], &mut coverage, console);
    section("connect", |each| sections::connect(each), &[], &mut coverage, console);
    section("send", |each| sections::send(each), &[], &mut coverage, console);
    section("sendall", |each| sections::sendall(each), &[], &mut coverage, console);
    section("recv", |each| sections::recv(each), &[], &mut coverage, console);
    section("close", |each| sections::close(each), &[], &mut coverage, console);
    console.line(format_args!("{coverage}"));
    coverage.failed() == 0
}

/// Runs the cases of one section, but those that need more than there is.
fn section(
    name: &str,
    visit: for<'w> fn(&mut dyn FnMut(&Case<World<'w>>)),
    but: &[&str],
    coverage: &mut Coverage,
    console: &mut impl Journal,
) {
    let mut number = 0;
    while small(number + 1, |world| run(visit, world, number, but, coverage, console)) {
        number += 1;
    }
    console.line(format_args!("{name}: {number} cases, {} of them need a larger world", but.len()));
}

fn small<T>(seed: u64, run: impl FnOnce(&World<'_>) -> T) -> T {
    let (mut ours, mut theirs) = (Box::new(Ours::new()), Box::new(Theirs::new()));
    let (ours, theirs) = (&mut *ours, &mut *theirs);
    let medium = Medium::Ethernet;
    let world = World::of(
        seed,
        medium,
        SOCKETS,
        |device, board| Net::new(device, board, &config(medium, 1), ours).unwrap(),
        |device, clock| Net::new(device, clock, &config(medium, 2), theirs).unwrap(),
    );
    run(&world)
}
