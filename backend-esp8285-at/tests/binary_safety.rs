//! Payload is passed by count, whatever it holds, however it is cut into chunks, and whatever
//! the modem says in between (sheet sections 2.4, 11.3).

mod tape;

use std::cell::RefCell;
use std::rc::Rc;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use tape::{Clock, Cut, DIALECTS, Dialect, Place, Tape, Wire};
use usocket_backend_esp8285_at::{Config, Esp8285, Receive, Resources, Transmit};
use usocket_core::prelude::*;

type Net<'n> = Esp8285<'n, Wire, Clock, NoopRawMutex, 4>;

/// What must not be taken for anything but data.
fn payload() -> Vec<u8> {
    let tags: [&[u8]; 12] = [
        b"\r\nOK\r\n",
        b"+IPD,0,5:",
        b"0,CLOSED\r\n",
        b"> ",
        b"ERROR",
        b"\r\n> \r\nSEND OK\r\n",
        b"\r\n+IPD,3,2:",
        b"+CIPRECVDATA,9:",
        b"+CIPRECVDATA:9,",
        b"\r\n4,CLOSED\r\nready\r\n",
        b"busy p...\r\n",
        b"\r\nERROR\r\n",
    ];
    let mut bytes = tags.concat();
    bytes.extend(0..=255);
    bytes.extend_from_slice(b"\r\nOK\r\n\r\n");
    bytes
}

/// What the driver sends: it must arrive as it is, too.
const SENT: &[u8] = b"\r\nOK\r\n> \x00\xff+++";

/// Two connected sockets, 4 and 3.
struct Session<'a, 'n> {
    tape: &'a RefCell<Tape>,
    first: Socket<'a, Net<'n>>,
    second: Socket<'a, Net<'n>>,
}

fn session(dialect: Dialect, plain: bool, run: impl FnOnce(&Session<'_, '_>)) {
    let tape = Rc::new(RefCell::new(Tape::new(dialect)));
    let mut memory = Box::new(Resources::<4, 3, 2048, 2048>::new());
    let receive = if dialect.passive { Receive::Auto } else { Receive::Active };
    let transmit = if plain { Transmit::Plain } else { Transmit::Auto };
    let config = Config::new().receive(receive).transmit(transmit);
    let wire = Wire(Rc::clone(&tape));
    let net: Net<'_> = Net::with_config(wire, Clock::default(), &mut memory, config);
    net.connect("net", "password").unwrap();
    let connect = |port: u16| {
        let socket = net.tcp().unwrap();
        socket.settimeout(20).unwrap();
        socket.connect((core::net::Ipv4Addr::new(10, 0, 0, 2), port)).unwrap();
        socket
    };
    let (first, second) = (connect(84), connect(83));
    run(&Session { tape: &tape, first, second });
    assert_eq!((net.stats().framing, net.stats().resyncs, net.stats().reboots), (0, 0, 0));
}

impl Session<'_, '_> {
    /// Sends while data come on link 3, or are announced for link 4, at a place; the bytes
    /// that the modem said.
    fn scene(&self, place: Place, urc: &[u8], cut: Cut) -> usize {
        let data = payload();
        let passive = {
            let mut tape = self.tape.borrow_mut();
            tape.cut(cut);
            let during_send = !matches!(
                place,
                Place::BeforeReply
                    | Place::BeforeReplyOk
                    | Place::AfterReply
                    | Place::BeforeLengths
            );
            let passive = tape.notice_mode();
            if passive {
                tape.waiting.extend(&data);
            }
            let bytes = match (during_send, passive) {
                (true, true) => Tape::notice(4, data.len()),
                (true, false) => tape.push(3, &data),
                (false, _) => Vec::new(),
            };
            tape.inject(place, [bytes, urc.to_vec()].concat());
            passive
        };
        self.first.sendall(SENT).unwrap();
        let from = if passive { &self.first } else { &self.second };
        let mut got = Vec::new();
        let mut buf = [0; 4096];
        while got.len() < data.len() {
            let len = from.recv(&mut buf).unwrap();
            assert!(len > 0, "ended after {}", got.len());
            got.extend_from_slice(&buf[..len]);
        }
        assert_eq!(got.escape_ascii().to_string(), data.escape_ascii().to_string());
        // Nothing more, on neither of them, and the send has ended.
        for socket in [&self.first, &self.second] {
            socket.settimeout(1).unwrap();
            socket.recv(&mut buf).expect_err("more than was sent");
            socket.settimeout(20).unwrap();
        }
        let tape = self.tape.borrow();
        assert!(tape.has_injected(), "{place:?} does not come");
        assert_eq!(tape.payload.escape_ascii().to_string(), SENT.escape_ascii().to_string());
        tape.said
    }
}

