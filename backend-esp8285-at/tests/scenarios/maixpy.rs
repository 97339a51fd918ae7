//! Section 11.1: what MaixPy's driver does wrong.

use std::time::Duration;

use esp8285_sim::AccessPoint;
use usocket_conformance::Step;
use usocket_core::{Error, Family, SockAddr};

use crate::profile::Profile;
use crate::stage::{Cast, Outcome, Plan, Stage, ensure, forever, play};

/// A payload that holds everything for which a driver might search, and all byte values.
pub(crate) fn nasty() -> Vec<u8> {
    let tags: [&[u8]; 14] = [
        b"\r\nOK\r\n",
        b"+IPD,0,5:",
        b"0,CLOSED\r\n",
        b"> ",
        b"ERROR",
        b"\r\nERROR\r\n",
        b"\r\nSEND OK\r\n",
        b"\r\n+IPD,4,9:",
        b"+CIPRECVDATA,7:",
        b"+CIPRECVDATA:7,",
        b"\r\n4,CLOSED\r\n",
        b"\r\nready\r\n",
        b"busy p...\r\n",
        b"WIFI DISCONNECT\r\n",
    ];
    let mut bytes = tags.concat();
    bytes.extend(0..=255);
    bytes.extend(tags.iter().rev().flat_map(|tag| tag.iter()));
    bytes
}

/// Data that came before a command are there after it.
pub(crate) fn scenario_01_data_before_a_command_survives(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let (_, at) = stage.server(&[Step::Text(b"hello"), Step::RecvToEnd, Step::Hold])?;
        let socket = stage.connect(at)?;
        // They are in the board's receiver, and the driver has not looked.
        stage.world().pass(Duration::from_millis(200));
        stage.ok("resolve", stage.driver().resolve("peer.test"))?;
        stage.send(socket, b"x")?;
        stage.expect(socket, b"hello")
    })
}

/// Payload is data, whatever it looks like, while the driver waits for results.
pub(crate) fn scenario_02_payload_is_data_whatever_it_holds(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let text = forever(nasty());
        let mut steps = Vec::new();
        for _ in 0..8 {
            steps.extend([Step::Text(text), Step::Wait(7)]);
        }
        let (actor, at) = stage.server(&[&steps[..], &[Step::RecvToEnd, Step::Hold]].concat())?;
        let socket = stage.connect(at)?;
        let mut sent = Vec::new();
        for piece in nasty().chunks(61) {
            stage.send(socket, piece)?;
            sent.extend_from_slice(piece);
        }
        stage.expect(socket, &text.repeat(8))?;
        stage.driver().close(socket);
        let report = stage.settle(actor);
        let mut digest = usocket_conformance::Digest::new();
        digest.add(&sent);
        ensure((report.received, report.digest) == (sent.len() as u64, digest), || {
            format!("the peer got {} bytes of {}", report.received, sent.len())
        })
    })
}

/// Data of two sockets, in turns, go to the right one.
pub(crate) fn scenario_03_each_link_has_its_own_data(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let talk = |text: &'static [u8]| {
            let steps = [Step::Text(text), Step::Wait(30)].repeat(6);
            stage.server(&[&steps[..], &[Step::RecvToEnd, Step::Hold]].concat())
        };
        let (first, second) = (talk(b"first,"), talk(b"second"));
        let first = stage.connect(first?.1)?;
        let second = stage.connect(second?.1)?;
        stage.pass(500);
        stage.send(first, b"x")?;
        stage.expect(first, &b"first,".repeat(6))?;
        stage.expect(second, &b"second".repeat(6))
    })
}

/// A head with the sender, some thirty characters, is a head.
pub(crate) fn scenario_04_long_heads_are_heads(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let port = 54_321;
        let to = SockAddr::new([10, 0, 0, 1].into(), port);
        let socket = stage.ok("udp", stage.driver().udp(port))?;
        stage.pass(100);
        let text = forever(nasty().repeat(3)[..1234].to_vec());
        let (_, from) = stage.peer(&[Step::Udp(Family::V4), Step::SendTo(to, text), Step::Hold])?;
        let mut buf = [0; 1500];
        let got = stage.ok("recvfrom", stage.driver().recv_from(socket, &mut buf))?;
        ensure(got == (text.len(), from) && &buf[..got.0] == text, || {
            format!("{got:?}, not {:?}", (text.len(), from))
        })
    })
}

