//! Each program on each backend, with real servers at the other end, over loopback.
//!
//! A cell of the table in `docs/programs.md` is one test here, by name: what is `yes` runs
//! to its end, and what is an errno fails with it. The last test compares the table.

mod backends;
mod examples;
mod http;
mod https;
mod mdns;
mod mqtt;
mod server;
mod sntp;
mod table;

use backends::Kind;

/// What a program does on a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Yes,
    Errno(&'static str),
}

/// A row of the table, and a test for each of its cells.
macro_rules! programs {
    ($($program:ident, $what:literal: $($kind:ident $cell:expr),+;)+) => {
        /// The rows of the table.
        const ROWS: &[(&str, &[(Kind, Cell)])] = &[
            $(($what, &[$((Kind::$kind, $cell)),+])),+
        ];

        $(mod $program {
            #[allow(unused_imports, reason = "some have no errno")]
            use super::Cell::{Errno, Yes};
            use super::backends::Kind;

            $(
                #[test]
                #[allow(non_snake_case, reason = "named after the backend")]
                fn $kind() {
                    super::run(stringify!($program), Kind::$kind, $cell);
                }
            )+
        })+
    };
}

use Cell::{Errno, Yes};

programs! {
    http_client, "HTTP client (`reqwless`)":
        Std Yes, Smoltcp Yes, Modem17 Yes, Modem22 Yes, Modem22Active Yes;
    https_client, "HTTPS client, certificate verified (`embedded-tls`)":
        Std Yes, Smoltcp Yes, Modem17 Yes, Modem22 Yes, Modem22Active Yes;
    web_server, "HTTP and WebSocket server (`edge-http`, `edge-ws`)":
        Std Yes, Smoltcp Yes, Modem17 Yes, Modem22 Yes, Modem22Active Yes;
    mqtt_client, "MQTT client (`rust-mqtt`)":
        Std Yes, Smoltcp Yes, Modem17 Yes, Modem22 Yes, Modem22Active Yes;
    sntp_client, "SNTP client (`sntpc`)":
        Std Yes, Smoltcp Yes, Modem17 Yes, Modem22 Errno("EOPNOTSUPP"), Modem22Active Yes;
    mdns_responder, "mDNS responder (`edge-mdns`)":
        Std Yes, Smoltcp Yes, Modem17 Errno("ENOPROTOOPT"), Modem22 Errno("EOPNOTSUPP"),
        Modem22Active Yes;
}

/// Runs a program on a backend; it must do what its cell says.
fn run(program: &str, kind: Kind, cell: Cell) {
    let outcome = match program {
        "http_client" => http::run(kind),
        "https_client" => https::run(kind),
        "web_server" => server::run(kind),
        "mqtt_client" => mqtt::run(kind),
        "sntp_client" => sntp::run(kind),
        _ => mdns::run(kind),
    };
    match (cell, outcome) {
        (Yes, Ok(())) => {}
        (Errno(wanted), Err(said)) if said.contains(wanted) => {}
        (_, outcome) => panic!("{program} on {kind:?} should be {cell:?} and is {outcome:?}"),
    }
}
