//! Every option: its name, its help, and what it sets.

use std::str::FromStr;
use std::time::Duration;

use esp8285_sim::uart::Fault;
use esp8285_sim::{AccessPoint, ClosedPolicy, Instant, NoticePolicy, Version};
use esp8285_sim::{ReplyFault, ResultFault, SendOutcome};

use crate::options::{Options, Place, World};

/// One option.
pub(crate) struct Opt {
    pub(crate) name: &'static str,
    /// What the help calls its value; empty for a switch.
    pub(crate) value: &'static str,
    help: &'static str,
    pub(crate) set: fn(&mut Options, &str) -> Result<(), String>,
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    let lines = OPTIONS.iter().map(|option| {
        let name = format!("--{} {}", option.name, option.value);
        format!("  {name:<30} {}\n", option.help)
    });
    HEAD.to_owned() + &lines.collect::<String>() + TAIL
}

const HEAD: &str = "\
An ESP8285 with AT firmware that is not there, in real time.

Usage: esp8285-sim [OPTIONS]

The first line of output names the port for the host to open. The trace goes to the
standard error: '->' to the modem, '<-' from it, '**' what happened inside.
Times are in milliseconds and may have a fraction. Chances are in a million bytes.

";

const TAIL: &str = "  \
-h, --help                     this text

The virtual network has one host, demo.test (10.0.0.1 and 2001:db8::1), ten milliseconds
away: TCP 7 echoes, TCP 9 discards, TCP 80 answers a request with a page, UDP 7 echoes.
";

macro_rules! options {
    ($($name:literal $value:literal $help:literal $set:expr;)*) => {
        /// All of them, in the order of the help.
        pub(crate) const OPTIONS: &[Opt] =
            &[$(Opt { name: $name, value: $value, help: $help, set: $set }),*];
    };
}

