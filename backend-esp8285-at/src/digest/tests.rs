use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use super::*;

/// Everything the digester found, payload joined.
fn run(chunks: &[&[u8]]) -> Vec<String> {
    let mut digest = Digest::new();
    digest.expect_prompt(true);
    let mut found: Vec<String> = Vec::new();
    let mut payload = Vec::new();
    let mut buf: Vec<u8> = Vec::new();
    for chunk in chunks {
        buf.extend_from_slice(chunk);
        loop {
            let (result, consumed) = digest.digest(&buf);
            let text = |line: &[u8]| format!("{}", line.escape_ascii());
            let mut say = |what: String| found.push(what);
            match &result {
                DigestResult::Urc(line) => say(format!("urc {}", text(line))),
                DigestResult::Response(Ok(line)) => say(format!("line {}", text(line))),
                DigestResult::Response(Err(_)) => say(String::from("garbled")),
                DigestResult::Prompt(_) => say(String::from("prompt")),
                DigestResult::None => {}
            }
            let idle = result == DigestResult::None;
            let taken: Vec<u8> = buf.drain(..consumed).collect();
            let event = digest.take_event();
            match event {
                Some(Event::Payload(len)) => {
                    assert_eq!(len, consumed);
                    payload.extend(taken);
                }
                Some(Event::Notice(link)) => found.push(format!("notice {link}")),
                Some(Event::Head(head)) => {
                    found.push(format!("head {:?} {} {:?}", head.source, head.len, head.from));
                }
                Some(Event::Framed(well)) => found.push(format!("framed {well}")),
                None => {}
            }
            if digest.payload_left() == 0 && matches!(event, Some(Event::Payload(_))) {
                let data = core::mem::take(&mut payload);
                found.push(format!("data {}", data.escape_ascii()));
            }
            if idle && consumed == 0 && event.is_none() {
                break;
            }
        }
    }
    found
}

/// The same whole, byte by byte and cut at every place.
fn everywhere(bytes: &[u8], expected: &[&str]) {
    assert_eq!(run(&[bytes]), expected, "whole: {}", bytes.escape_ascii());
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&single), expected, "byte by byte: {}", bytes.escape_ascii());
    for at in 1..bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(run(&[a, b]), expected, "cut at {at}: {}", bytes.escape_ascii());
    }
}

#[test]
fn lines_and_results() {
    everywhere(b"\r\nready\r\n", &["urc ready"]);
    everywhere(
        b"AT+GMR\r\r\nAT version:1.7.6.0(x)\r\nOK\r\n",
        &["line AT+GMR", "line AT version:1.7.6.0(x)", "line OK"],
    );
    everywhere(
        b"WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n",
        &["urc WIFI CONNECTED", "urc WIFI GOT IP", "line OK"],
    );
    everywhere(b"0,CLOSED\r\n\r\nOK\r\n", &["urc 0,CLOSED", "line OK"]);
}

#[test]
fn prompts_of_both_families() {
    everywhere(b"\r\nOK\r\n> ", &["line OK", "prompt"]);
    everywhere(b"\r\nOK\r\n\r\n>", &["line OK", "prompt"]);
    // A line of the modem's own between `OK` and the prompt, and after it (section 2.4).
    everywhere(
        b"\r\nOK\r\n\r\n+IPD,1,5\r\n> 0,CLOSED\r\n",
        &["line OK", "notice 1", "prompt", "urc 0,CLOSED"],
    );
    // The second one is no prompt.
    everywhere(b">> \r\n", &["prompt", "line > "]);
}

#[test]
fn active_receive() {
    everywhere(
        b"\r\n+IPD,0,5:hello\r\n+IPD,1,2:\r\n0,CLOSED\r\n",
        &[
            "head Pushed(0) 5 None",
            "data hello",
            "framed true",
            "head Pushed(1) 2 None",
            "data \\r\\n",
            "urc 0,CLOSED",
        ],
    );
    everywhere(
        b"\r\n+IPD,2,3,10.0.0.1,7:abc\r\n\r\nOK\r\n",
        &["head Pushed(2) 3 Some(10.0.0.1:7)", "data abc", "framed true", "line OK"],
    );
    everywhere(
        b"\r\n+IPD,2,3,\"10.0.0.1\",7:abc\r\n",
        &["head Pushed(2) 3 Some(10.0.0.1:7)", "data abc", "framed true"],
    );
    everywhere(
        b"\r\n+IPD,2,0,10.0.0.1,7:\r\nOK\r\n",
        &["head Pushed(2) 0 Some(10.0.0.1:7)", "framed true", "line OK"],
    );
}

