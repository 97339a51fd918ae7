//! Section 11.3: races between the modem, its peers and the driver.

use std::time::Duration;

use esp8285_sim::{Knobs, NoticePolicy, SendOutcome, Version};
use esp8285_world::SSID;
use usocket_conformance::{End, State, Step};
use usocket_core::{Error, Family, SockAddr};

use crate::driver::Sock;
use crate::maixpy::nasty;
use crate::others::bytes;
use crate::profile::Profile;
use crate::stage::{Cast, Outcome, Plan, Stage, ensure, forever, play};
use crate::wire::Way;

/// The port at which drivers listen.
const PORT: u16 = 7_000;

/// Connects to peers that keep quiet until links of these many are open.
fn hold_links(stage: &Stage<'_, '_>, count: usize) -> Result<Vec<Sock>, String> {
    let mut held = Vec::new();
    for _ in 0..count {
        let (_, at) = stage.server(&[Step::Echo])?;
        held.push(stage.connect(at)?);
    }
    Ok(held)
}

/// A socket whose peer sends back what it gets.
fn echoes(stage: &Stage<'_, '_>, socket: Sock, text: &[u8]) -> Outcome {
    stage.send(socket, text)?;
    stage.expect(socket, text)
}

/// A client that is given the id of an open in progress is a client, not the open's success.
pub(crate) fn scenario_19_a_client_takes_the_id_of_an_open(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { id_taken: true, ..Knobs::default() };
    let round_trip = Duration::from_millis(200);
    play(on, cast, Plan { knobs, round_trip, ..Plan::default() }, |stage| {
        let listener = stage.ok("listen", stage.driver().listen(PORT))?;
        let held = hold_links(stage, 4)?;
        let (_, at) = stage.server(&[Step::Text(b"server"), Step::Hold])?;
        let to = SockAddr::new([10, 0, 0, 1].into(), PORT);
        stage.start(&[Step::Connect(to), Step::Text(b"client"), Step::Echo])?;
        // It needs a round trip and a half, an open one.
        stage.pass(150);
        let result = stage.driver().connect(at);
        ensure(result.is_err(), || "a sixth link".to_owned())?;
        let (client, peer) = stage.ok("accept", stage.driver().accept(listener))?;
        ensure(peer.ip() == at.ip(), || format!("a client from {peer}"))?;
        stage.expect(client, b"client")?;
        echoes(stage, client, b"you")?;
        for socket in &held {
            echoes(stage, *socket, b"held")?;
        }
        stage.driver().close(held[0]);
        stage.pass(300);
        stage.still_works()
    })?;
    id_is_taken_before(on, cast).map_err(|text| format!("before: {text}"))?;
    if on.version == Version::V1_5 {
        id_is_taken_for_ever(on, cast).map_err(|text| format!("for ever: {text}"))?;
    }
    Ok(())
}

/// The id was wanted, but nobody had asked the modem for it yet.
fn id_is_taken_before(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { stale_closed: Duration::from_millis(150), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let listener = stage.ok("listen", stage.driver().listen(PORT))?;
        let held = hold_links(stage, 4)?;
        // After a refused connect the one that is left is held back for a while.
        let refusing = usocket_conformance::Peer::refusing(stage.kit().peer(), Family::V4);
        let refused = stage.driver().connect(refusing);
        ensure(refused.is_err(), || "a refused connect succeeded".to_owned())?;
        stage.client(PORT, &[Step::Text(b"client"), Step::Echo])?;
        let (_, at) = stage.server(&[Step::Text(b"server"), Step::Hold])?;
        let result = stage.driver().connect(at);
        ensure(result == Err(Error::ENOBUFS), || format!("a sixth link: {result:?}"))?;
        let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
        stage.expect(client, b"client")?;
        held.into_iter().try_for_each(|socket| echoes(stage, socket, b"held"))
    })
}

