//! Section 11.2: what other drivers do wrong.

use std::time::Duration;

use esp8285_sim::uart::UartConfig;
use esp8285_sim::{AccessPoint, Event, Knobs, NoticePolicy, SendOutcome, Version};
use esp8285_world::SSID;
use usocket_conformance::{Digest, Step, pattern};
use usocket_core::Error;

use crate::maixpy::nasty;
use crate::profile::Profile;
use crate::stage::{Cast, Outcome, Plan, Stage, ensure, forever, play};
use crate::wire::Way;

/// The first bytes of the kit's pattern.
pub(crate) fn bytes(len: u64) -> Vec<u8> {
    (0..len).map(pattern).collect()
}

/// What is unread when the peer closes is read; what may have been sent is not sent again.
pub(crate) fn scenario_11_data_outlive_closed_and_nothing_is_resent(
    on: Profile,
    cast: Cast,
) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        // More than a ring holds, where the modem holds the rest.
        let len = if on.passive() { 5_800 } else { 3_000 };
        let steps = [Step::Wait(100), Step::Send(len), Step::Fin, Step::Hold];
        let (_, at) = stage.server(&steps)?;
        let socket = stage.connect(at)?;
        stage.pass(1_500);
        stage.expect(socket, &bytes(len.into()))?;
        stage.expect_end(socket)
    })?;
    if on.version == Version::V1_5 {
        // `CLOSED` before the rest of the data (NONOS#124).
        let knobs = Knobs { early_closed: true, ..Knobs::default() };
        play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
            let (_, at) = stage.server(&[Step::Wait(100), Step::Send(5_000), Step::Fin])?;
            let socket = stage.connect(at)?;
            stage.expect(socket, &bytes(5_000))?;
            stage.expect_end(socket)
        })?;
    }
    for by in [2, 20, 60].map(Duration::from_secs) {
        let outcomes = vec![(0, SendOutcome::Late(by)), (1, SendOutcome::Honest)];
        let knobs = Knobs { send_outcome: outcomes, ..Knobs::default() };
        play(on, cast, Plan { knobs, plain: true, ..Plan::default() }, late_result)?;
    }
    Ok(())
}

fn late_result(stage: &Stage<'_, '_>) -> Outcome {
    let (actor, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
    let socket = stage.connect(at)?;
    // Whether this is success depends on how long the driver waits.
    let _ = stage.driver().send(socket, &bytes(500));
    // The result comes while something else is going on.
    for _ in 0..70 {
        stage.pass(1_000);
        let _ = stage.driver().resolve("peer.test");
    }
    stage.driver().close(socket);
    let report = stage.settle(actor);
    ensure((report.received, report.digest) == (500, Digest::of_pattern(500)), || {
        format!("the peer got {} bytes of 500", report.received)
    })?;
    stage.still_works()
}

/// `busy` because of a stray byte is not the end of the command that runs.
pub(crate) fn scenario_12_busy_is_no_final_result(on: Profile, cast: Cast) -> Outcome {
    // The driver tries again every so often; its result must not fall between.
    for millis in (300..360).step_by(3) {
        let uart = UartConfig { tx_depth: 600, ..UartConfig::default() };
        let round_trip = Duration::from_millis(millis);
        play(on, cast, Plan { uart, round_trip, ..Plan::default() }, |stage| {
            let (actor, at) = stage.server(&[Step::Text(b"hello"), Step::RecvToEnd, Step::Hold])?;
            stage.when(Way::Sent, format!("\",{}\r\n", at.port()), |world| {
                world.port().write(b"\n");
            });
            let socket = stage.connect(at)?;
            stage.expect(socket, b"hello")?;
            stage.send(socket, b"thanks")?;
            stage.driver().close(socket);
            ensure(&stage.settle(actor).head[..] == b"thanks", || "no thanks".to_owned())?;
            let opened = |event: &Event| matches!(event, Event::Opened { .. });
            let opened = stage.events().into_iter().filter(opened).count();
            ensure(opened == 1, || format!("{opened} links for one connect"))
        })
        .map_err(|text| format!("{millis} ms away: {text}"))?;
    }
    Ok(())
}

/// What is buffered survives `CLOSED`, and reads ask for no more than there is room for.
pub(crate) fn scenario_13_buffered_data_come_first(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let steps = [Step::Send(300), Step::Wait(300), Step::Fin, Step::Hold];
        let (_, at) = stage.server(&steps)?;
        let socket = stage.connect(at)?;
        stage.pass(2_000);
        stage.expect(socket, &bytes(300))?;
        stage.expect_end(socket)
    })?;
    if !on.passive() {
        return Ok(());
    }
    play(on, cast, Plan::default(), |stage| {
        let (_, at) = stage.server(&[Step::Send(20_000), Step::Fin, Step::Hold])?;
        let socket = stage.connect(at)?;
        stage.pass(3_000);
        stage.expect(socket, &bytes(20_000))?;
        stage.expect_end(socket)
    })
}

/// A datagram socket learns that the network is gone, though no `CLOSED` says so on 2.x.
pub(crate) fn scenario_14_datagram_sockets_fail_with_the_network(
    on: Profile,
    cast: Cast,
) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let socket = stage.ok("udp", stage.driver().udp(4_000))?;
        stage.pass(100);
        stage.world().with_modem(|modem, now| {
            modem.set_access_point(now, SSID.as_bytes(), false);
        });
        let begun = stage.now();
        let result = stage.driver().recv_from(socket, &mut [0; 16]);
        let took = stage.now().saturating_since(begun);
        let failed = result == Err(Error::ENETDOWN) && took < Duration::from_secs(1);
        ensure(failed, || format!("{result:?} after {took:?}"))
    })
}