#[test]
fn passive_receive_of_both_families() {
    everywhere(
        b"\r\n+CIPRECVDATA,4:a,:b\r\nOK\r\n",
        &["head Read 4 None", "data a,:b", "framed true", "line OK"],
    );
    everywhere(
        b"+CIPRECVDATA:4,a,:b\r\nOK\r\n",
        &["head Read 4 None", "data a,:b", "framed true", "line OK"],
    );
    everywhere(b"+CIPRECVLEN:0,0,120,0,0\r\nOK\r\n", &["line +CIPRECVLEN:0,0,120,0,0", "line OK"]);
    // A line of the modem's own in the gap before the result (scenario 26).
    everywhere(
        b"\r\n+CIPRECVDATA,2:ab0,CLOSED\r\n\r\nOK\r\n",
        &["head Read 2 None", "data ab", "urc 0,CLOSED", "framed true", "line OK"],
    );
    everywhere(
        b"\r\n+CIPRECVDATA,2:ab\r\n+IPD,1,2\r\n\r\nOK\r\n",
        &["head Read 2 None", "data ab", "framed true", "notice 1", "line OK"],
    );
}

#[test]
fn payload_may_hold_anything() {
    for inside in [
        &b"\r\nOK\r\n"[..],
        b"+IPD,0,5:",
        b"0,CLOSED\r\n",
        b"> ",
        b"ERROR",
        b"\r\nready\r\n",
        b"+CIPRECVDATA,9:",
    ] {
        let mut bytes = format!("\r\n+IPD,3,{}:", inside.len()).into_bytes();
        bytes.extend(inside);
        bytes.extend(b"\r\nOK\r\n");
        everywhere(
            &bytes,
            &[
                &format!("head Pushed(3) {} None", inside.len()),
                &format!("data {}", inside.escape_ascii()),
                "framed true",
                "line OK",
            ],
        );
    }
    let all: Vec<u8> = (0..=255).collect();
    let mut bytes = b"+CIPRECVDATA:256,".to_vec();
    bytes.extend(&all);
    bytes.extend(b"\r\nOK\r\n");
    let data = format!("data {}", all.escape_ascii());
    everywhere(&bytes, &["head Read 256 None", &data, "framed true", "line OK"]);
}

#[test]
fn framing_that_does_not_close_is_told() {
    let head = b"\r\n+CIPRECVDATA,5:";
    for (after, expected) in [
        // One, two, three bytes of the payload were lost, then more.
        (&b"abcd\r\nOK\r\n"[..], vec!["framed false", "line OK"]),
        (b"abc\r\nOK\r\n", vec!["framed false", "line OK"]),
        (b"ab\r\nOK\r\n", vec!["framed false", "line K"]),
        // Two, and the line end that is missed is a URC's own.
        (b"abc\r\n4,1,SEND OK\r\n\r\nOK\r\n", vec!["framed false", "urc 4,1,SEND OK"]),
        // Two, and the line end that is missed is a notice's own.
        (b"abc\r\n+IPD,1,4\r\n\r\nOK\r\n", vec!["framed false", "notice 1"]),
        // All, and the line end is that of the line that was taken for them.
        (b"READY\r\n\r\nOK\r\n", vec!["framed false", "line OK"]),
        // One was doubled.
        (b"abcdeX\r\nOK\r\n", vec!["framed false", "line X"]),
        (b"abcde\n\r\nOK\r\n", vec!["framed false"]),
        (b"abcde\r\r\nOK\r\n", vec!["framed false"]),
    ] {
        let mut bytes = head.to_vec();
        bytes.extend(after);
        let found = run(&[&bytes]);
        for line in expected {
            assert!(found.iter().any(|said| said == line), "{}: {found:?}", after.escape_ascii());
        }
        assert!(!found.iter().any(|said| said == "framed true"), "{found:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(run(&single), found);
    }
    let found = run(&[b"\r\n+IPD,0,5:abcd\r\n+IPD,1,2:ab\r\n"]);
    assert_eq!(
        found,
        [
            "head Pushed(0) 5 None",
            "data abcd\\r",
            "framed false",
            "head Pushed(1) 2 None",
            "data ab",
            "framed true",
        ]
    );
    // The bare head after payload is read all the same.
    let found = run(&[b"\r\n+IPD,0,5:abc\r\n+IPD,1,2:ab\r\n"]);
    assert_eq!(found[2..4], ["framed false", "head Pushed(1) 2 None"]);
}

#[test]
fn what_is_too_long_or_odd_is_garbled_and_the_next_line_is_read() {
    let mut bytes = vec![b'x'; 3 * MAX_LINE];
    bytes.extend(b"\r\nOK\r\n");
    everywhere(&bytes[2 * MAX_LINE - 20..], &["garbled", "line OK"]);
    for odd in ["+IPD,9,5:hello", "+IPD,0,x:hello", "+IPD,0,99999999:", "+IPD,0:", "+IPD,", "+"] {
        everywhere(format!("{odd}\r\nOK\r\n").as_bytes(), &[&format!("line {odd}"), "line OK"]);
    }
    everywhere(b"+CIPRECVDATA,70000:\r\nOK\r\n", &["line +CIPRECVDATA,70000:", "line OK"]);
}
