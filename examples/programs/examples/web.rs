//! A web server of `edge-http` that echoes WebSocket messages with `edge-ws`.

mod common;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_example_apps::Kind;
use usocket_examples::{Program, Site, Trouble, address, out, program};

use common::{failed, given};

const HELP: &str = "
Serves a page at / and echoes WebSocket messages at /echo, until somebody asks for /stop.

usage: web [options] [address:port]

{network}
  --help            this text

The address is 127.0.0.1:8000 unless given. Try it with a browser or `curl`.
";

const PAGE: &[u8] = b"<script>
  const s = new WebSocket(`ws://${location.host}/echo`);
  s.onmessage = message => document.body.append(message.data);
  s.onopen = () => s.send('hello, and hello again');
</script>";

fn main() -> ExitCode {
    program("web", HELP, |parser| {
        let given = given(parser, 1)?;
        let at = given.values.first().map(|text| address(text)).transpose()?;
        given.network.run(Serve(at.unwrap_or((Ipv4Addr::LOCALHOST, 8000))))
    })
}

struct Serve((Ipv4Addr, u16));

impl Program for Serve {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let spot = site.server(self.0, Kind::Tcp)?;
        let bound = std::net::SocketAddr::from(spot.bind).into();
        out(format_args!("serving on {}", spot.seen(bound)));
        let stack = Stack::new(net);
        net.block_on(usocket_programs::server::serve(&stack, spot.bind.into(), PAGE))
            .map_err(failed)
    }
}