/// Before 1.6.0 the modem never answers an open whose id a client took (NONOS#50).
fn id_is_taken_for_ever(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { id_clash: true, ..Knobs::default() };
    let round_trip = Duration::from_millis(200);
    play(on, cast, Plan { knobs, round_trip, ..Plan::default() }, |stage| {
        let listener = stage.ok("listen", stage.driver().listen(PORT))?;
        hold_links(stage, 4)?;
        let (_, at) = stage.server(&[Step::Text(b"server"), Step::Hold])?;
        stage.client(PORT, &[Step::Text(b"client"), Step::Echo])?;
        stage.pass(150);
        let begun = stage.now();
        let result = stage.driver().connect(at);
        let took = stage.now().saturating_since(begun);
        let told = result.is_err() && took <= Duration::from_secs(30);
        ensure(told, || format!("{result:?} after {took:?}"))?;
        stage.pass(90_000);
        stage.client(PORT, &[Step::Text(b"later"), Step::Echo])?;
        loop {
            let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
            if stage.expect(client, b"later").is_ok() {
                break;
            }
            stage.driver().close(client);
        }
        stage.still_works()
    })
}

/// A `CLOSED` that is left over from a failed open does not close the next link.
pub(crate) fn scenario_20_a_stale_closed_closes_nothing(on: Profile, cast: Cast) -> Outcome {
    for held in [0, 4] {
        let stale_closed = Duration::from_millis(80);
        let knobs = Knobs { stale_closed, ..Knobs::default() };
        play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
            let held = hold_links(stage, held)?;
            let refusing = usocket_conformance::Peer::refusing(stage.kit().peer(), Family::V4);
            let refused = stage.driver().connect(refusing);
            ensure(refused.is_err(), || "a refused connect succeeded".to_owned())?;
            let (_, at) = stage.server(&[Step::Echo])?;
            if !on.nonos() {
                // Some logs of 2.x have it too.
                let lines: [&[u8]; 5] = [
                    b"0,CLOSED\r\n",
                    b"1,CLOSED\r\n",
                    b"2,CLOSED\r\n",
                    b"3,CLOSED\r\n",
                    b"4,CLOSED\r\n",
                ];
                stage.say(lines[4 - held.len()]);
            }
            let socket = stage.connect(at)?;
            echoes(stage, socket, b"new")?;
            stage.pass(500);
            echoes(stage, socket, b"still")?;
            held.into_iter().try_for_each(|socket| echoes(stage, socket, b"held"))
        })
        .map_err(|text| format!("{held} other links: {text}"))?;
    }
    Ok(())
}

/// The id of a closed link is given to a new client before the program has closed the socket.
pub(crate) fn scenario_21_an_id_lives_again_while_its_socket_is_open(
    on: Profile,
    cast: Cast,
) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let listener = stage.ok("listen", stage.driver().listen(PORT))?;
        stage.client(PORT, &[Step::Text(b"of a"), Step::Close])?;
        let (a, _) = stage.ok("accept", stage.driver().accept(listener))?;
        stage.pass(500);
        stage.client(PORT, &[Step::Text(b"of b"), Step::Echo])?;
        let (b, _) = stage.ok("accept", stage.driver().accept(listener))?;
        stage.pass(500);
        stage.expect(a, b"of a")?;
        stage.expect_end(a)?;
        stage.driver().close(a);
        stage.pass(500);
        let closes = stage.sent("AT+CIPCLOSE=0");
        ensure(closes == 0, || "the link of b was closed with a".to_owned())?;
        stage.expect(b, b"of b")?;
        echoes(stage, b, b"b lives")
    })
}

