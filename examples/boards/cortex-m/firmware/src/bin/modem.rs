//! The modem's driver on a core without compare-and-swap, and with 16 KiB of memory: it joins,
//! and runs sections of the conformance kit against scripts behind a modem in memory.
#![no_std]
#![no_main]

use cortex_m::singleton;
use cortex_m_board::{Console, finish};
use cortex_m_firmware::Tally;
use cortex_m_firmware::modem::{Kit, Net, World};
use cortex_m_rt::entry;
use usocket_backend_esp8285_at::{Config, Resources, Transmit};
use usocket_conformance::Case;
use usocket_conformance::cases::sections;
use usocket_example_apps::Journal;

const SOCKETS: usize = 3;

/// Rows that these sections prove here. One more is not supported: the driver hears nothing of
/// a reset.
const PROVED: u32 = 34;

type Memory = Resources<SOCKETS, 2, 512, 256>;

#[entry]
fn main() -> ! {
    let mut console = Console::new();
    let (net, world) = driver();
    if let Err(error) = net.connect("greenhouse", "correct horse") {
        console.line(format_args!("cannot join: {error}"));
        finish(Err(()));
    }
    finish(run(net, world, &mut console))
}

/// The driver and its world, all of it in statics. Not inlined, so that what is made on the
/// stack and moved does not stay there.
#[inline(never)]
fn driver() -> (&'static Net<'static>, &'static World) {
    let memory = singleton!(: Memory = Memory::new()).expect("called once");
    let world = &*singleton!(: World = World::new()).expect("called once");
    let config = Config::new().transmit(Transmit::Plain);
    let net = Net::with_config(world.wire(), world.board(), memory, config);
    (singleton!(: Net<'static> = net).expect("called once"), world)
}

#[inline(never)]
fn run(net: &Net<'static>, world: &'static World, console: &mut Console) -> Result<(), ()> {
    let (kit, mut tally) = (Kit::new(net, world, SOCKETS), Tally::default());
    section("inet", |each| sections::inet(each), &kit, &mut tally, console);
    section("recv", |each| sections::recv(each), &kit, &mut tally, console);
    section("stream", |each| sections::stream(each), &kit, &mut tally, console);
    tally.report(console, PROVED)
}

/// What shows each case of a section.
type Visit<K> = fn(&mut dyn FnMut(&Case<K>));

/// Runs the cases of one section.
fn section<'n, 'w>(
    name: &'static str,
    visit: Visit<Kit<'n, 'w>>,
    kit: &Kit<'n, 'w>,
    tally: &mut Tally,
    console: &mut Console,
) {
    visit(&mut |case| tally.note(name, case.rows, (case.run)(kit), console));
}
