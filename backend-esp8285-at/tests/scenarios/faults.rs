//! Section 11.4: lost bytes, noise, reboots, a modem that hangs.

use std::time::Duration;

use esp8285_sim::uart::{Receiver, UartConfig};
use esp8285_sim::{Event, Knobs};
use esp8285_world::PortConfig;
use usocket_conformance::Step;
use usocket_core::Error;

use crate::driver::{PATIENCE, Sock};
use crate::others::bytes;
use crate::profile::Profile;
use crate::stage::{Cast, Outcome, Plan, Stage, ensure, play};
use crate::wire::Way;

/// Reads a stream until it ends; what was read, which must be the pattern's beginning, and
/// how it ended.
fn prefix(stage: &Stage<'_, '_>, socket: Sock) -> Result<(usize, Option<Error>), String> {
    let mut got = Vec::new();
    let mut buf = [0; 700];
    let error = loop {
        match stage.recv(socket, &mut buf) {
            Ok(0) => break None,
            Ok(len) => got.extend_from_slice(&buf[..len]),
            Err(error) => break Some(error),
        }
    };
    let wanted = bytes(got.len() as u64);
    let wrong = got.iter().zip(&wanted).position(|(got, wanted)| got != wanted);
    match wrong {
        Some(at) => Err(format!("wrong from {at} on")),
        None => Ok((got.len(), error)),
    }
}

/// Begins two long streams; the first one is on link 4.
fn two_streams(stage: &Stage<'_, '_>, len: u32) -> Result<[Sock; 2], String> {
    let steps = [Step::Wait(200), Step::Send(len), Step::Fin, Step::Hold];
    let (_, first) = stage.server(&steps)?;
    let (_, second) = stage.server(&steps)?;
    Ok([stage.connect(first)?, stage.connect(second)?])
}

/// Bytes lost inside counted payload end that link, and no other if they were asked for.
pub(crate) fn scenario_31_a_byte_lost_in_payload(on: Profile, cast: Cast) -> Outcome {
    for (exact_losses, fifo_depth) in [(true, 16), (true, 8), (false, 16), (false, 8)] {
        let port = PortConfig { exact_losses, ..PortConfig::default() };
        let receiver = Receiver { fifo_depth, ..Receiver::default() };
        let uart = UartConfig { receiver, ..UartConfig::default() };
        let plan = Plan { port, uart, ..Plan::default() };
        play(on, cast, plan, |stage| overrun(stage, on.passive()))
            .map_err(|text| format!("{fifo_depth}, told at its place {exact_losses}: {text}"))?;
    }
    // Nothing says so. Pushed data have no framing that would tell.
    if !on.passive() {
        return Ok(());
    }
    for lost in [&[1][..], &[17], &[18, 19], &[100], &[700, 701, 702], &[1_990]] {
        play(on, cast, Plan::default(), |stage| {
            let [hurt, other] = two_streams(stage, 6_000)?;
            let tap = stage.tap_handle();
            stage.when(Way::Heard, "+CIPRECVDATA", move |_| tap.borrow_mut().lose(lost));
            let ends = [prefix(stage, hurt)?, prefix(stage, other)?];
            let whole = ends.iter().filter(|end| **end == (6_000, None)).count();
            let told = ends.iter().filter(|end| end.1 == Some(Error::EIO)).count();
            ensure(whole == 1 && told == 1, || format!("{ends:?}"))?;
            stage.still_works()
        })
        .map_err(|text| format!("bytes {lost:?}: {text}"))?;
    }
    Ok(())
}

/// The interrupt handler is late, and the receiver says so.
fn overrun(stage: &Stage<'_, '_>, passive: bool) -> Outcome {
    let [hurt, other] = two_streams(stage, 6_000)?;
    let head = if passive { "+CIPRECVDATA" } else { "+IPD,4," };
    let late = |world: &esp8285_world::World<esp8285_world::Stack<'_>>, millis| {
        let latency = Duration::from_millis(millis);
        world.with_uart(|uart, now| uart.set_irq_latency(now, latency));
    };
    stage.when(Way::Heard, head, move |world| late(world, 3));
    // The driver asks whether the modem is there.
    stage.when(Way::Sent, "\nAT\r\n", move |world| late(world, 0));
    let begun = stage.now();
    let (got, error) = prefix(stage, hurt)?;
    ensure(error == Some(Error::EIO), || format!("after {got} bytes {error:?}"))?;
    let took = stage.now().saturating_since(begun);
    ensure(took < Duration::from_secs(5), || format!("found after {took:?}"))?;
    let (got, error) = prefix(stage, other)?;
    let lives = if passive {
        (got, error) == (6_000, None)
    } else {
        // What is pushed while the driver finds its place is lost to others as well.
        error == Some(Error::EIO) || (got, error) == (6_000, None)
    };
    ensure(lives, || format!("the other: {got} bytes, {error:?}"))?;
    stage.still_works()
}

