//! Sends readings to a collector, whatever the network does meanwhile.

use std::io::BufRead;
use std::process::ExitCode;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket_example_apps::http::Url;
use usocket_example_apps::telemetry::{Collector, Policy, Queue, upload};
use usocket_examples::{Network, Program, Site, Trouble, out, program, seconds};

const HELP: &str = "
Reads a number per line from standard input and sends them to a collector by POST over HTTP.
What fails is tried again, after pauses that grow.

usage: upload_telemetry [options] http://<host>[:port]/path

{network}
  --timeout SECONDS what one attempt may take (default: 10)
  --attempts N      attempts in a row that may fail (default: 5)
  --help            this text

Up to 1024 numbers are kept; the oldest go first. It ends with 0 if the collector has confirmed
all.
";

fn main() -> ExitCode {
    program("upload_telemetry", HELP, |mut parser| {
        let (mut url, mut network, mut policy) = (None, Network::std(), Policy::default());
        while let Some(arg) = parser.next()? {
            match arg {
                Long("timeout") => policy.attempt = seconds(&mut parser)?,
                Long("attempts") => policy.failures = parser.value()?.parse()?,
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                Value(text) if url.is_none() => url = Some(text.string()?),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let url = url.ok_or_else(|| Trouble::Usage("no URL".to_owned()))?;
        network.run(Upload { url, policy, queue: readings()? })
    })
}

/// The numbers on standard input.
fn readings() -> Result<Queue<1024>, Trouble> {
    let mut queue = Queue::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Trouble::of("standard input", error))?;
        queue.push(line.trim().parse().map_err(|error| Trouble::of(&line, error))?);
    }
    Ok(queue)
}

struct Upload {
    url: String,
    policy: Policy,
    queue: Queue<1024>,
}

impl Program for Upload {
    fn run<B: Backend>(mut self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let url = site.url(&self.url);
        let url = Url::parse(&url).map_err(|error| Trouble::of(&self.url, error))?;
        let collector = Collector { host: url.host, port: url.port, path: url.path };
        let sent = upload(net, &collector, &self.policy, &mut self.queue, &mut [0; 2048]);
        let sent = sent.map_err(|error| Trouble::of(&self.url, error))?;
        out(format_args!("sent {sent}, dropped {}", self.queue.dropped()));
        Ok(())
    }
}