options! {
    "firmware" "VERSION" "1.5, 1.7.0, 1.7.2, 1.7.6 (the default), 2.1 or 2.2"
        |o, v| put(&mut o.version, version(v));
    "pty" "" "offer a pseudo-terminal (the default)" |o, _| put(&mut o.place, Ok(Place::Terminal));
    "tcp" "ADDRESS" "offer a TCP port instead, such as 127.0.0.1:3333; port 0 is any"
        |o, v| put(&mut o.place, number(v).map(Place::Tcp));
    "network" "KIND" "real: this machine's sockets (the default); virtual: see below"
        |o, v| put(&mut o.world, choose(v, &[("real", World::Real), ("virtual", World::Virtual)]));
    "client" "MS:PORT" "a client of the virtual network dials in there and echoes; may be repeated" |o, v| {
        let (at, port) = v.split_once(':').ok_or("wants MS:PORT")?;
        o.clients.push((Instant::ZERO + millis(at)?, number(port)?));
        Ok(())
    };
    "no-trace" "" "no trace" |o, _| put(&mut o.trace, Ok(false));
    "seed" "N" "what every random choice comes from" |o, v| {
        put(&mut o.uart.seed, number(v))?;
        put(&mut o.knobs.seed, number(v))
    };
    "ssid" "NAME" "an access point; may be repeated (default: net, key password)" |o, v| {
        o.air.access_points.push(AccessPoint::new(v.as_bytes(), b""));
        Ok(())
    };
    "password" "KEY" "of the last --ssid" |o, v| {
        let ap = o.access_point()?;
        (ap.password, ap.encryption) = (v.as_bytes().to_vec(), 3);
        Ok(())
    };
    "join-time" "MS" "how long joining the last --ssid takes"
        |o, v| put(&mut o.access_point()?.join_time, millis(v));
    "no-dhcp" "" "the last --ssid gives no addresses" |o, _| put(&mut o.access_point()?.dhcp, Ok(false));
    "absent" "" "the last --ssid is not there" |o, _| put(&mut o.access_point()?.present, Ok(false));
    "no-ipv6-router" "" "the last --ssid gives the link-local IPv6 address only" |o, _| {
        o.access_point()?.global = None;
        Ok(())
    };
    "baud" "N" "rate at power-up, 115200 by default" |o, v| put(&mut o.uart.baud, number(v));
    "boot-time" "MS" "from power-up to ready" |o, v| put(&mut o.knobs.boot_time, millis(v));
    "boot-noise" "N" "bytes of noise before ready" |o, v| put(&mut o.knobs.boot_noise, number(v));
    "boot-text" "TEXT" "text after the noise" |o, v| put(&mut o.knobs.boot_text, text(v));
    "boot-baud" "N" "rate of noise and text before ready, such as 74880"
        |o, v| put(&mut o.knobs.boot_baud, number(v).map(Some));
    "command-latency" "MS" "from a command to its answer"
        |o, v| put(&mut o.knobs.command_latency, millis(v));
    "prompt-latency" "MS" "from CIPSEND to its prompt"
        |o, v| put(&mut o.knobs.prompt_latency, millis(v));
    "recv-latency" "MS" "from the last data byte to Recv"
        |o, v| put(&mut o.knobs.recv_latency, millis(v));
    "ack-latency" "MS" "from Recv to SEND OK (2.x, UDP)"
        |o, v| put(&mut o.knobs.ack_latency, millis(v));
    "busy-for" "MS" "busy after each result; 'ever' for ever" |o, v| {
        put(&mut o.knobs.busy_for, if v == "ever" { Ok(Duration::MAX) } else { millis(v) })
    };
    "busy-while-joining" "" "busy while joining unasked"
        |o, _| put(&mut o.knobs.busy_while_joining, Ok(true));
    "hang-on" "N:NAME" "the n-th command of this name is never answered" |o, v| {
        let (nth, name) = v.split_once(':').ok_or("wants N:NAME")?;
        o.knobs.hang_on.push((name.trim_start_matches("AT+").to_owned(), number(nth)?));
        Ok(())
    };
    "ipd-chunk-max" "N" "largest payload of an active +IPD"
        |o, v| put(&mut o.knobs.ipd_chunk_max, number(v));
    "ipd-trailer" "on|off" "CR LF after an active payload"
        |o, v| put(&mut o.knobs.ipd_trailer, choose(v, &[("on", true), ("off", false)]).map(Some));
    "quote-ip" "on|off" "the address in an active +IPD is in quotes"
        |o, v| put(&mut o.knobs.quote_ip, choose(v, &[("on", true), ("off", false)]).map(Some));
    "ready-times" "N" "how often ready is said after a boot"
        |o, v| put(&mut o.knobs.ready_times, number(v));
    "read-max" "N" "most bytes of one CIPRECVDATA, whatever was asked"
        |o, v| put(&mut o.knobs.read_max, number(v).map(Some));
    "read-fails" "N" "the n-th CIPRECVDATA fails; may be repeated" |o, v| {
        o.knobs.read_fails.push(number(v)?);
        Ok(())
    };
    "reply-fault" "N:WHAT" "in the n-th counted answer: cut=COUNT, repeat=COUNT, flip=AT, insert=TEXT" |o, v| {
        let (nth, what) = v.split_once(':').ok_or("wants N:WHAT")?;
        o.knobs.reply_faults.push((number(nth)?, reply_fault(what)?));
        Ok(())
    };
    "result-fault" "N:WHAT" "the n-th final result is: lost, twice, or late=MS" |o, v| {
        let (nth, what) = v.split_once(':').ok_or("wants N:WHAT")?;
        o.knobs.result_faults.push((number(nth)?, result_fault(what)?));
        Ok(())
    };
    "notice" "POLICY" "passive notices: level, segment, or drop:N for every n-th lost"
        |o, v| put(&mut o.knobs.notice, notice(v).map(Some));
    "closed" "POLICY" "unread passive data at close: keep, lose, withhold"
        |o, v| put(&mut o.knobs.closed, choose(v, CLOSED).map(Some));
    "chatty" "" "hint and log lines on 2.x too" |o, _| put(&mut o.knobs.chatty, Ok(true));
    "silent-recv" "" "no Recv line after a send" |o, _| put(&mut o.knobs.silent_recv, Ok(true));
    "id-taken" "" "a client may take the id of an open in progress, which fails"
        |o, _| put(&mut o.knobs.id_taken, Ok(true));
    "stale-closed" "MS" "from a failed open to its stale CLOSED (1.x)"
        |o, v| put(&mut o.knobs.stale_closed, millis(v));
    "id-clash" "" "a client takes the id of an open in progress: busy until the reset"
        |o, _| put(&mut o.knobs.id_clash, Ok(true));
    "early-closed" "" "active receive: CLOSED before the rest of the data"
        |o, _| put(&mut o.knobs.early_closed, Ok(true));
    "server-lost" "" "the server is gone after a loss of Wi-Fi"
        |o, _| put(&mut o.knobs.server_lost, Ok(true));
    "connect-fail" "" "CONNECT FAIL where an open fails (1.x)"
        |o, _| put(&mut o.knobs.connect_fail, Ok(true));
    "rst-lines" "" "AT+RST says CLOSED and WIFI DISCONNECT before the reset"
        |o, _| put(&mut o.knobs.rst_lines, Ok(true));
    "accept-limit" "N" "clients at most, whatever CIPSERVERMAXCONN says"
        |o, v| put(&mut o.knobs.accept_limit, number(v).map(Some));
    "sto" "SECONDS" "idle limit of accepted clients after a boot, 180 by default"
        |o, v| put(&mut o.knobs.sto, number(v).map(Some));
    "send-outcome" "N:WHAT" "from the n-th send on: honest, fail, fail-ok, lost, or late=MS" |o, v| {
        let (from, what) = v.split_once(':').ok_or("wants N:WHAT")?;
        o.knobs.send_outcome.push((number(from)?, outcome(what)?));
        Ok(())
    };
    "rx-stall-after" "N" "a send of more bytes stalls after so many"
        |o, v| put(&mut o.knobs.rx_stall_after, number(v).map(Some));
    "rx-ring" "N" "bytes that the modem's receive ring holds"
        |o, v| put(&mut o.knobs.rx_ring, number(v));
    "rx-latency" "MS" "how late the modem empties it"
        |o, v| put(&mut o.knobs.rx_latency, millis(v));
    "urc-at" "N:TEXT" "puts text into the output at this offset; \\r and \\n as usual" |o, v| {
        let (at, what) = v.split_once(':').ok_or("wants N:TEXT")?;
        o.knobs.urc_at.push((number(at)?, text(what)?));
        Ok(())
    };
    "reboot-at" "MS" "a spontaneous reboot; may be repeated" |o, v| {
        o.knobs.reboot_at.push(Instant::ZERO + millis(v)?);
        Ok(())
    };
    "tx-ring" "N" "output beyond which active receive waits"
        |o, v| put(&mut o.knobs.tx_ring, number(v));
    "drop" "CHANCE" "bytes lost on the way to the host"
        |o, v| put(&mut o.uart.to_host.drop, number(v));
    "repeat" "CHANCE" "bytes doubled on the way to the host"
        |o, v| put(&mut o.uart.to_host.repeat, number(v));
    "flip" "CHANCE" "bytes changed on the way to the host"
        |o, v| put(&mut o.uart.to_host.flip, number(v));
    "insert" "CHANCE" "bytes of noise on the way to the host"
        |o, v| put(&mut o.uart.to_host.insert, number(v));
    "drop-byte" "N" "the n-th byte to the host is lost; may be repeated" |o, v| {
        o.uart.to_host.at.push((number(v)?, Fault::Drop));
        Ok(())
    };
    "drop-to-modem" "CHANCE" "bytes lost on the way to the modem"
        |o, v| put(&mut o.uart.to_modem.drop, number(v));
    "flip-to-modem" "CHANCE" "bytes changed on the way to the modem"
        |o, v| put(&mut o.uart.to_modem.flip, number(v));
    "repeat-to-modem" "CHANCE" "bytes doubled on the way to the modem"
        |o, v| put(&mut o.uart.to_modem.repeat, number(v));
    "insert-to-modem" "CHANCE" "bytes of noise on the way to the modem"
        |o, v| put(&mut o.uart.to_modem.insert, number(v));
    "fifo-depth" "N" "of the host's receiver, 16 by default"
        |o, v| put(&mut o.uart.receiver.fifo_depth, number(v));
    "irq-latency" "MS" "how late the host empties its FIFO"
        |o, v| put(&mut o.uart.receiver.irq_latency, millis(v));
    "irq-jitter" "MS" "random addition to that"
        |o, v| put(&mut o.uart.receiver.irq_jitter, millis(v));
}