/// Each send has one outcome, however many results come.
pub(crate) fn scenario_22_each_send_has_one_outcome(on: Profile, cast: Cast) -> Outcome {
    let outcomes = vec![(0, SendOutcome::FailThenOk), (1, SendOutcome::Honest)];
    let knobs = Knobs { send_outcome: outcomes, ..Knobs::default() };
    play(on, cast, Plan { knobs, plain: true, ..Plan::default() }, |stage| {
        let (_, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        let other = hold_links(stage, 1)?[0];
        // The failure is told by this call or by the next one, once.
        let first = stage.driver().send(socket, b"failed");
        stage.pass(100);
        let second = stage.driver().send(socket, b"failed");
        ensure(first.is_err() || second.is_err(), || "SEND FAIL is success".to_owned())?;
        // `SEND OK` comes during this one.
        echoes(stage, other, b"other")?;
        stage.pass(200);
        echoes(stage, other, b"again")
    })?;
    // `CLOSED` anywhere in it, whether or not the program has closed the socket, too.
    let places = [(Way::Sent, "AT+CIPSEND"), (Way::Heard, "OK\r\n"), (Way::Heard, ">")];
    for (way, text) in places.into_iter().chain([(Way::Heard, "Recv 4 bytes\r\n")]) {
        for plain in [true, false] {
            for close in [true, false] {
                closed_in_send(on, cast, (way, text), plain, close).map_err(|error| {
                    format!("CLOSED at {text:?}, plain {plain}, close {close}: {error}")
                })?;
            }
        }
    }
    // Results with a segment belong to no send without one.
    play(on, cast, Plan { plain: true, ..Plan::default() }, |stage| {
        let socket = hold_links(stage, 1)?[0];
        stage.say_when(Way::Heard, "Recv 3 bytes\r\n", b"\r\n4,77,SEND OK\r\n");
        echoes(stage, socket, b"one")?;
        echoes(stage, socket, b"more")
    })
}

fn closed_in_send(
    on: Profile,
    cast: Cast,
    (way, text): (Way, &str),
    plain: bool,
    close: bool,
) -> Outcome {
    let knobs = Knobs {
        prompt_latency: Duration::from_millis(40),
        recv_latency: Duration::from_millis(20),
        ack_latency: Duration::from_millis(60),
        ..Knobs::default()
    };
    let round_trip = Duration::from_millis(60);
    play(on, cast, Plan { knobs, round_trip, plain, ..Plan::default() }, |stage| {
        let (_, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        let other = hold_links(stage, 1)?[0];
        stage.say_when(way, text, b"4,CLOSED\r\n");
        let _ = stage.driver().send(socket, b"last");
        if close {
            stage.driver().close(socket);
        } else {
            stage.expect_end(socket)?;
        }
        echoes(stage, other, b"other")?;
        stage.pass(500);
        stage.nothing_rejected()?;
        echoes(stage, other, b"again")
    })
}

/// Pushed data and notices at every place of section 2.4 where they were seen.
pub(crate) fn scenario_23_data_come_at_every_place(on: Profile, cast: Cast) -> Outcome {
    let places: [(Way, &str); 7] = [
        (Way::Sent, "AT+CIPSEND"),
        (Way::Sent, "=4,4\r\n"),
        (Way::Heard, "OK\r\n"),
        (Way::Heard, ">"),
        (Way::Sent, "data"),
        (Way::Heard, "Recv 4 bytes\r\n"),
        (Way::Heard, "SEND OK\r\n"),
    ];
    for (way, text) in places {
        for plain in [true, false] {
            let knobs = Knobs {
                prompt_latency: Duration::from_millis(40),
                recv_latency: Duration::from_millis(20),
                ack_latency: Duration::from_millis(20),
                ..Knobs::default()
            };
            let round_trip = Duration::from_millis(20);
            play(on, cast, Plan { knobs, round_trip, plain, ..Plan::default() }, |stage| {
                data_at(stage, way, text)
            })
            .map_err(|error| format!("{way:?} {text:?}, plain {plain}: {error}"))?;
        }
    }
    Ok(())
}

fn data_at(stage: &Stage<'_, '_>, way: Way, text: &str) -> Outcome {
    let (actor, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
    let socket = stage.connect(at)?;
    let other = hold_links(stage, 1)?[0];
    stage.pass(300);
    let pushed = !stage.on.passive();
    let trailer = if stage.on.nonos() { "" } else { "\r\n" };
    let nasty = nasty();
    let from = if stage.on.udp() { ",10.0.0.2,80" } else { "" };
    let head = format!("\r\n+IPD,3,{}{from}:", nasty.len());
    let push = [head.as_bytes(), &nasty, trailer.as_bytes()].concat();
    let line: &'static [u8] = if pushed { forever(push) } else { b"\r\n+IPD,3,9\r\n" };
    if text.contains("SEND OK") && stage.on.nonos() {
        // Three fields, or two.
        stage.say_when(way, "SEND OK\r\n", line);
    } else {
        stage.say_when(way, text, line);
    }
    stage.send(socket, b"data")?;
    stage.pass(300);
    if pushed {
        stage.expect(other, &nasty)?;
    }
    echoes(stage, other, b"other")?;
    stage.send(socket, b"more")?;
    stage.nothing_rejected()?;
    stage.driver().close(socket);
    let report = stage.settle(actor);
    ensure(&report.head[..] == b"datamore", || format!("{}", report.head.escape_ascii()))
}

/// A notice that never comes: the data are found by asking, within a second.
pub(crate) fn scenario_24_data_without_a_notice_are_found(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { notice: Some(NoticePolicy::DropNth(1)), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let listener = stage.ok("listen", stage.driver().listen(PORT))?;
        let steps = [Step::Text(b"one"), Step::Wait(3_000), Step::Text(b"two"), Step::Hold];
        stage.client(PORT, &steps)?;
        let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
        for text in [b"one", b"two"] {
            let mut buf = [0; 8];
            let begun = stage.now();
            let got = stage.ok("recv", stage.recv(client, &mut buf))?;
            ensure(&buf[..got] == text, || buf[..got].escape_ascii().to_string())?;
            let took = stage.now().saturating_since(begun);
            // The second one was sent about three seconds after the first.
            let late = if text == b"one" { 1_000 } else { 4_000 };
            ensure(took <= Duration::from_millis(late), || format!("{text:?} took {took:?}"))?;
        }
        Ok(())
    })
}

/// Notices that say nothing new, or nothing at all.
pub(crate) fn scenario_25_notices_that_mean_nothing(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { notice: Some(NoticePolicy::PerSegment), ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let steps = [Step::Wait(100), Step::Send(9_000), Step::Echo];
        let (_, at) = stage.server(&steps)?;
        let socket = stage.connect(at)?;
        let lines: [&[u8]; 4] = [
            b"\r\n+IPD,4,0\r\n",
            b"\r\n+IPD,4,9000\r\n\r\n+IPD,4,9000\r\n",
            b"\r\n+IPD,2,77\r\n",
            b"\r\n+IPD,0,1\r\n",
        ];
        for line in lines {
            stage.say(line);
            stage.pass(30);
        }
        stage.expect(socket, &bytes(9_000))?;
        for line in lines {
            stage.say(line);
            stage.pass(300);
        }
        echoes(stage, socket, b"well")
    })
}

/// Replies that are short, that are errors, and in which `CLOSED` stands before `OK`.
pub(crate) fn scenario_26_short_failed_and_interrupted_reads(on: Profile, cast: Cast) -> Outcome {
    let knobs = Knobs { read_max: Some(100), read_fails: vec![0, 3, 4], ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let wait = Step::Wait(500);
        let steps = [Step::Send(3_000), Step::Recv(1), wait, Step::Fin, Step::Hold];
        let (_, at) = stage.server(&steps)?;
        let socket = stage.connect(at)?;
        stage.expect(socket, &bytes(3_000))?;
        stage.send(socket, b"x")?;
        stage.expect_end(socket)
    })?;
    // An error after `CLOSED` is the end on 1.7 (5.3), but not if data were announced.
    let knobs = Knobs { read_fails: vec![0], ..Knobs::default() };
    play(on, cast, Plan { knobs, ..Plan::default() }, |stage| {
        let (_, at) = stage.server(&[Step::Send(3_000), Step::Fin, Step::Hold])?;
        let socket = stage.connect(at)?;
        stage.expect(socket, &bytes(3_000))?;
        stage.expect_end(socket)
    })?;
    play(on, cast, Plan::default(), |stage| {
        let (_, at) = stage.server(&[Step::Wait(300), Step::Text(b"whole"), Step::Hold])?;
        let socket = stage.connect(at)?;
        let other = hold_links(stage, 1)?[0];
        // Into the reply to the read, behind its data.
        stage.when(Way::Sent, "AT+CIPRECVDATA=4,", |world| {
            world.with_modem(|modem, _| modem.interject_after(1, b"4,CLOSED\r\n"));
        });
        stage.expect(socket, b"whole")?;
        stage.expect_end(socket)?;
        echoes(stage, other, b"other")
    })
}