/// Noise at the boot, whatever it looks like; `ready` never or twice.
pub(crate) fn scenario_32_noise_before_ready(on: Profile, cast: Cast) -> Outcome {
    let texts: [&[u8]; 7] = [
        b"",
        b"OK\r\n",
        b"\r\nOK\r\n\r\nERROR\r\n",
        b"\r\n+IPD,0,50:",
        b"+CIPRECVDATA,2000:",
        b"0,CONNECT\r\n+IPD,0,5:hello",
        b"ets Jan  8 2013,rst cause:1, boot mode:(3,7)\r\nwdt reset\r\n",
    ];
    for (text, ready_times) in texts.into_iter().zip([1, 0, 2, 1, 2, 0, 1]) {
        for boot_noise in [0, 93] {
            let boot_text = text.to_vec();
            let knobs = Knobs { boot_noise, boot_text, ready_times, ..Knobs::default() };
            play(on, cast, Plan { knobs, ..Plan::default() }, |stage| stage.still_works())
                .map_err(|error| format!("{} {ready_times}: {error}", text.escape_ascii()))?;
        }
    }
    Ok(())
}

/// The modem boots by itself, in whatever it is doing.
pub(crate) fn scenario_33_a_reboot_at_any_place(on: Profile, cast: Cast) -> Outcome {
    let payload = if on.passive() { "+CIPRECVDATA" } else { "+IPD,4," };
    let places: [(Way, &str); 6] = [
        (Way::Sent, ""),
        (Way::Sent, "AT+CIPSEND"),
        (Way::Heard, ">"),
        (Way::Heard, "Recv"),
        (Way::Heard, payload),
        (Way::Sent, "AT+CIPDOMAIN=\"peer"),
    ];
    for fast_baud in [None, Some(460_800)] {
        for (way, text) in places {
            play(on, cast, Plan { fast_baud, ..Plan::default() }, |stage| reboot(stage, way, text))
                .map_err(|error| format!("{way:?} {text:?}, {fast_baud:?}: {error}"))?;
        }
        let plan = Plan { fast_baud, unjoined: true, ..Plan::default() };
        play(on, cast, plan, |stage| {
            stage.when(Way::Sent, "AT+CWJAP", |world| {
                world.with_modem(|modem, now| modem.reset(now));
            });
            let joined = stage.driver().join(esp8285_world::SSID.as_bytes(), b"password");
            stage.pass(25_000);
            stage.still_works().map_err(|error| format!("{joined:?}, {error}"))
        })
        .map_err(|error| format!("while joining, {fast_baud:?}: {error}"))?;
    }
    Ok(())
}

fn reboot(stage: &Stage<'_, '_>, way: Way, text: &str) -> Outcome {
    let [first, second] = two_streams(stage, 4_000)?;
    let reset = |world: &esp8285_world::World<esp8285_world::Stack<'_>>| {
        world.with_modem(|modem, now| modem.reset(now));
    };
    if text.is_empty() {
        stage.pass(300);
        reset(stage.world());
    } else {
        stage.when(way, text, reset);
        // The wish of each is that it fails.
        let _ = stage.driver().send(first, &bytes(900));
        let _ = stage.driver().resolve("peer.test");
    }
    for socket in [first, second] {
        let begun = stage.now();
        let (got, error) = prefix(stage, socket)?;
        let took = stage.now().saturating_since(begun);
        let whole = got == 4_000 && error.is_none();
        let told = matches!(error, Some(Error::ECONNRESET | Error::ECONNABORTED | Error::EIO));
        ensure((told || whole) && took < Duration::from_secs(10), || {
            format!("after {got} bytes {error:?}, told after {took:?}")
        })?;
        stage.driver().close(socket);
    }
    stage.pass(25_000);
    stage.still_works()
}

/// The rate is switched, with what is lost by it, or cannot be.
pub(crate) fn scenario_34_a_switch_of_the_rate(on: Profile, cast: Cast) -> Outcome {
    for lost in [0, 1, 7, 30] {
        let plan = Plan { fast_baud: Some(460_800), unjoined: true, ..Plan::default() };
        play(on, cast, plan, |stage| {
            stage.tap().lose_after_switch(lost);
            let joined = stage.driver().join(esp8285_world::SSID.as_bytes(), b"password");
            stage.ok("join", joined)?;
            stage.still_works()?;
            // More than the replies to its probes, and it may go back.
            let baud = stage.world().with_modem(|modem, _| modem.baud());
            ensure(baud == 460_800 || lost > 10, || format!("{baud} baud"))
        })
        .map_err(|text| format!("{lost} bytes lost: {text}"))?;
    }
    // More than it takes: `ERROR`.
    let plan = Plan { fast_baud: Some(5_000_000), ..Plan::default() };
    play(on, cast, plan, |stage| {
        stage.still_works()?;
        let baud = stage.world().with_modem(|modem, _| modem.baud());
        ensure(baud == 115_200, || format!("{baud} baud"))
    })
}

