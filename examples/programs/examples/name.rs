//! Gives this machine a name in the local network, `.local`, with `edge-mdns`.

mod common;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_examples::{Program, Site, Trouble, out, program};

use common::{failed, given};

const HELP: &str = "
Answers who asks for NAME.local in the local network, for ever.

usage: name [options] NAME [INTERFACE]

INTERFACE is the local address of the network to use, and what the name stands for; 127.0.0.1
unless given, this machine alone.

{network}
  --help            this text
";

fn main() -> ExitCode {
    program("name", HELP, |parser| {
        let given = given(parser, 2)?;
        let Some(name) = given.values.first().cloned() else {
            return Err(Trouble::Usage("no name".into()));
        };
        let interface = given.values.get(1).map(|text| text.parse()).transpose();
        let interface = interface.map_err(failed)?.unwrap_or(Ipv4Addr::LOCALHOST);
        given.network.run(Respond { name, interface })
    })
}

struct Respond {
    name: String,
    interface: Ipv4Addr,
}

impl Program for Respond {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let group = (Ipv4Addr::new(224, 0, 0, 251), 5353);
        let on = site.group(group, self.interface)?;
        out(format_args!("{}.local is {}", self.name, self.interface));
        let stack = Stack::new(net);
        let random = rand::rng();
        net.block_on(usocket_programs::mdns::respond(
            &stack,
            &self.name,
            self.interface,
            on,
            random,
        ))
        .map_err(failed)
    }
}
