//! The access points around a modem.

use std::process::ExitCode;

use lexopt::prelude::*;
use usocket::esp8285::AccessPoint;
use usocket_examples::{Network, Trouble, out, program};

const HELP: &str = "
Lists the access points that a Wi-Fi modem hears, the strongest first.

usage: wifi_scan [options]

{network}
  --help            this text

The backend is esp8285-at unless given, the only one with a radio. It does not join.
";

fn main() -> ExitCode {
    program("wifi_scan", HELP, |mut parser| {
        let mut network = Network::modem();
        while let Some(arg) = parser.next()? {
            match arg {
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let found = network.scan()?;
        out(format_args!("  dBm  channel  security  address            name"));
        found.iter().for_each(show);
        out(format_args!("{} access points", found.len()));
        Ok(())
    })
}

fn show(found: &AccessPoint) {
    let AccessPoint { ssid, bssid, rssi, channel, security } = found;
    let security = SECURITY.get(usize::from(*security)).unwrap_or(&"?");
    let address = bssid.map(|byte| format!("{byte:02x}")).join(":");
    // A name is any bytes; nothing in it may steer the terminal.
    let name = ssid.escape_ascii();
    out(format_args!("{rssi:5}  {channel:7}  {security:8}  {address}  {name}"));
}

/// As the modem numbers them.
const SECURITY: [&str; 8] = ["open", "WEP", "WPA", "WPA2", "WPA/WPA2", "802.1X", "WPA3", "WPA2/3"];
