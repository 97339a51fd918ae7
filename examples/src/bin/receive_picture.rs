//! The other end of routine 2: takes one file and saves it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::{Kind, receive};
use usocket_examples::{
    Bar, Network, PartFile, Program, Site, Spot, Trouble, address, hex, out, program, seconds,
};

const HELP: &str = "
Waits for one connection, saves what comes until its end, prints length and SHA-256.

usage: receive_picture [options] [address:port]

  --out FILE        where to save it (default: out/received.bmp)
  --timeout SECONDS for each wait for more bytes (default: 30)
{network}
  --help            this text

The address is 127.0.0.1:3456 unless given; 0.0.0.0 takes it from anywhere, and
port 0 picks a free one.
";

fn main() -> ExitCode {
    program("receive_picture", HELP, |mut parser| {
        let mut at = None;
        let mut path = PathBuf::from("out/received.bmp");
        let mut timeout = Duration::from_secs(30);
        let mut network = Network::std();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("out") => path = parser.value()?.into(),
                Long("timeout") => timeout = seconds(&mut parser)?,
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                Value(text) if at.is_none() => at = Some(address(&text.string()?)?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let at = at.unwrap_or((Ipv4Addr::LOCALHOST, 3456));
        network.run(Receive { at, path, timeout })
    })
}

struct Receive {
    at: (Ipv4Addr, u16),
    path: PathBuf,
    timeout: Duration,
}

impl Program for Receive {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let spot = site.server(self.at, Kind::Tcp)?;
        let listener = listen(net, &spot)
            .map_err(|error| Trouble::of(&format!("{}:{}", self.at.0, self.at.1), error))?;
        let cannot = |error| Trouble::of(&format!("cannot write {}", self.path.display()), error);
        let mut file = PartFile::create(&self.path).map_err(cannot)?;
        let (peer, got) =
            receive(&listener, self.timeout, &mut [0; 4096], &mut file, &mut Bar::new())
                .map_err(|error| Trouble::Failed(format!("not received: {error}")))?;
        file.keep().map_err(cannot)?;
        out(format_args!("saved {}: {} bytes from {peer}", self.path.display(), got.len));
        out(format_args!("SHA-256 {}", hex(&got.sha256)));
        Ok(())
    }
}

fn listen<'n, B: Backend>(net: &'n B, spot: &Spot) -> Result<Socket<'n, B>> {
    let listener = net.tcp()?;
    listener.setsockopt(usocket::SOL_SOCKET, usocket::SO_REUSEADDR, 1)?;
    listener.bind(spot.bind)?;
    listener.listen(1)?;
    out(format_args!("listening on {}", spot.seen(listener.local_addr()?)));
    Ok(listener)
}
