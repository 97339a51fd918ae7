//! Routine 2 of the reference text: send a picture over a TCP connection.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::{Source, scene, send};
use usocket_examples::{Bar, Network, OpenFile, Program, Site, Trouble, address, out, program};

const HELP: &str = "
Sends a file over a plain TCP connection; receive_picture is the other end.

usage: send_picture [options] [address:port]

  --file FILE       what to send (default: the picture of download_picture)
{network}
  --help            this text

The address is 127.0.0.1:3456 unless given.
";

fn main() -> ExitCode {
    program("send_picture", HELP, |mut parser| {
        let mut to = None;
        let mut file = None;
        let mut network = Network::std();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("file") => file = Some(PathBuf::from(parser.value()?)),
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                Value(text) if to.is_none() => to = Some(address(&text.string()?)?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let to = to.unwrap_or((Ipv4Addr::LOCALHOST, 3456));
        match file {
            None => network.run(Send { to, file: scene::Scene, len: scene::LEN.into() }),
            Some(path) => {
                let (file, len) = OpenFile::open(&path)
                    .map_err(|error| Trouble::of(&path.display().to_string(), error))?;
                network.run(Send { to, file, len })
            }
        }
    })
}

struct Send<S> {
    to: (Ipv4Addr, u16),
    file: S,
    len: u64,
}

impl<S: Source + core::marker::Send> Program for Send<S> {
    fn run<B: Backend>(mut self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let to = format!("{}:{}", self.to.0, self.to.1);
        let sent = send(net, site.peer(self.to), &mut self.file, Some(self.len), &mut Bar::new())
            .map_err(|error| Trouble::of(&to, error))?;
        out(format_args!("sent {sent} bytes to {to}"));
        Ok(())
    }
}