const CLOSED: &[(&str, ClosedPolicy)] = &[
    ("keep", ClosedPolicy::Keep),
    ("lose", ClosedPolicy::Lose),
    ("withhold", ClosedPolicy::Withhold),
];

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} will not do"))
}

fn millis(text: &str) -> Result<Duration, String> {
    let millis: f64 = number(text)?;
    Duration::try_from_secs_f64(millis / 1000.0).map_err(|error| error.to_string())
}

fn choose<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == word);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
    found.map(|(_, value)| *value).ok_or_else(|| format!("wants {}", names()))
}

fn version(text: &str) -> Result<Version, String> {
    let found = Version::ALL.into_iter().find(|version| version.profile().name == text);
    found.ok_or_else(|| "not a version that is modelled".to_owned())
}

fn notice(text: &str) -> Result<NoticePolicy, String> {
    match text.strip_prefix("drop:") {
        Some(nth) => number(nth).map(NoticePolicy::DropNth),
        None => {
            choose(text, &[("level", NoticePolicy::Level), ("segment", NoticePolicy::PerSegment)])
        }
    }
}

fn outcome(text: &str) -> Result<SendOutcome, String> {
    match text.strip_prefix("late=") {
        Some(time) => millis(time).map(SendOutcome::Late),
        None => choose(
            text,
            &[
                ("honest", SendOutcome::Honest),
                ("fail", SendOutcome::Fail),
                ("fail-ok", SendOutcome::FailThenOk),
                ("lost", SendOutcome::Lost),
            ],
        ),
    }
}

