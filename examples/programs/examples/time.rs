//! Asks a time server with `sntpc` by how much this machine's clock is wrong.

mod common;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sntpc::NtpTimestampGenerator;
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_examples::{Program, Site, Trouble, address, out, program};

use common::{failed, given};

const HELP: &str = "
Asks a time server (SNTP) by how much this machine's clock is wrong.

usage: time [options] address:port

{network}
  --help            this text
";

fn main() -> ExitCode {
    program("time", HELP, |parser| {
        let given = given(parser, 1)?;
        let [server] = &given.values[..] else { return Err(Trouble::Usage("no server".into())) };
        given.network.run(Ask(address(server)?))
    })
}

struct Ask((Ipv4Addr, u16));

/// This machine's clock.
#[derive(Clone, Copy, Default)]
struct Clock(Duration);

impl NtpTimestampGenerator for Clock {
    fn init(&mut self) {
        self.0 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    }

    fn timestamp_sec(&self) -> u64 {
        self.0.as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        self.0.subsec_micros()
    }
}

impl Program for Ask {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).map_err(failed)?;
        let asked = usocket_programs::sntp::ask(&stack, site.peer(self.0).into(), Clock::default());
        let answer = net.block_on(asked).map_err(failed)?;
        let (offset, trip) = (answer.offset(), answer.roundtrip());
        out(format_args!("{offset} us, after a round trip of {trip} us"));
        Ok(())
    }
}
