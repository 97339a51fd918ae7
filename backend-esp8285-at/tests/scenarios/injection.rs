//! Names and keys that hold what AT commands are made of: the modem gets exactly these bytes,
//! or the call fails and nothing is sent.

use std::time::Duration;

use esp8285_sim::{AccessPoint, Event};
use usocket_core::{Error, Hints, Usocket};

use crate::driver::Net;
use crate::profile::{Profile, V1_7_6, V2_2};
use crate::stage::{Cast, Outcome, Plan, Stage, ensure, play};

/// One for each dialect.
const DIALECTS: [Profile; 2] = [V1_7_6, V2_2];

/// Texts for every argument that is one.
const TEXTS: [&str; 18] = [
    "\"",
    ",",
    "\\",
    "a\"b",
    "a,b",
    "a\\b",
    "\\\"",
    "\",\"",
    "x\",\"y",
    "ends\\",
    "\\\\\\",
    "\"\r\nAT+RST\r\n",
    "cr\r",
    "lf\n",
    "nul\0",
    "\r\n",
    "\u{ff}",
    "plain",
];

/// Whether AT commands can express it (3.2).
fn can_be_said(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Runs with our driver on both dialects.
fn on_both(plan: &Plan, scene: impl Fn(&Stage<'_, '_>) -> Outcome) {
    for on in DIALECTS {
        let outcome = play(on, Cast::Ours, plan.clone(), &scene);
        assert_eq!(outcome, Ok(()), "{on}");
    }
}

/// Calls our driver; its result and the command lines that the modem took meanwhile.
fn call<T>(stage: &Stage<'_, '_>, call: impl Fn(&Net<'_>) -> T) -> (T, Vec<String>) {
    stage.events();
    let mut result = None;
    stage.driver().with_net(&mut |net| result = Some(call(net)));
    let commands = stage.events().into_iter().filter_map(|event| match event {
        Event::Command(line) | Event::Rejected(line) => Some(line),
        _ => None,
    });
    (result.expect("it is our driver"), commands.collect())
}

/// A call that must fail with `EINVAL`, if its text cannot be said, and send nothing then;
/// else only commands of this name.
fn check(
    stage: &Stage<'_, '_>,
    text: &str,
    name: &str,
    of: impl Fn(&Net<'_>) -> usocket_core::Result<()>,
) -> Result<bool, String> {
    let sent = stage.tap().sent().len();
    let (result, commands) = call(stage, of);
    if !can_be_said(text.as_bytes()) {
        let silent = stage.tap().sent().len() == sent;
        ensure(result == Err(Error::EINVAL) && silent, || {
            format!("{name} {text:?}: {result:?}, {commands:?}")
        })?;
        return Ok(false);
    }
    let strange = commands.iter().find(|line| !line.starts_with(&format!("AT+{name}")));
    ensure(strange.is_none(), || format!("{name} {text:?}: {strange:?}"))?;
    Ok(true)
}

/// Every byte in a name and in a key: who joins has sent exactly these.
#[test]
fn names_and_keys_of_every_byte() {
    let name = |byte| [b'a', byte, b'z'];
    let key = |byte| [byte, b'"', byte, b'\\', byte, b',', byte, byte, b'\\'];
    let near = |byte| {
        let time = Duration::from_millis(50);
        AccessPoint::new(&name(byte), &key(byte)).join_time(time)
    };
    let air = (0..=255).map(near).collect();
    on_both(&Plan { air, ..Plan::default() }, |stage| {
        for byte in 0..=255 {
            let (name, key) = (name(byte), key(byte));
            let sent = stage.tap().sent().len();
            let (result, commands) = call(stage, |net| net.connect(name, key));
            if can_be_said(&name) {
                ensure(result == Ok(()), || format!("{byte:#x}: {result:?}"))?;
                let other = |line: &&String| !line.contains("CWJAP") && !line.contains("CIPSTA");
                let strange = commands.iter().find(other);
                ensure(strange.is_none(), || format!("{byte:#x}: {strange:?}"))?;
            } else {
                let silent = stage.tap().sent().len() == sent;
                ensure(result == Err(Error::EINVAL) && silent, || format!("{byte:#x}"))?;
            }
        }
        Ok(())
    });
}

/// The modem's own access point and the station's host name come back as they were given.
#[test]
fn the_own_access_point_and_the_host_name() {
    on_both(&Plan::default(), |stage| {
        let nonos = stage.on.nonos();
        for text in TEXTS {
            let key = format!("{text}12345678");
            let (sap, query) =
                if nonos { ("CWSAP_CUR", "AT+CWSAP_CUR?") } else { ("CWSAP", "AT+CWSAP?") };
            let mode = |line: &str| line.contains("CWMODE");
            let sent = stage.tap().sent().len();
            let (result, commands) = call(stage, |net| net.enable_ap(text, &key, 6));
            if can_be_said(text.as_bytes()) {
                ensure(result == Ok(()), || format!("{text:?}: {result:?}"))?;
                let other = |line: &&String| !mode(line) && !line.contains(sap);
                let strange = commands.iter().find(other);
                ensure(strange.is_none(), || format!("{text:?}: {strange:?}"))?;
                let answer = stage.behind(query)?;
                let wanted = format!(":\"{text}\",\"{key}\",6,");
                ensure(contains(&answer, &wanted), || answer.escape_ascii().to_string())?;
            } else {
                let silent = stage.tap().sent().len() == sent;
                ensure(result == Err(Error::EINVAL) && silent, || format!("{text:?}"))?;
            }
            if check(stage, text, "CWHOSTNAME", |net| net.set_hostname(text))? {
                let answer = stage.behind("AT+CWHOSTNAME?")?;
                let wanted = format!("+CWHOSTNAME:{text}\r\n");
                ensure(contains(&answer, &wanted), || answer.escape_ascii().to_string())?;
            }
        }
        Ok(())
    });
}

/// Names to look up, to connect to, and to ping.
#[test]
fn names_of_hosts() {
    on_both(&Plan::default(), |stage| {
        for text in TEXTS {
            check(stage, text, "PING", |net| match net.ping(text) {
                Err(Error::ETIMEDOUT) => Ok(()),
                other => other.map(drop),
            })?;
            if text == "plain" {
                continue;
            }
            // Not even asked for: no host has such a name.
            let sent = stage.tap().sent().len();
            let (result, _) =
                call(stage, |net| net.getaddrinfo(text, 80, Hints::stream()).map(drop));
            let negative = result.is_err_and(|error| error.errno() < 0);
            let (connected, _) = call(stage, |net| net.tcp()?.connect((text, 80)));
            let silent = stage.tap().sent().len() == sent;
            ensure(negative && connected.is_err() && silent, || format!("{text:?}: {result:?}"))?;
        }
        Ok(())
    });
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}
