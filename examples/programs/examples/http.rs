//! Fetches a page with `reqwless`.

mod common;

use std::io::Write;
use std::process::ExitCode;

use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_examples::{Program, Site, Trouble, program};

use common::{failed, given};

const HELP: &str = "
Fetches a page over HTTP with reqwless and writes it to standard output.

usage: http [options] http://<host>[:port]/path

{network}
  --help            this text
";

fn main() -> ExitCode {
    program("http", HELP, |parser| {
        let given = given(parser, 1)?;
        let [url] = given.values.try_into().map_err(|_| Trouble::Usage("no URL".into()))?;
        given.network.run(Fetch(url))
    })
}

struct Fetch(String);

impl Program for Fetch {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).map_err(failed)?;
        let (url, mut work) = (site.url(&self.0), [0; 2048]);
        let mut page = std::io::stdout().lock();
        let mut written = Ok(());
        let sink = |piece: &[u8]| written = page.write_all(piece);
        let fetched = usocket_programs::http::fetch(&stack, &stack, &url, &mut work, sink);
        net.block_on(fetched).map_err(failed)?;
        written.map_err(failed)
    }
}