/// Lines of the modem's own, none of which changes anything for the two sockets.
const URCS: [&[u8]; 6] = [
    b"",
    b"WIFI CONNECTED\r\n",
    b"4,CONNECT\r\n",
    b"0,CLOSED\r\n",
    b"\r\n+IPD,1,9\r\n",
    b"+STA_CONNECTED:\"01:02:03:aa:bb:cc\"\r\n",
];

const SENDING: [Place; 5] = [
    Place::BeforeOk,
    Place::BeforePrompt,
    Place::BeforeRecv,
    Place::BeforeResult,
    Place::AfterResult,
];

const READING: [Place; 4] =
    [Place::BeforeReply, Place::BeforeReplyOk, Place::AfterReply, Place::BeforeLengths];

fn places(dialect: Dialect) -> impl Iterator<Item = Place> {
    let reading = READING.into_iter().filter(move |_| dialect.passive);
    SENDING.into_iter().chain(reading)
}

/// Whole, byte by byte, and in pieces of every small size.
#[test]
fn at_every_place_with_every_line() {
    for dialect in DIALECTS {
        for plain in [false, true] {
            session(dialect, plain, |session| {
                for place in places(dialect) {
                    for urc in URCS {
                        eprintln!("{} {place:?} {}", dialect.name, urc.escape_ascii());
                        session.scene(place, urc, Cut::Whole);
                        for len in [1, 2, 3, 5, 7, 11, 64] {
                            session.scene(place, urc, Cut::Pieces(len));
                        }
                    }
                }
            });
        }
    }
}

/// Cut in two at every boundary there is.
#[test]
fn at_every_chunk_boundary() {
    for dialect in DIALECTS {
        session(dialect, false, |session| {
            for place in places(dialect) {
                eprintln!("{} {place:?}", dialect.name);
                let said = session.scene(place, URCS[2], Cut::Whole);
                assert!(said > payload().len());
                for at in 1..said {
                    session.scene(place, URCS[2], Cut::Once(at));
                }
            }
        });
    }
}

/// `CLOSED` straight after counted data (2.4, item 7), and between `Recv` and the result
/// (item 6): the data are whole, then it is the end.
#[test]
fn closed_straight_after_payload() {
    for dialect in DIALECTS.into_iter().filter(|dialect| !dialect.passive) {
        for place in SENDING {
            for cut in (1..900).map(Cut::Once).chain([Cut::Whole, Cut::Pieces(1)]) {
                session(dialect, true, |session| {
                    session.scene_closed(place, cut);
                });
            }
        }
    }
}

impl Session<'_, '_> {
    fn scene_closed(&self, place: Place, cut: Cut) {
        let data = payload();
        {
            let mut tape = self.tape.borrow_mut();
            tape.cut(cut);
            let bytes = [&tape.push(3, &data)[..], b"3,CLOSED\r\n"].concat();
            tape.inject(place, bytes);
        }
        self.first.sendall(SENT).unwrap();
        let mut got = Vec::new();
        let mut buf = [0; 4096];
        loop {
            match self.second.recv(&mut buf).unwrap() {
                0 => break,
                len => got.extend_from_slice(&buf[..len]),
            }
        }
        assert_eq!(got.escape_ascii().to_string(), data.escape_ascii().to_string());
        self.first.settimeout(1).unwrap();
        self.first.recv(&mut buf).expect_err("nothing was sent to it");
        assert_eq!(self.tape.borrow().payload, SENT);
    }
}
