//! Chat over UDP multicast: who is in the group hears what is typed.

use core::fmt::Write;
use core::net::Ipv4Addr;

use usocket::prelude::*;
use usocket::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IPPROTO_IP, SO_REUSEADDR, SOL_SOCKET,
};

/// Where a chat takes place.
#[derive(Clone, Copy, Debug)]
pub struct Room<'r> {
    /// A multicast group, 224.0.0.0 to 239.255.255.255; 239 is for private use.
    pub group: Ipv4Addr,
    /// The port of the group.
    pub port: u16,
    /// The local interface: 127.0.0.1 stays on this machine, 0.0.0.0 lets the
    /// system choose.
    pub interface: Ipv4Addr,
    /// Who speaks.
    pub name: &'r str,
}

/// The keyboard and the screen of a chat.
pub trait Console {
    /// Is told that from now on everything is heard.
    fn joined(&mut self, room: &Room<'_>);

    /// Takes a line that was typed into `line`, without its end. Does not wait.
    fn typed(&mut self, line: &mut heapless::String<MAX_TEXT>) -> Typed;

    /// Shows what somebody said. Nothing unprintable is in either text.
    fn say(&mut self, name: &str, text: &str);
}

/// What a [`Console`] answers when asked for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Here is one.
    Line,
    /// Not now.
    Nothing,
    /// There will be no more.
    End,
}

/// Longest text of one message, in bytes.
pub const MAX_TEXT: usize = 400;
/// Every message begins with this; anything else in the group is not ours.
const MAGIC: &str = "usocket-chat/1";
/// Magic, sender's number, name, text, and the ends of their lines.
const MAX_MESSAGE: usize = 512;

/// Chats until the console ends. `keys` is what becomes ready when something was
/// typed: a [`UserWake`], a UART.
///
/// The sender's own messages come back to it, since other programs of the same
/// machine must hear them too; each sender picks a number by which it knows its own.
///
/// # Errors
/// `EINVAL`: not a multicast group. `ENODEV`, `ENETUNREACH`: no such interface, or no
/// route. `EOPNOTSUPP`, `ENOPROTOOPT`: this backend has no multicast.
pub fn chat<'b, B: Backend>(
    net: &'b B,
    room: &Room<'_>,
    keys: impl Pollable<'b>,
    console: &mut impl Console,
) -> Result<()> {
    let own = net.platform().seed();
    let s = join(net, room)?;
    let mut poll = Poll::<2>::new(net);
    poll.register(&s, POLLIN)?;
    poll.register(&keys, POLLIN)?;
    say(&s, room, own, "(is here)")?;
    console.joined(room);
    loop {
        let (heard, typed) = {
            let ready = poll.poll(None)?;
            (!ready.events_of(&s).is_empty(), !ready.events_of(&keys).is_empty())
        };
        if heard {
            hear(&s, own, console)?;
        }
        if typed && !speak(&s, room, own, console)? {
            return s.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, &membership(room));
        }
    }
}

/// Says what was typed; `false` when that was the last.
fn speak<B: Backend>(
    s: &Socket<'_, B>,
    room: &Room<'_>,
    own: u64,
    console: &mut impl Console,
) -> Result<bool> {
    let mut line = heapless::String::new();
    loop {
        line.clear();
        match console.typed(&mut line) {
            Typed::Line => say(s, room, own, &line)?,
            Typed::Nothing => return Ok(true),
            Typed::End => return say(s, room, own, "(is gone)").map(|()| false),
        }
    }
}

fn join<'b, B: Backend>(net: &'b B, room: &Room<'_>) -> Result<Socket<'b, B>> {
    let s = net.udp()?;
    // Several chats on one machine share the port.
    s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)?;
    s.bind(("", room.port))?;
    s.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership(room))?;
    s.setsockopt(IPPROTO_IP, IP_MULTICAST_IF, &room.interface.octets())?;
    s.setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 1)?;
    match s.setsockopt(IPPROTO_IP, IP_MULTICAST_LOOP, 1) {
        // Nothing comes back to a stack of its own; it is alone on its machine.
        Ok(()) | Err(Error::ENOPROTOOPT) => Ok(s),
        Err(error) => Err(error),
    }
}

/// Group and interface, as the option wants them (row 145).
fn membership(room: &Room<'_>) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&room.group.octets());
    bytes[4..].copy_from_slice(&room.interface.octets());
    bytes
}

fn say<B: Backend>(s: &Socket<'_, B>, room: &Room<'_>, own: u64, text: &str) -> Result<()> {
    let mut message = heapless::String::<MAX_MESSAGE>::new();
    write!(message, "{MAGIC}\n{own:016x}\n{}\n{text}", room.name).map_err(|_| Error::EMSGSIZE)?;
    s.sendto(message.as_bytes(), (room.group, room.port)).map(|_| ())
}

fn hear<B: Backend>(s: &Socket<'_, B>, own: u64, console: &mut impl Console) -> Result<()> {
    let mut buf = [0; MAX_MESSAGE];
    let (len, from) = s.recvfrom(&mut buf)?;
    let Some((sender, name, text)) = parse(&buf[..len]) else { return Ok(()) };
    if sender == own {
        return Ok(());
    }
    let mut shown = heapless::String::<MAX_MESSAGE>::new();
    // Longer than a message it does not get: unprintable characters become one dot.
    let _ = write!(shown, "{}", printable(name));
    let name_len = shown.len();
    let _ = write!(shown, "{}", printable(text));
    let (name, text) = shown.split_at(name_len);
    if name.is_empty() {
        let mut address = heapless::String::<64>::new();
        let _ = write!(address, "{from}");
        console.say(&address, text);
    } else {
        console.say(name, text);
    }
    Ok(())
}

/// Sender, name and text of a message; `None` for anything else.
fn parse(message: &[u8]) -> Option<(u64, &str, &str)> {
    let message = core::str::from_utf8(message).ok()?;
    let mut lines = message.splitn(4, '\n');
    let magic = lines.next()?;
    let sender = u64::from_str_radix(lines.next()?, 16).ok()?;
    let (name, text) = (lines.next()?, lines.next()?);
    (magic == MAGIC).then_some((sender, name, text))
}

/// The text with a dot for each character that could steer a terminal.
fn printable(text: &str) -> impl core::fmt::Display + '_ {
    core::fmt::from_fn(move |f| {
        text.chars().try_for_each(|char| f.write_char(if char.is_control() { '.' } else { char }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        assert_eq!(parse(b"usocket-chat/1\nff\nme\nhi\nthere"), Some((255, "me", "hi\nthere")));
        for bad in
            ["", "usocket-chat/1\nff\nme", "usocket-chat/1\nxx\nme\nhi", "other/1\nff\nme\nhi"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(b"usocket-chat/1\nff\nme\n\xff"), None);
    }

    #[test]
    fn nobody_steers_the_terminal() {
        let mut text = heapless::String::<16>::new();
        write!(text, "{}", printable("a\x1b[2J\u{9b}\u{e4}\n")).unwrap();
        assert_eq!(text, "a.[2J.\u{e4}.");
    }
}