/// A silent client is not cut by the modem's own limit, and if it is, that is the end.
pub(crate) fn scenario_27_a_silent_client_stays(on: Profile, cast: Cast) -> Outcome {
    for cut in [false, true] {
        play(on, cast, Plan::default(), |stage| {
            let listener = stage.ok("listen", stage.driver().listen(PORT))?;
            let steps = [Step::Wait(400_000), Step::Text(b"still here"), Step::Echo];
            stage.client(PORT, &steps)?;
            let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
            if cut {
                stage.behind("AT+CIPSTO=180")?;
            }
            stage.pass(399_000);
            if cut {
                return stage.expect_end(client);
            }
            stage.expect(client, b"still here")?;
            echoes(stage, client, b"well")
        })?;
    }
    Ok(())
}

/// More clients than there are links.
pub(crate) fn scenario_28_a_client_too_many(on: Profile, cast: Cast) -> Outcome {
    for outgoing in [0, 5] {
        play(on, cast, Plan::default(), |stage| {
            let listener = stage.ok("listen", stage.driver().listen(PORT))?;
            let mut held = hold_links(stage, outgoing)?;
            for _ in outgoing..5 {
                stage.client(PORT, &[Step::Echo])?;
                let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
                held.push(client);
            }
            let extra = stage.client(PORT, &[Step::RecvToEnd, Step::Hold])?;
            stage.pass(2_000);
            let report = stage.report(extra);
            let dropped = report.end == End::Reset || matches!(report.state, State::Failed(..));
            ensure(dropped, || format!("the sixth: {report:?}"))?;
            for socket in &held {
                echoes(stage, *socket, b"held")?;
            }
            stage.driver().close(held.remove(0));
            stage.pass(1_000);
            stage.client(PORT, &[Step::Text(b"later"), Step::Hold])?;
            let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
            stage.expect(client, b"later")
        })
        .map_err(|text| format!("{outgoing} outgoing: {text}"))?;
    }
    Ok(())
}

