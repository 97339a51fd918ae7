//! A part of the kit, where neither all cases nor the large world have room.

use core::time::Duration;

use usocket_backend_smoltcp::{Net, OWN, Storage};
use usocket_conformance::cases::sections;
use usocket_conformance::{Case, Harness as _, Outcome, Row};

use crate::Medium;
use crate::support::alloc::boxed::Box;
use crate::support::world::{World, config};

/// Sockets of ours in the small world.
const SOCKETS: usize = 8;

/// A closed connection is forgotten after 60 s, whatever the peer does.
const GONE: Duration = Duration::from_secs(70);

/// Our memory: three connections of 1 KiB each way.
pub type Ours = Storage<'static, SOCKETS, 3, 1024, 1024, 0, 0, 4, { 3 + OWN }>;

/// The peer's memory.
pub type Theirs = Storage<'static, 8, 3, 512, 512, 0, 0, 4, { 3 + OWN }>;

/// Runs some sections, all cases in one world, and tells `note` the section, the rows and the
/// outcome of each.
pub fn part_of_kit(
    ours: &'static mut Ours,
    theirs: &'static mut Theirs,
    note: &mut dyn FnMut(&'static str, &[Row], Outcome),
) {
    let world = &*world(ours, theirs);
    section("accept", |each| sections::accept(each), world, note);
    section("connect", |each| sections::connect(each), world, note);
    section("send", |each| sections::send(each), world, note);
    section("sendall", |each| sections::sendall(each), world, note);
    section("recv", |each| sections::recv(each), world, note);
}

/// Not inlined: what is made on the stack and moved must not stay there.
#[inline(never)]
fn world(ours: &'static mut Ours, theirs: &'static mut Theirs) -> Box<World<'static>> {
    let medium = Medium::Ethernet;
    Box::new(World::of(
        1,
        medium,
        SOCKETS,
        |device, board| Net::new(device, board, &config(medium, 1), ours).unwrap(),
        |device, clock| Net::new(device, clock, &config(medium, 2), theirs).unwrap(),
    ))
}

/// Runs the cases of one section.
fn section(
    name: &'static str,
    visit: fn(&mut dyn FnMut(&Case<World<'static>>)),
    world: &World<'static>,
    note: &mut dyn FnMut(&'static str, &[Row], Outcome),
) {
    visit(&mut |case| {
        note(name, case.rows, (case.run)(world));
        // Until what it has closed is gone: there are few connections.
        world.pass(GONE);
    });
}