/// An id that somebody else has is no new connection.
pub(crate) fn scenario_05_an_id_that_is_taken_is_not_success(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let wrong = [Step::Text(b"wrong"), Step::RecvToEnd, Step::Hold];
        let (_, other) = stage.server(&wrong)?;
        stage.behind(&format!("AT+CIPSTART=4,\"TCP\",\"{}\",{}", other.ip(), other.port()))?;
        stage.world().pass(Duration::from_millis(100));
        let (_, at) = stage.server(&[Step::Text(b"right"), Step::RecvToEnd, Step::Hold])?;
        // That it fails is as good, if it is not for ever.
        for _ in 0..5 {
            match stage.driver().connect(at) {
                Ok(socket) => return stage.expect(socket, b"right"),
                Err(Error::ENOBUFS) => return Err("no id is ever free".to_owned()),
                Err(_) => stage.pass(1000),
            }
        }
        // The naive driver learns nothing of what it does not know.
        match cast {
            Cast::Ours => Err("it never connects again".to_owned()),
            Cast::Bad(_) => Ok(()),
        }
    })
}

/// A name and a key that need escapes, as long as they can be.
pub(crate) fn scenario_06_names_and_keys_are_escaped(on: Profile, cast: Cast) -> Outcome {
    let key = [&b"p\"a,s\\s"[..], &[b'"'; 57]].concat();
    let ssids: [&[u8]; 2] = [b"a\"b,c\\d", &[b','; 32]];
    let air = ssids.iter().map(|ssid| AccessPoint::new(ssid, &key)).collect();
    play(on, cast, Plan { air, unjoined: true, ..Plan::default() }, |stage| {
        for ssid in ssids {
            stage.ok("join", stage.driver().join(ssid, &key))?;
        }
        stage.nothing_rejected()
    })
}

/// A join that takes fourteen seconds is waited for.
pub(crate) fn scenario_07_a_slow_join_is_waited_for(on: Profile, cast: Cast) -> Outcome {
    let slow = AccessPoint::new(b"slow", b"password").join_time(Duration::from_secs(14));
    let plan = Plan { air: vec![slow], unjoined: true, ..Plan::default() };
    play(on, cast, plan, |stage| {
        stage.ok("join", stage.driver().join(b"slow", b"password"))?;
        stage.nothing_rejected()
    })
}

/// After the peer's data comes the end, and it is 0.
pub(crate) fn scenario_08_after_the_data_comes_the_end(on: Profile, cast: Cast) -> Outcome {
    play(on, cast, Plan::default(), |stage| {
        let (_, at) = stage.server(&[Step::Text(b"all of it"), Step::Fin, Step::Hold])?;
        let socket = stage.connect(at)?;
        stage.expect(socket, b"all of it")?;
        stage.expect_end(socket)?;
        stage.expect_end(socket)
    })
}

/// A command has a line end, a payload none: the modem throws away nothing.
pub(crate) fn scenario_09_no_line_end_after_a_payload(on: Profile, cast: Cast) -> Outcome {
    for plain in [true, false] {
        play(on, cast, Plan { plain, ..Plan::default() }, no_line_end)?;
    }
    Ok(())
}

fn no_line_end(stage: &Stage<'_, '_>) -> Outcome {
    let (actor, at) = stage.server(&[Step::RecvToEnd, Step::Hold])?;
    let socket = stage.connect(at)?;
    for text in [&b"one\r\n"[..], b"two", b"three\r\n"] {
        stage.send(socket, text)?;
    }
    stage.pass(500);
    stage.nothing_rejected()?;
    stage.driver().close(socket);
    let report = stage.settle(actor);
    ensure(&report.head[..] == b"one\r\ntwothree\r\n", || format!("the peer got {report:?}"))
}

/// A name with parentheses, commas and quotes in it is one name.
pub(crate) fn scenario_10_a_scan_with_odd_names(on: Profile, cast: Cast) -> Outcome {
    let near = |ssid: &[u8], rssi, channel| AccessPoint {
        rssi,
        channel,
        ..AccessPoint::new(ssid, b"password")
    };
    let odd = near(b"x(y),z", -60, 3);
    let worse = near(b"a\",\"b),-1,\"(", -70, 11);
    let plan = Plan { air: vec![odd, worse], ..Plan::default() };
    play(on, cast, plan, |stage| {
        let found = stage.ok("scan", stage.driver().scan())?;
        for (ssid, rssi, channel) in
            [(&b"x(y),z"[..], -60, 3), (b"a\",\"b),-1,\"(", -70, 11), (b"net", -55, 6)]
        {
            let wanted = (ssid.to_vec(), rssi, channel);
            ensure(found.contains(&wanted), || format!("{wanted:?} is not in {found:?}"))?;
        }
        ensure(found.len() == 3, || format!("{found:?}"))
    })
}