/// The network is lost at any time: everything ends, and everything works again after it.
pub(crate) fn scenario_29_the_network_is_lost_at_any_time(on: Profile, cast: Cast) -> Outcome {
    for micros in (0..400_000).step_by(37_123) {
        // Some 1.x do not listen any more, perhaps (unconfirmed).
        let server_lost = on.nonos() && micros % 2 == 1;
        let knobs = Knobs { seed: micros, server_lost, ..Knobs::default() };
        play(on, cast, Plan { knobs, ..Plan::default() }, |stage| lose_network(stage, micros))
            .map_err(|text| format!("after {micros} us: {text}"))?;
    }
    Ok(())
}

fn lose_network(stage: &Stage<'_, '_>, micros: u64) -> Outcome {
    let listener = stage.ok("listen", stage.driver().listen(PORT))?;
    let held = hold_links(stage, 2)?;
    // Nobody accepts it before the network is gone.
    stage.client(PORT, &[Step::RecvToEnd, Step::Hold])?;
    stage.pass(100);
    stage.send(held[0], &bytes(1_500))?;
    stage.send(held[1], &bytes(1_500))?;
    stage.driver().pass(Duration::from_micros(micros));
    let here = |present| {
        stage.world().with_modem(|modem, now| {
            modem.set_access_point(now, SSID.as_bytes(), present);
        });
    };
    here(false);
    for socket in held {
        let mut got = Vec::new();
        let mut buf = [0; 512];
        let end = loop {
            match stage.recv(socket, &mut buf) {
                Ok(0) => break Ok(0),
                Ok(len) => got.extend_from_slice(&buf[..len]),
                Err(error) => break Err(error),
            }
        };
        let prefix = bytes(1_500).starts_with(&got);
        ensure(prefix, || "wrong bytes".to_owned())?;
        let told = matches!(end, Ok(0) | Err(Error::ENETDOWN | Error::ECONNABORTED));
        ensure(told, || format!("after {} bytes {end:?}", got.len()))?;
        stage.driver().close(socket);
    }
    stage.pass(3_000);
    here(true);
    stage.pass(25_000);
    stage.still_works()?;
    stage.client(PORT, &[Step::Text(b"back"), Step::Hold])?;
    let (client, _) = stage.ok("accept", stage.driver().accept(listener))?;
    stage.expect(client, b"back")
}

/// Three datagrams before one read are three; where the modem would merge them there are no
/// datagram sockets.
pub(crate) fn scenario_30_datagrams_keep_their_boundaries(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let socket = stage.driver().udp(4_000);
        if !on.udp() {
            return ensure(socket == Err(Error::EOPNOTSUPP), || format!("{socket:?}"));
        }
        let socket = stage.ok("udp", socket)?;
        stage.pass(100);
        let to = SockAddr::new([10, 0, 0, 1].into(), 4_000);
        let sent: [&[u8]; 3] = [b"one", b"two two", b"three"];
        let mut steps = vec![Step::Udp(Family::V4)];
        steps.extend(sent.iter().map(|data| Step::SendTo(to, data)));
        let (_, from) = stage.peer(&[&steps[..], &[Step::Hold]].concat())?;
        stage.pass(500);
        for data in sent {
            let mut buf = [0; 64];
            let got = stage.ok("recvfrom", stage.driver().recv_from(socket, &mut buf))?;
            ensure(got == (data.len(), from) && &buf[..got.0] == data, || format!("{got:?}"))?;
        }
        Ok(())
    })
}