/// From the command of a send to its result nothing else is said, whatever comes.
pub(crate) fn scenario_15_nothing_is_said_during_a_send(on: Profile, cast: Cast) -> Outcome {
    for plain in [true, false] {
        let knobs = Knobs {
            prompt_latency: Duration::from_millis(150),
            recv_latency: Duration::from_millis(50),
            ack_latency: Duration::from_millis(50),
            ..Knobs::default()
        };
        play(on, cast, Plan { knobs, plain, ..Plan::default() }, |stage| {
            let talk = [Step::Text(b"tick"), Step::Wait(23)].repeat(10);
            let (_, other) = stage.server(&[&talk[..], &[Step::Hold]].concat())?;
            let (actor, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
            let listener = stage.connect(other)?;
            let socket = stage.connect(at)?;
            stage.send(socket, &bytes(700))?;
            stage.expect(listener, &b"tick".repeat(10))?;
            stage.pass(500);
            stage.nothing_rejected()?;
            stage.driver().close(socket);
            let report = stage.settle(actor);
            ensure((report.received, report.digest) == (700, Digest::of_pattern(700)), || {
                format!("the peer got {} bytes: {}", report.received, report.head.escape_ascii())
            })
        })?;
    }
    Ok(())
}

/// Tags in payload that is read in small pieces while commands run.
pub(crate) fn scenario_16_tags_in_pieces_of_payload(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let text = forever(nasty());
        // No more than a ring holds, where they are pushed.
        let mut steps = Vec::new();
        for _ in 0..7 {
            steps.extend([Step::Text(text), Step::Wait(40)]);
        }
        let (_, at) = stage.server(&[&steps[..], &[Step::RecvToEnd, Step::Hold]].concat())?;
        let socket = stage.connect(at)?;
        for piece in text.repeat(7).chunks(97) {
            stage.world().pass(Duration::from_millis(3));
            stage.ok("resolve", stage.driver().resolve("peer.test"))?;
            stage.expect(socket, piece)?;
        }
        Ok(())
    })
}

/// Bytes that are no text, in payload and in names; lengths where they stand; ids that are
/// free again; replies that belong to the read.
pub(crate) fn scenario_17_bytes_lengths_ids_and_replies(on: Profile, cast: Cast) -> Outcome {
    no_text(on, cast)?;
    ids_are_free_again(on, cast)?;
    if on.udp() {
        crate::maixpy::scenario_04_long_heads_are_heads(on, cast)?;
    }
    if on.passive() { replies_belong_to_reads(on, cast) } else { Ok(()) }
}

fn no_text(on: Profile, cast: Cast) -> Outcome {
    let ssid = b"caf\xe9\xff\x80";
    let plan = Plan { air: vec![AccessPoint::new(ssid, b"password")], ..Plan::default() };
    play(on, cast, plan, |stage| {
        let found = stage.ok("scan", stage.driver().scan())?;
        let names = found.iter().filter(|(name, ..)| name == ssid).count();
        ensure(names == 1, || format!("{found:?}"))?;
        let text = forever((0..=255).rev().collect());
        let (_, at) = stage.server(&[Step::Text(text), Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        stage.expect(socket, text)?;
        stage.ok("join", stage.driver().join(ssid, b"password"))
    })
}

fn ids_are_free_again(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        for _ in 0..7 {
            let (actor, at) = stage.server(&[Step::Text(b"bye"), Step::Close, Step::Hold])?;
            let socket = stage.connect(at)?;
            stage.expect(socket, b"bye")?;
            stage.expect_end(socket)?;
            stage.driver().close(socket);
            stage.pass(50);
            stage.kit().stop(actor);
        }
        Ok(())
    })
}

fn replies_belong_to_reads(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let (_, at) = stage.server(&[Step::Wait(300), Step::Text(b"first"), Step::Hold])?;
        let (_, other) = stage.server(&[Step::Wait(900), Step::Text(b"second"), Step::Hold])?;
        let first = stage.connect(at)?;
        let second = stage.connect(other)?;
        // A notice of the other link comes between the command and its reply.
        stage.say_when(Way::Sent, "AT+CIPRECVDATA=4,", b"\r\n+IPD,3,6\r\n");
        stage.expect(first, b"first")?;
        stage.expect(second, b"second")
    })
}

/// What the reference driver does: ids from 4 down, no new link of a `CONNECT` for one that
/// is known, asking where a notice is missing, and all data before the end.
pub(crate) fn scenario_18_as_the_reference_driver_does(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { notice: Some(NoticePolicy::DropNth(1)), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let listener = stage.ok("listen", stage.driver().listen(7_000))?;
        let quiet = [Step::Wait(1_500), Step::Send(3_000), Step::Fin, Step::Hold];
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let (_, at) = stage.server(&quiet)?;
            sockets.push(stage.connect(at)?);
        }
        let opened: Vec<usize> = stage
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Opened { id, server: false, .. } => Some(id),
                _ => None,
            })
            .collect();
        ensure(opened == [4, 3], || format!("ids {opened:?}"))?;
        stage.say(b"4,CONNECT\r\n");
        for socket in sockets {
            stage.expect(socket, &bytes(3_000))?;
            stage.expect_end(socket)?;
        }
        // No client was made of it.
        stage.client(7_000, &[Step::Text(b"client"), Step::Hold])?;
        let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
        stage.expect(client, b"client")
    })
}
