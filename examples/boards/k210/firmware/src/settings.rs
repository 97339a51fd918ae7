//! What is decided when an image is built.

use core::net::Ipv4Addr;

/// The access point.
pub const SSID: &str = or(option_env!("WIFI_SSID"), "usocket");

/// Its key.
pub const KEY: &str = or(option_env!("WIFI_KEY"), "over the air");

/// What `download_picture` fetches.
pub const PICTURE_URL: &str = or(option_env!("PICTURE_URL"), "http://pictures.test/lake.bmp");

/// Where `send_picture` sends to.
pub const SEND_TO: (Ipv4Addr, u16) = (ip(or(option_env!("SEND_TO"), "10.0.0.1")), 3456);

/// Where `echo_server` listens.
pub const PORT: u16 = 7007;

/// The rate to go on with after the start; 115200 is the one to begin with.
pub const BAUD: u32 = number(or(option_env!("MODEM_BAUD"), "115200"));

/// Bytes of the ring of the modem's UART: `read_buf_len` of the reference.
pub const RING: usize = number(or(option_env!("UART_RING"), "4096")) as usize;

/// Sockets of the programs that have one or two.
pub const SOCKETS: usize = number(or(option_env!("SOCKETS"), "2")) as usize;

/// Bytes that each socket can keep in each direction.
pub const BYTES: usize = number(or(option_env!("SOCKET_BYTES"), "2048")) as usize;

/// What the picture must hash to: that of the default picture, unless another is fetched.
pub const PICTURE_SHA256: Option<&str> =
    match (option_env!("PICTURE_SHA256"), option_env!("PICTURE_URL")) {
        (None, None) => Some("adf88a87a3d9bb5bad39b9086e2cf42152f0f628be8a52a03bdebf0c78977a3c"),
        (given, _) => given,
    };

const fn or(given: Option<&'static str>, default: &'static str) -> &'static str {
    match given {
        Some(given) => given,
        None => default,
    }
}

const fn number(text: &str) -> u32 {
    let (text, mut number, mut at) = (text.as_bytes(), 0, 0);
    while at < text.len() {
        assert!(text[at].is_ascii_digit(), "a number");
        number = number * 10 + (text[at] - b'0') as u32;
        at += 1;
    }
    number
}

const fn ip(text: &str) -> Ipv4Addr {
    let (text, mut at, mut part, mut parts) = (text.as_bytes(), 0, 0, [0; 4]);
    while at < text.len() {
        match text[at] {
            b'.' => part += 1,
            digit => {
                assert!(digit.is_ascii_digit() && part < 4, "an IPv4 address");
                parts[part] = parts[part] * 10 + (digit - b'0');
            }
        }
        at += 1;
    }
    assert!(part == 3, "an IPv4 address");
    Ipv4Addr::new(parts[0], parts[1], parts[2], parts[3])
}
