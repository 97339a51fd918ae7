use core::net::Ipv4Addr;
use std::string::String;
use std::vec;
use std::vec::Vec;

use atat::AtatCmd;

use super::*;
use crate::address::Address;

fn line<C: AtatCmd>(command: &C) -> String {
    let mut buf = [0; MAX_COMMAND];
    let len = command.write(&mut buf);
    String::from_utf8(buf[..len].to_vec()).unwrap()
}

fn peer() -> Address {
    Address::new(Ipv4Addr::new(10, 0, 0, 255).into(), 65535)
}

#[test]
fn each_command_of_the_sheet() {
    let old = Dialect::NonOs;
    let new = Dialect::EspAt;
    let tcp = |keep_alive| OpenTcp { link: 4, to: peer(), keep_alive };
    for (found, expected) in [
        (line(&At), "AT\r\n"),
        (line(&GetVersion), "AT+GMR\r\n"),
        (line(&Set(b"E0")), "ATE0\r\n"),
        (line(&Baud(921_600)), "AT+UART_CUR=921600,8,1,0,0\r\n"),
        (line(&tcp(None)), "AT+CIPSTART=4,\"TCP\",\"10.0.0.255\",65535\r\n"),
        (line(&tcp(Some(60))), "AT+CIPSTART=4,\"TCP\",\"10.0.0.255\",65535,60\r\n"),
        (line(&Send { link: 0, len: 2048, to: None }), "AT+CIPSEND=0,2048\r\n"),
        (
            line(&Send { link: 0, len: 1, to: Some(peer()) }),
            "AT+CIPSEND=0,1,\"10.0.0.255\",65535\r\n",
        ),
        (line(&SendBuffered { link: 3, len: 1460 }), "AT+CIPSENDBUF=3,1460\r\n"),
        (line(&Read { link: 1, max: 100 }), "AT+CIPRECVDATA=1,100\r\n"),
        (line(&Lengths), "AT+CIPRECVLEN?\r\n"),
        (line(&Status), "AT+CIPSTATUS\r\n"),
        (line(&Close(5)), "AT+CIPCLOSE=5\r\n"),
        (line(&LinkOption::CloseMode(2)), "AT+CIPCLOSEMODE=2,1\r\n"),
        (
            line(&LinkOption::TcpOption { link: 2, abort: true, no_delay: false }),
            "AT+CIPTCPOPT=2,0,0,0\r\n",
        ),
        (
            line(&LinkOption::TcpOption { link: 2, abort: false, no_delay: true }),
            "AT+CIPTCPOPT=2,-1,1,0\r\n",
        ),
        (line(&SetMode(old, 1)), "AT+CWMODE_CUR=1\r\n"),
        (line(&SetMode(new, 3)), "AT+CWMODE=3\r\n"),
        (line(&GetMode(old)), "AT+CWMODE_CUR?\r\n"),
        (line(&Addresses::Station(old)), "AT+CIPSTA_CUR?\r\n"),
        (line(&Addresses::Station(new)), "AT+CIPSTA?\r\n"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn text_of_a_user_is_escaped_or_refused() {
    let join = |ssid: &[u8], key: &[u8]| {
        let mut buf = [0; MAX_COMMAND];
        let len = Join { dialect: Dialect::EspAt, ssid, key }.write(&mut buf);
        buf[..len].to_vec()
    };
    assert_eq!(join(b"a\"b,c\\d", b"x"), b"AT+CWJAP=\"a\\\"b\\,c\\\\d\",\"x\"\r\n");
    // Everything else is literal, also what is no UTF-8.
    assert_eq!(join(b"\xFF\x01\xC3", b""), b"AT+CWJAP=\"\xFF\x01\xC3\",\"\"\r\n");
    for bad in [&b"a\rb"[..], b"a\nb", b"a\0b", b"\r\nAT+RST\r\n"] {
        assert_eq!(join(bad, b"x"), b"");
        assert_eq!(join(b"x", bad), b"");
    }
    // The longest of all fits the line of 256 bytes, with every byte escaped.
    let longest = join(&[b','; 32], &[b'"'; 64]);
    assert!(longest.len() > 200 && longest.len() <= MAX_COMMAND);
    // What does not fit is refused whole.
    assert_eq!(join(&[b','; 100], &[b','; 100]), b"");
}

#[test]
fn versions_of_the_sheet() {
    let parse = |line: &[u8]| GetVersion.parse(Ok(line)).ok();
    for (line, version) in [
        (&b"AT version:1.5.0.0(Oct 24 2017 12:03:18)"[..], Some((1, 5, 0))),
        (b"AT version:1.7.5.0(Oct 20 2021 19:14:04)", Some((1, 7, 5))),
        (b"AT version:2.1.0.0(ded5b14 - Jul 24 2020 12:01:05)", Some((2, 1, 0))),
        (b"AT version:2.2.0.0-dev(s-0a1b2c3 - ESP8266 - x)", Some((2, 2, 0))),
        (b"AT version:1.7.0.0 (partial)", Some((1, 7, 0))),
        (b"SDK version:3.0.5(b29dcd3)", None),
        (b"0018000902-AI03", None),
        (b"AT version:1.7", None),
        (b"AT version:999.1.1", None),
    ] {
        let version = version.map(|(major, minor, patch)| Version { major, minor, patch });
        assert_eq!(parse(line), version, "{}", line.escape_ascii());
    }
}

#[test]
fn lengths_and_status() {
    let lengths = |line: &[u8]| Lengths.parse(Ok(line)).ok().map(|Waiting(waiting)| waiting);
    assert_eq!(
        lengths(b"+CIPRECVLEN:0,0,120,0,-1"),
        Some([Some(0), Some(0), Some(120), Some(0), None])
    );
    assert_eq!(
        lengths(b"+CIPRECVLEN:100,,,,,"),
        Some([Some(100), Some(0), Some(0), Some(0), Some(0)])
    );
    for bad in [&b"+CIPRECVLEN:0,0"[..], b"+CIPRECVLEN:x,0,0,0,0", b"OK"] {
        assert_eq!(lengths(bad), None);
    }
    assert_eq!(Status.parse(Ok(b"STATUS:3")).ok(), Some(StatusLine::Station(3)));
    let link = LinkStatus {
        link: 0,
        tcp: true,
        ip: Some([10, 0, 0, 2].into()),
        port: 80,
        local_port: 50_000,
        server: true,
    };
    let line = b"+CIPSTATUS:0,\"TCP\",\"10.0.0.2\",80,50000,1";
    assert_eq!(Status.parse(Ok(line)).ok(), Some(StatusLine::Link(link)));
    for bad in [&b"STATUS:"[..], b"+CIPSTATUS:7,\"TCP\",\"10.0.0.2\",80,50000,1", b"+CIPSTATUS:0"] {
        assert!(Status.parse(Ok(bad)).is_err());
    }
}

#[test]
fn modes_and_addresses() {
    let mode = |line: &[u8]| GetMode(Dialect::NonOs).parse(Ok(line)).ok();
    assert_eq!(mode(b"+CWMODE_CUR:1"), Some(Mode(1)));
    assert_eq!(mode(b"+CWMODE:3"), Some(Mode(3)));
    assert_eq!(mode(b"+CWMODE:"), None);
    let address = |line: &[u8]| Addresses::Station(Dialect::NonOs).parse(Ok(line)).ok();
    let ip = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(address(b"+CIPSTA_CUR:ip:\"10.0.0.1\""), Some(AddressLine::Ip(ip)));
    assert_eq!(address(b"+CIPSTA:gateway:\"10.0.0.1\""), Some(AddressLine::Gateway(ip)));
    assert_eq!(address(b"+CIPSTA:netmask:\"10.0.0.1\""), Some(AddressLine::Netmask(ip)));
    assert_eq!(address(b"+CIPSTA:ip:\"10.0.0\""), None);
}

#[cfg(feature = "dns")]
#[test]
fn names() {
    assert_eq!(line(&Resolve { name: b"a.test", family: None }), "AT+CIPDOMAIN=\"a.test\"\r\n");
    assert_eq!(line(&Resolve { name: b"a", family: Some(2) }), "AT+CIPDOMAIN=\"a\",2\r\n");
    for text in [&b"+CIPDOMAIN:1.2.3.4"[..], b"+CIPDOMAIN:\"1.2.3.4\""] {
        let found = Resolve { name: b"", family: None }.parse(Ok(text)).ok();
        assert_eq!(found, Some(Resolved([1, 2, 3, 4].into())));
    }
}

#[cfg(feature = "scan")]
#[test]
fn a_scan_with_any_name() {
    let found = |line: &[u8]| Scan.parse(Ok(line)).ok();
    let mac = [0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC];
    for ssid in [&b"net"[..], b"x(y),z", b"a\",\"b", b"", b"\xFF\"", b")"] {
        for tail in [&b""[..], b",0,0", b",-1,-1,4,4,7,0"] {
            let mut text = b"+CWLAP:(3,\"".to_vec();
            text.extend(ssid);
            text.extend(b"\",-47,\"12:34:56:78:9a:bc\",11");
            text.extend(tail);
            text.extend(b")");
            let point = found(&text).unwrap();
            assert_eq!(point.ssid, ssid);
            assert_eq!((point.bssid, point.rssi, point.channel, point.security), (mac, -47, 11, 3));
        }
    }
    assert_eq!(found(b"+CWLAP:(3,\"net\",-47)"), None);
    assert_eq!(found(b"+CWLAP:()"), None);
}

#[cfg(feature = "settings")]
#[test]
fn the_signal_of_any_name() {
    for (text, rssi) in [
        (&b"+CWJAP_CUR:\"net\",\"12:34:56:78:9a:bc\",6,-50,0"[..], Some(-50)),
        (b"+CWJAP:\"a\",\"b\",\"12:34:56:78:9a:bc\",6,-51,0,0,0,0", Some(-51)),
        (b"No AP", None),
        (b"+CWJAP:\"", None),
    ] {
        let found = Station::Joined(Dialect::NonOs).parse(Ok(text)).ok();
        assert_eq!(found.map(|rssi| rssi.0), rssi);
    }
}

/// No bytes of a line can make a parser panic.
#[test]
fn odd_lines_are_refused() {
    let mut lines: Vec<Vec<u8>> = vec![vec![]];
    for start in [
        "+CIPSTATUS:",
        "+CIPRECVLEN:",
        "+CWLAP:(",
        "+CIPSTA:",
        "+CWJAP:",
        "AT version:",
        "+PING:",
        "+CIPDOMAIN:",
        "STATUS:",
        "+CWMODE",
    ] {
        for middle in ["", ",", "\"", "\"\"", ":", "(", ")", "\",\"", "99999999999", "-", "-1"] {
            for end in ["", ")", "\"", ",", "1"] {
                lines.push([start, middle, end].concat().into_bytes());
            }
        }
    }
    for line in &lines {
        let _ = GetVersion.parse(Ok(line));
        let _ = Lengths.parse(Ok(line));
        let _ = Status.parse(Ok(line));
        let _ = GetMode(Dialect::EspAt).parse(Ok(line));
        let _ = Addresses::Station(Dialect::EspAt).parse(Ok(line));
        #[cfg(feature = "scan")]
        let _ = Scan.parse(Ok(line));
        #[cfg(feature = "settings")]
        let _ = Station::Joined(Dialect::EspAt).parse(Ok(line));
        #[cfg(feature = "ping")]
        let _ = Ping(b"").parse(Ok(line));
        let _ = crate::reply::Reply::parse(line);
        let _ = <crate::urc::Urc as atat::AtatUrc>::parse(line);
    }
}
