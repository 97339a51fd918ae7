//! Many clients, TCP and UDP, one poll.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::{EchoServer, Kind};
use usocket_examples::{Network, Printer, Program, Site, Trouble, address, out, program};

const HELP: &str = "
Sends back what it gets, TCP and UDP on one port, up to 62 clients at once.

usage: echo_server [options] [address:port]

  --clients N       end after N clients have come and gone (default: never)
{network}
  --help            this text

The address is 127.0.0.1:7007 unless given; port 0 picks a free one. Try it with
`nc 127.0.0.1 7007` and `nc -u 127.0.0.1 7007`.
";

fn main() -> ExitCode {
    program("echo_server", HELP, |mut parser| {
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
        network.run(Echo { at: at.unwrap_or((Ipv4Addr::LOCALHOST, 7007)), clients })
    })
}

struct Echo {
    at: (Ipv4Addr, u16),
    clients: usize,
}

impl Program for Echo {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let at = format!("{}:{}", self.at.0, self.at.1);
        let spot = site.server(self.at, Kind::Both)?;
        let serve = || {
            let mut server = EchoServer::<B, 64, 2048>::new(net, spot.bind)?;
            out(format_args!("echo on {}, TCP and UDP", spot.seen(server.local_addr()?)));
            while server.served() < self.clients {
                server.turn(None, &mut Printer)?;
            }
            Ok::<(), Error>(())
        };
        serve().map_err(|error| Trouble::of(&at, error))
    }
}
