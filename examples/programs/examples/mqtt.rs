//! Publishes with `rust-mqtt` and prints what the broker sends back.

mod common;

use std::process::ExitCode;

use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_examples::{Program, Site, Trouble, address, out, program};

use common::{failed, given};

const HELP: &str = "
Subscribes to a topic, publishes messages to it, and prints what comes back.

usage: mqtt [options] address:port TOPIC MESSAGE...

{network}
  --help            this text
";

fn main() -> ExitCode {
    program("mqtt", HELP, |parser| {
        let given = given(parser, 100)?;
        let [broker, topic, messages @ ..] = &given.values[..] else {
            return Err(Trouble::Usage("no broker, or no topic".into()));
        };
        let (topic, messages) = (topic.clone(), messages.to_vec());
        given.network.run(Echo { broker: address(broker)?, topic, messages })
    })
}

struct Echo {
    broker: (std::net::Ipv4Addr, u16),
    topic: String,
    messages: Vec<String>,
}

impl Program for Echo {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).map_err(failed)?;
        let messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        // A name that no other client has.
        let name = format!("usocket-{}", std::process::id());
        net.block_on(usocket_programs::mqtt::echo(
            &stack,
            site.peer(self.broker).into(),
            (&name, &self.topic),
            &messages,
            |message| out(format_args!("{}", String::from_utf8_lossy(message))),
        ))
        .map_err(failed)?;
        Ok(())
    }
}
