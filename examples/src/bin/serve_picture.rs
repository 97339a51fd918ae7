//! A web server with one picture.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::{Kind, scene, serve_picture};
use usocket_examples::{Network, Printer, Program, Site, Trouble, address, out, program};

const HELP: &str = "
Serves the picture of download_picture over HTTP, on every path, to one client after the
other.

usage: serve_picture [options] [address:port]

  --clients N       end after N clients (default: never)
{network}
  --help            this text

The address is 127.0.0.1:8000 unless given; port 0 picks a free one. Try it with a browser or
`curl http://127.0.0.1:8000/lake.bmp`.
";

fn main() -> ExitCode {
    program("serve_picture", HELP, |mut parser| {
        let mut at = None;
        let mut clients = usize::MAX;
        let mut network = Network::std();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("clients") => clients = parser.value()?.parse()?,
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                Value(text) if at.is_none() => at = Some(address(&text.string()?)?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        network.run(Serve { at: at.unwrap_or((Ipv4Addr::LOCALHOST, 8000)), clients })
    })
}

struct Serve {
    at: (Ipv4Addr, u16),
    clients: usize,
}

impl Program for Serve {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let spot = site.server(self.at, Kind::Tcp)?;
        let serve = || {
            let listener = net.tcp()?;
            listener.setsockopt(usocket::SOL_SOCKET, usocket::SO_REUSEADDR, 1)?;
            listener.bind(spot.bind)?;
            listener.listen(None)?;
            out(format_args!("serving on {}", spot.seen(listener.local_addr()?)));
            let (file, len) = (&mut scene::Scene, scene::LEN.into());
            serve_picture(&listener, file, len, self.clients, &mut [0; 4096], &mut Printer)
        };
        serve().map_err(|error| Trouble::of(&format!("{}:{}", self.at.0, self.at.1), error))
    }
}
