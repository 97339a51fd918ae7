//! States of a socket, what a poll says (rows 194 to 204) and what calls answer.

use usocket_core::spi::{Backend, Handle, RecvFlags, Shutdown};
use usocket_core::{Error, Family, SockAddr};

use super::{MS, Short, World, listener, network, pair};
use crate::harness::Harness;
use crate::{Step, harness::State};

/// A state, as a test brings it about, with what must be seen in it.
struct Row {
    name: &'static str,
    make: fn(&World<'_>) -> Handle,
    /// Events under the masks IN|OUT, IN, OUT, 0.
    events: [u8; 4],
    /// The first and second receive: a count or an errno, negated.
    recv: [i32; 2],
    /// The first and second send, in a fresh copy of the state.
    send: [i32; 2],
}

const AGAIN: i32 = -11;
const PIPE: i32 = -32;
const RESET: i32 = -104;
const NOT_CONNECTED: i32 = -107;
const REFUSED: i32 = -111;

const ROWS: &[Row] = &[
    Row {
        name: "fresh",
        make: fresh,
        events: [20, 16, 20, 16],
        recv: [NOT_CONNECTED; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "bound",
        make: bound,
        events: [20, 16, 20, 16],
        recv: [NOT_CONNECTED; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "listening",
        make: listening,
        events: [0; 4],
        recv: [NOT_CONNECTED; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "listening, one waits",
        make: one_waits,
        events: [1, 1, 0, 0],
        recv: [NOT_CONNECTED; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "connect pending",
        make: pending,
        events: [0; 4],
        recv: [AGAIN; 2],
        send: [AGAIN; 2],
    },
    Row {
        name: "refused",
        make: refused,
        events: [29, 25, 28, 24],
        recv: [REFUSED, 0],
        send: [REFUSED, PIPE],
    },
    Row {
        name: "refused, fetched by recv",
        make: refused_told,
        events: [21, 17, 20, 16],
        recv: [0; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "refused, fetched by connect",
        make: refused_fetched,
        events: [20, 16, 20, 16],
        recv: [NOT_CONNECTED; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "established",
        make: established,
        events: [4, 0, 4, 0],
        recv: [AGAIN; 2],
        send: [1; 2],
    },
    Row {
        name: "data waits",
        make: data_waits,
        events: [5, 1, 4, 0],
        recv: [5, AGAIN],
        send: [1; 2],
    },
    Row {
        name: "send buffer full",
        make: full,
        events: [0; 4],
        recv: [AGAIN; 2],
        send: [AGAIN; 2],
    },
    Row {
        name: "peer closed, data waits",
        make: peer_closed_data,
        events: [5, 1, 4, 0],
        recv: [5, 0],
        send: [1; 2],
    },
    Row {
        name: "peer closed",
        make: peer_closed,
        events: [5, 1, 4, 0],
        recv: [0; 2],
        send: [1; 2],
    },
    Row {
        name: "peer closed, sent to it",
        make: sent_to_closed,
        events: [29, 25, 28, 24],
        recv: [0; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "peer reset",
        make: peer_reset,
        events: [29, 25, 28, 24],
        recv: [RESET, 0],
        send: [RESET, PIPE],
    },
    Row {
        name: "peer reset, data waits",
        make: peer_reset_data,
        events: [29, 25, 28, 24],
        recv: [5, RESET],
        send: [RESET, PIPE],
    },
    Row {
        name: "peer reset, told",
        make: peer_reset_told,
        events: [21, 17, 20, 16],
        recv: [0; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "we ended sending",
        make: half_closed,
        events: [4, 0, 4, 0],
        recv: [AGAIN; 2],
        send: [PIPE; 2],
    },
    Row {
        name: "both ended sending",
        make: both_closed,
        events: [21, 17, 20, 16],
        recv: [0; 2],
        send: [PIPE; 2],
    },
    Row { name: "closed", make: closed, events: [32; 4], recv: [-9; 2], send: [-9; 2] },
];

#[test]
fn every_state_has_its_readiness_and_answers() {
    for row in ROWS {
        for family in ["receive", "send"] {
            let network = network();
            let world = World::new(&network).unwrap();
            let handle = (row.make)(&world);
            let net = world.net();
            let events = [5, 1, 4, 0].map(|mask| net.bits(handle, mask));
            assert_eq!(events, row.events, "{}", row.name);
            let mut buf = [0; 100];
            let mut call = || {
                let answer = match family {
                    "receive" => net.try_recv(handle, &mut buf, RecvFlags::default()),
                    _ => net.try_send(handle, b"x"),
                };
                answer.map_or_else(|error| -error.errno(), |count| i32::try_from(count).unwrap())
            };
            let answers = [call(), call()];
            let wanted = if family == "receive" { row.recv } else { row.send };
            assert_eq!(answers, wanted, "{}: {family}", row.name);
        }
    }
}

fn fresh(world: &World<'_>) -> Handle {
    world.net().tcp()
}

fn bound(world: &World<'_>) -> Handle {
    let handle = fresh(world);
    world.net().bind(handle, SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
    handle
}

fn listening(world: &World<'_>) -> Handle {
    listener(world, 2).0
}

fn one_waits(world: &World<'_>) -> Handle {
    let (handle, address) = listener(world, 2);
    world.peer().start(&[Step::Connect(address), Step::Hold]).unwrap();
    world.pass(10 * MS);
    handle
}

fn connecting(world: &World<'_>, to: SockAddr) -> Handle {
    let handle = fresh(world);
    assert_eq!(world.net().try_connect(handle, to), Err(Error::EINPROGRESS));
    assert_eq!(world.net().try_connect(handle, to), Err(Error::EALREADY));
    handle
}

fn pending(world: &World<'_>) -> Handle {
    let handle = connecting(world, world.peer().silent(Family::V4));
    world.pass(1000 * MS);
    handle
}

fn refused(world: &World<'_>) -> Handle {
    let handle = connecting(world, world.peer().refusing(Family::V4));
    world.pass(10 * MS);
    handle
}

fn refused_told(world: &World<'_>) -> Handle {
    let handle = refused(world);
    assert_eq!(world.net().recv(handle), Err(Error::ECONNREFUSED));
    handle
}

fn refused_fetched(world: &World<'_>) -> Handle {
    let handle = refused(world);
    assert_eq!(world.net().connect_result(handle), Err(Error::ECONNREFUSED));
    handle
}

/// A stream of ours to a peer that runs these steps, once they are done.
fn with_peer(world: &World<'_>, steps: &[Step]) -> Handle {
    let mut script = heapless::Vec::<Step, 8>::new();
    script.extend_from_slice(&[Step::Listen(Family::V4, 1), Step::Accept]).unwrap();
    script.extend_from_slice(steps).unwrap();
    script.push(Step::Hold).unwrap();
    let actor = world.peer().start(&script).unwrap();
    let address = world.peer().address(actor).unwrap();
    let handle = connecting(world, address);
    assert!(matches!(world.peer().settle(actor).state, State::Running(_)));
    world.pass(10 * MS);
    handle
}

fn established(world: &World<'_>) -> Handle {
    let handle = with_peer(world, &[]);
    let address = world.net().peer_addr(handle).unwrap();
    assert_eq!(world.net().try_connect(handle, address), Err(Error::EISCONN));
    handle
}

fn data_waits(world: &World<'_>) -> Handle {
    with_peer(world, &[Step::Text(b"hello")])
}

fn full(world: &World<'_>) -> Handle {
    let handle = established(world);
    while world.net().try_send(handle, &[7; 100]).is_ok() {}
    world.pass(100 * MS);
    handle
}

fn peer_closed_data(world: &World<'_>) -> Handle {
    with_peer(world, &[Step::Text(b"hello"), Step::Close])
}

fn peer_closed(world: &World<'_>) -> Handle {
    let handle = peer_closed_data(world);
    world.net().recv(handle).unwrap();
    handle
}

fn sent_to_closed(world: &World<'_>) -> Handle {
    let handle = peer_closed(world);
    assert_eq!(world.net().try_send(handle, b"x"), Ok(1));
    world.pass(10 * MS);
    handle
}

fn peer_reset_data(world: &World<'_>) -> Handle {
    with_peer(world, &[Step::Text(b"hello"), Step::Rst])
}

fn peer_reset(world: &World<'_>) -> Handle {
    with_peer(world, &[Step::Rst])
}

fn peer_reset_told(world: &World<'_>) -> Handle {
    let handle = peer_reset(world);
    assert_eq!(world.net().recv(handle), Err(Error::ECONNRESET));
    handle
}

fn half_closed(world: &World<'_>) -> Handle {
    let handle = established(world);
    world.net().shutdown(handle, Shutdown::Write).unwrap();
    handle
}

fn both_closed(world: &World<'_>) -> Handle {
    let handle = with_peer(world, &[Step::Fin]);
    world.net().shutdown(handle, Shutdown::Write).unwrap();
    handle
}

fn closed(world: &World<'_>) -> Handle {
    let (client, _) = pair(world, world.net(), world.net());
    world.net().close(client).unwrap();
    client
}
