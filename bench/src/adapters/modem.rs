//! A transfer over the modem, in virtual time.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::VirtualNet;
use esp8285_world::Board;
use usocket_backend_esp8285_at::{Esp8285, Resources};
use usocket_core::nal::NbStack;
use usocket_core::prelude::*;
use usocket_core::spi::EventSource;

use super::moves::{Way, pull, pull_nb, push, push_nb};
use super::ops::connected_nb;
use crate::esp8285_suite::conditions::{Conditions, Firmware};
use crate::esp8285_suite::rig::{self, Wire};

/// A transfer.
pub(super) struct Line {
    pub(super) name: &'static str,
    firmware: Firmware,
    /// `None` is `embedded_nal`.
    way: Option<Way>,
    receive: bool,
}

pub(super) const LINES: &[Line] = &[
    line("nal-modem-1.7.6-async-recv", Firmware::V1_7_6, Some(Way::Async), true),
    line("nal-modem-1.7.6-async-send", Firmware::V1_7_6, Some(Way::Async), false),
    line("nal-modem-1.7.6-edge-recv", Firmware::V1_7_6, Some(Way::Edge), true),
    line("nal-modem-1.7.6-edge-send", Firmware::V1_7_6, Some(Way::Edge), false),
    line("nal-modem-1.7.6-nb-recv", Firmware::V1_7_6, None, true),
    line("nal-modem-1.7.6-nb-send", Firmware::V1_7_6, None, false),
    line("nal-modem-2.2-async-recv", Firmware::V2_2, Some(Way::Async), true),
    line("nal-modem-2.2-async-send", Firmware::V2_2, Some(Way::Async), false),
    line("nal-modem-2.2-nb-recv", Firmware::V2_2, None, true),
    line("nal-modem-2.2-nb-send", Firmware::V2_2, None, false),
];

const fn line(name: &'static str, firmware: Firmware, way: Option<Way>, receive: bool) -> Line {
    Line { name, firmware, way, receive }
}

type Net<'r> = Esp8285<'r, Wire<VirtualNet>, Board<VirtualNet>, NoopRawMutex, 4>;

/// Milliseconds of the transfer, through the adapter or by the native call.
pub(super) fn measure(line: &Line, adapter: bool) -> Result<f64, String> {
    let on = Conditions::new(line.firmware, BAUD);
    let world = rig::world(&on, TOTAL);
    let mut memory = Box::new(Resources::<2, 2, 4096, 4096>::new());
    let net: Net<'_> = Esp8285::new(Wire(world.port()), world.board(), &mut memory);
    net.connect(rig::SSID, rig::PASSWORD).map_err(|error| format!("join: {error}"))?;
    let port = if line.receive { rig::SOURCE } else { rig::SINK };
    let (mut buf, data) = (vec![0; PIECE], rig::content(PIECE));
    let began;
    if let Some(way) = line.way {
        let way = if adapter { way } else { Way::View };
        let socket = net.tcp().map_err(|error| error.to_string())?;
        socket.connect((rig::HOST, port)).map_err(|error| error.to_string())?;
        began = world.time();
        if line.receive {
            socket.send(b"!").map_err(|error| error.to_string())?;
            net.block_on(pull(way, &mut socket.into(), TOTAL, &mut buf));
        } else {
            net.block_on(push(way, &mut socket.into(), TOTAL, &data));
            net.drain(60).map_err(|error| error.to_string())?;
        }
    } else {
        let mut stack = NbStack::new(&net);
        let mut socket = connected_nb(&mut stack, (rig::HOST, port).into());
        began = world.time();
        let idle = || {
            let next = net.drive(net.platform().now());
            net.platform().idle(next, &mut || net.pending());
        };
        if line.receive {
            socket.socket().send(b"!").map_err(|error| error.to_string())?;
            pull_nb(adapter, &mut stack, &mut socket, TOTAL, &mut buf, idle);
        } else {
            push_nb(adapter, &mut stack, &mut socket, TOTAL, &data, idle);
            drop(socket);
            net.drain(60).map_err(|error| error.to_string())?;
        }
    }
    Ok(world.time().since(began).as_secs_f64() * 1e3)
}

/// A board's usual rate.
const BAUD: u32 = 921_600;
/// What a transfer moves.
const TOTAL: usize = 200_000;
/// The buffer of the program.
const PIECE: usize = 2048;