fn reply_fault(text: &str) -> Result<ReplyFault, String> {
    let (what, value) = text.split_once('=').ok_or("wants WHAT=VALUE")?;
    match what {
        "cut" => number(value).map(ReplyFault::Cut),
        "repeat" => number(value).map(ReplyFault::Repeat),
        "flip" => number(value).map(|at| ReplyFault::Flip(at, 1)),
        "insert" => self::text(value).map(|bytes| ReplyFault::Insert(0, bytes)),
        _ => Err("wants cut, repeat, flip or insert".to_owned()),
    }
}

fn result_fault(text: &str) -> Result<ResultFault, String> {
    match text.strip_prefix("late=") {
        Some(time) => millis(time).map(ResultFault::Late),
        None => choose(text, &[("lost", ResultFault::Lost), ("twice", ResultFault::Twice)]),
    }
}

/// Text in which `\r`, `\n` and `\\` stand for what they usually do.
fn text(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'\\') => b'\\',
                _ => return Err(r"knows only \r, \n and \\".to_owned()),
            },
            byte => byte,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{OPTIONS, help};
    use crate::options::{Request, parse};

    fn asks(arguments: &[&str]) -> Result<Request, String> {
        parse(arguments.iter().map(Into::into)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_is_in_the_help_and_has_a_name_of_its_own() {
        let help = help();
        let mut names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
        assert!(names.iter().all(|name| help.contains(&format!("  --{name} "))));
        assert!(OPTIONS.iter().all(|option| !option.help.is_empty()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPTIONS.len());
    }

    #[test]
    fn good_and_bad_values() {
        let line = "--firmware 2.2 --tcp 127.0.0.1:0 --seed 7 --ssid a --password 12345678 \
                    --join-time 0.5 --notice drop:3 --closed lose --send-outcome 2:late=5 \
                    --urc-at 9:x\\r\\n --busy-for ever --fifo-depth 8 --ipd-trailer off \
                    --reply-fault 1:cut=2 --reply-fault 1:insert=x\\n --result-fault 3:late=5 \
                    --client 9:80 --no-ipv6-router --boot-baud 74880 --sto 0 --accept-limit 2";
        let arguments: Vec<_> = line.split_whitespace().collect();
        assert!(matches!(asks(&arguments), Ok(Request::Run(_))));
        assert!(matches!(asks(&["-h"]), Ok(Request::Help)));
        for bad in [
            &["--firmware", "3"][..],
            &["--nonsense"],
            &["stray"],
            &["--seed"],
            &["--seed", "x"],
            &["--password", "12345678"],
            &["--boot-time", "-1"],
            &["--boot-text", "\\q"],
            &["--closed", "perhaps"],
            &["--urc-at", "9"],
            &["--client", "80"],
            &["--reply-fault", "1:cut"],
            &["--reply-fault", "1:burn=1"],
            &["--result-fault", "1:good"],
        ] {
            assert!(asks(bad).is_err(), "{bad:?}");
        }
    }
}
