//! The greenhouse on a PC: this file is all that a backend costs.

use std::process::ExitCode;

use greenhouse::{Climate, station};
use usocket::prelude::*;
use usocket::std::StdNet;

fn main() -> ExitCode {
    let Some(collector) = std::env::args().nth(1) else {
        eprintln!("usage: greenhouse-std host:port");
        return ExitCode::from(2);
    };
    let net = StdNet::new();
    // A PC has no sensors: one measurement, made up.
    let measured = [Climate { temperature: 214, humidity: 55 }];
    let outcome = station(&net, &collector, measured, |window| println!("window: {window:?}"));
    let drained = net.drain(5);
    match outcome.and_then(|reported| drained.map(|()| reported)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("greenhouse-std: {collector}: {error}");
            ExitCode::FAILURE
        }
    }
}
