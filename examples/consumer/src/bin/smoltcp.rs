//! The greenhouse on a TCP/IP stack of its own, at a TAP device of Linux: on a board it is the
//! same with the Ethernet driver and the clock of that board.

use std::process::ExitCode;
use std::time::Duration;

use greenhouse::{Climate, station};
use usocket::prelude::*;
use usocket::smoltcp::stack::phy::{Medium, TunTapInterface};
use usocket::smoltcp::{Config, Net, OWN, Storage};
use usocket::std::StdPlatform;

/// Two sockets at most, one connection, and one datagram socket that is never used.
type Memory<'a> = Storage<'a, 2, 1, 2048, 2048, 1, 7360, 4, { 1 + 1 + OWN }>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tap, collector] = &args[..] else {
        eprintln!("usage: greenhouse-smoltcp tap-device host:port");
        return ExitCode::from(2);
    };
    let device = match TunTapInterface::new(tap, Medium::Ethernet) {
        Ok(device) => device,
        Err(error) => {
            eprintln!("greenhouse-smoltcp: {tap}: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Nobody tells when a frame has come, so it looks.
    let config =
        Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp().poll_interval(Duration::from_millis(1));
    let mut memory = Memory::new();
    let run = || {
        let net: Net<'_, _, _> = Net::new(device, StdPlatform, &config, &mut memory)?;
        net.wait_up(30)?;
        // A PC has no sensors: one measurement, made up.
        let measured = [Climate { temperature: 214, humidity: 55 }];
        let reported = station(&net, collector, measured, |window| println!("window: {window:?}"));
        net.drain(5).and(reported)
    };
    match run() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("greenhouse-smoltcp: {collector}: {error}");
            ExitCode::FAILURE
        }
    }
}