/// A modem that says `busy` for ever is restarted.
pub(crate) fn scenario_35_endless_busy_ends_in_a_restart(on: Profile, cast: Cast) -> Outcome {
    for name in ["CIPDOMAIN", "CIPSTART", "CIPCLOSE"] {
        let knobs = Knobs { hang_on: vec![(name.to_owned(), 0)], ..Knobs::default() };
        play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
            let begun = stage.now();
            let (_, at) = stage.server(&[Step::Echo])?;
            let resolved = stage.driver().resolve("peer.test");
            let connected = stage.driver().connect(at);
            if let Ok(socket) = connected {
                stage.driver().close(socket);
            }
            let took = stage.now().saturating_since(begun);
            ensure(took < PATIENCE * 3, || format!("told after {took:?}"))?;
            stage.pass(60_000);
            let forced = Event::Reboot("AT+RST while busy");
            let events = stage.events();
            ensure(events.contains(&forced), || {
                format!("no restart; {resolved:?}, {connected:?}")
            })?;
            stage.still_works()
        })
        .map_err(|text| format!("{name}: {text}"))?;
    }
    Ok(())
}

/// A modem whose receiver stalls in a long send: pieces are short enough, and if it stalls all
/// the same the driver recovers.
pub(crate) fn scenario_36_a_send_that_stalls(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { rx_stall_after: Some(1_024), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let (actor, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        stage.send(socket, &bytes(6_000))?;
        stage.driver().close(socket);
        let report = stage.settle(actor);
        ensure(report.received == 6_000, || format!("the peer got {}", report.received))
    })?;
    let knobs = Knobs { rx_stall_after: Some(500), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let (_, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        let _ = stage.driver().send(socket, &bytes(900));
        let (_, error) = prefix(stage, socket)?;
        ensure(error.is_some(), || "a send that stalled is success".to_owned())?;
        stage.driver().close(socket);
        stage.pass(5_000);
        stage.still_works()
    })
}

/// Lines of a log on the AT port, and no `Recv`.
pub(crate) fn scenario_37_a_chatty_modem(on: Profile, cast: Cast) -> Outcome {
    for silent_recv in [false, true] {
        for plain in [true, false] {
            let knobs = Knobs { chatty: true, silent_recv, ..Knobs::default() };
            // Without `Recv` nothing would say that a `CIPSENDBUF` has its data.
            if silent_recv && !plain && on.nonos() {
                continue;
            }
            play(on, cast, Plan { knobs, plain, ..Plan::default() }, |stage| chat(stage, on))
                .map_err(|text| format!("silent {silent_recv}, plain {plain}: {text}"))?;
        }
    }
    Ok(())
}

fn chat(stage: &Stage<'_, '_>, on: Profile) -> Outcome {
    if on.udp() {
        let socket = stage.ok("udp", stage.driver().udp(4_000))?;
        stage.pass(200);
        stage.driver().close(socket);
    }
    let logs = "local port:2390\r\n\r\nchange type:2\r\n\r\n";
    stage.say_when(Way::Sent, "AT+CIPSTART", logs.as_bytes());
    let (actor, at) = stage.server(&[Step::Send(3_000), Step::Recv(500), Step::Fin, Step::Hold])?;
    let socket = stage.connect(at)?;
    stage.send(socket, &bytes(500))?;
    stage.expect(socket, &bytes(3_000))?;
    stage.expect_end(socket)?;
    stage.driver().close(socket);
    let report = stage.settle(actor);
    ensure(report.received == 500, || format!("the peer got {}", report.received))
}

/// Echo: cut by a line of the modem's own, and switched off late.
pub(crate) fn scenario_38_echo(on: Profile, cast: Cast) -> Outcome {
    let lines: [&[u8]; 4] = [b"CONNECT\r\n", b"0,CONNECT\r\n", b"WIFI CONNECTED\r\n", b"\r\n"];
    for line in lines {
        for text in ["A", "AT", "ATE", "ATE0\r"] {
            let plan = Plan { unjoined: true, ..Plan::default() };
            play(on, cast, plan, |stage| {
                stage.say_when(Way::Sent, text, line);
                let joined = stage.driver().join(esp8285_world::SSID.as_bytes(), b"password");
                stage.ok("join", joined)?;
                stage.still_works()
            })
            .map_err(|error| format!("{} after {text:?}: {error}", line.escape_ascii()))?;
        }
    }
    // `ATE0` is refused at first.
    let knobs = Knobs { busy_for: Duration::from_millis(120), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| stage.still_works())
}
