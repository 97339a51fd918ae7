//! Fetches a page with `embedded-tls`, from a server whose certificate is verified.

mod common;

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_tls::TlsClock;
use rand_core_06::OsRng;
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_examples::{Program, Site, Trouble, program};
use usocket_programs::https::{RECORD, Trust};

use common::{failed, given};

const HELP: &str = "
Fetches a page over HTTPS with embedded-tls and writes it to standard output. The server's
certificate must be signed, directly or by a chain, by the one in AUTHORITY (DER), be for
HOST, and be good today; all of P-256.

usage: https [options] AUTHORITY HOST /path [PORT [127.0.0.1]]

The last one is for a server on this machine that is called HOST.

{network}
  --help            this text
";

fn main() -> ExitCode {
    program("https", HELP, |parser| {
        let given = given(parser, 5)?;
        let mut values = given.values.into_iter();
        let mut next = |what: &str| values.next().ok_or(Trouble::Usage(format!("no {what}")));
        let authority = std::fs::read(next("AUTHORITY")?).map_err(failed)?;
        let (host, path) = (next("HOST")?, next("path")?);
        let port = next("PORT").map_or(Ok(443), |port| port.parse()).map_err(failed)?;
        let here = next("address").is_ok();
        given.network.run(Fetch { authority, host, path, port, here })
    })
}

struct Fetch {
    authority: Vec<u8>,
    host: String,
    path: String,
    port: u16,
    here: bool,
}

/// This machine's clock.
struct Clock;

impl TlsClock for Clock {
    fn now() -> Option<u64> {
        Some(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs())
    }
}

impl Program for Fetch {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).map_err(failed)?;
        let address = if self.here {
            site.peer((Ipv4Addr::LOCALHOST, self.port)).into()
        } else {
            let found = net.getaddrinfo(&self.host, self.port, Hints::stream());
            found.map_err(failed)?.first().sockaddr.into()
        };
        let (mut read, mut write) = (vec![0; RECORD], vec![0; 4096]);
        let mut page = std::io::stdout().lock();
        let mut written = Ok(());
        net.block_on(usocket_programs::https::fetch::<Clock, _, _>(
            &stack,
            address,
            (&self.host, &self.path),
            Trust { authority: &self.authority, random: OsRng },
            (&mut read, &mut write),
            |piece| written = page.write_all(piece),
        ))
        .map_err(failed)?;
        written.map_err(failed)
    }
}
