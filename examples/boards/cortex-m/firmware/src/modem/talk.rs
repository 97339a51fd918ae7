//! The modem: lines in, answers out.

use core::fmt::{self, Write};

use heapless::{Deque, String};
use usocket_conformance::End;
use usocket_core::{Instant, earlier};

use super::Script;

/// Links.
pub(crate) const LINKS: usize = 5;

/// Scripts at a time.
pub(crate) const SCRIPTS: usize = 2;

/// The port of the first script; those of the others follow.
pub(crate) const PORT: u16 = 1000;

/// Bytes that the driver has not taken.
pub(crate) const ROOM: usize = 512;

/// The modem.
#[derive(Debug)]
pub(crate) struct Modem {
    out: Deque<u8, ROOM>,
    line: String<96>,
    /// Payload that is still to come, of how much, and on which link.
    left: usize,
    len: usize,
    to: usize,
    /// The script at the other end of each link.
    links: [Option<usize>; LINKS],
    pub(crate) scripts: [Option<Script>; SCRIPTS],
    /// Bytes of which the driver knows, for each link.
    told: [usize; LINKS],
}

impl Modem {
    pub(crate) const fn new() -> Self {
        Self {
            out: Deque::new(),
            line: String::new(),
            left: 0,
            len: 0,
            to: 0,
            links: [None; LINKS],
            scripts: [const { None }; SCRIPTS],
            told: [0; LINKS],
        }
    }

    /// Gives what it has said.
    pub(crate) fn take(&mut self, buf: &mut [u8]) -> usize {
        let mut len = 0;
        while let Some((place, byte)) =
            buf.get_mut(len).and_then(|place| Some((place, self.out.pop_front()?)))
        {
            *place = byte;
            len += 1;
        }
        len
    }

    pub(crate) fn speaks(&self) -> bool {
        !self.out.is_empty()
    }

    /// Lets scripts go on, and tells of what they did.
    pub(crate) fn advance(&mut self, now: Instant) {
        for script in self.scripts.iter_mut().flatten() {
            script.advance(now);
        }
        // Nothing is said in the middle of payload.
        if self.left > 0 {
            return;
        }
        for link in 0..LINKS {
            let Some(script) = self.script(link) else { continue };
            let (waiting, closing) = (script.waiting(), script.closing);
            if waiting > self.told[link] {
                self.told[link] = waiting;
                self.say(format_args!("\r\n+IPD,{link},{waiting}\r\n"));
            }
            if closing && waiting == 0 {
                self.shut(link);
                self.say(format_args!("{link},CLOSED\r\n"));
            }
        }
    }

    /// When a script that does nothing goes on.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.scripts.iter().flatten().fold(None, |next, script| earlier(next, script.due()))
    }

    /// A byte from the driver.
    pub(crate) fn hear(&mut self, byte: u8) {
        if self.left > 0 {
            self.left -= 1;
            let (left, len) = (self.left, self.len);
            if let Some(script) = self.script(self.to) {
                script.hear(byte);
            }
            if left == 0 {
                self.say(format_args!("\r\nRecv {len} bytes\r\n\r\nSEND OK\r\n"));
            }
            return;
        }
        // Longer lines than a client sends are cut.
        let _ = self.line.push(char::from(byte));
        if byte == b'\n' {
            let line = core::mem::take(&mut self.line);
            self.answer(line.trim_end());
        }
    }

    fn answer(&mut self, line: &str) {
        let name = line.trim_start_matches("AT").trim_start_matches('+');
        let (name, args) = name.split_once('=').unwrap_or((name, ""));
        let arg = |at: usize| args.split(',').nth(at).and_then(|arg| arg.parse::<usize>().ok());
        let link = arg(0).unwrap_or(0).min(LINKS - 1);
        match name {
            "GMR" => self.say(format_args!("AT version:1.7.6.0(x)\r\nSDK version:1\r\n")),
            "CWMODE_CUR?" => self.say(format_args!("+CWMODE_CUR:1\r\n")),
            "CWJAP_CUR" => self.say(format_args!("WIFI CONNECTED\r\nWIFI GOT IP\r\n")),
            "CIPSTA_CUR?" => {
                self.say(format_args!("+CIPSTA_CUR:ip:\"10.0.0.1\"\r\n"));
                self.say(format_args!("+CIPSTA_CUR:gateway:\"10.0.0.254\"\r\n"));
                self.say(format_args!("+CIPSTA_CUR:netmask:\"255.255.255.0\"\r\n"));
            }
            "CIPSTATUS" => self.status(),
            "CIPRECVLEN?" => {
                let [a, b, c, d, e] = core::array::from_fn(|link| self.waiting(link));
                self.say(format_args!("+CIPRECVLEN:{a},{b},{c},{d},{e}\r\n"));
            }
            "CIPSTART" => return self.open(link, arg(3)),
            "CIPCLOSE" => {
                self.shut(link);
                self.say(format_args!("{link},CLOSED\r\n"));
            }
            "CIPSEND" => {
                self.say(format_args!("\r\nOK\r\n> "));
                (self.to, self.len) = (link, arg(1).unwrap_or(0));
                self.left = self.len;
                return;
            }
            "CIPRECVDATA" => return self.read(link, arg(1).unwrap_or(0)),
            _ => {}
        }
        self.say(format_args!("\r\nOK\r\n"));
    }

    fn status(&mut self) {
        let state = if self.links.iter().any(Option::is_some) { 3 } else { 2 };
        self.say(format_args!("STATUS:{state}\r\n"));
        for (link, script) in self.links.into_iter().enumerate() {
            let Some(script) = script else { continue };
            let port = usize::from(PORT) + script;
            self.say(format_args!(
                "+CIPSTATUS:{link},\"TCP\",\"10.0.0.2\",{port},{},0\r\n",
                5000 + link
            ));
        }
    }

    /// A connection to the script at this port.
    fn open(&mut self, link: usize, port: Option<usize>) {
        let number = port.and_then(|port| port.checked_sub(PORT.into()));
        let script = number.and_then(|number| self.scripts.get_mut(number)?.as_mut());
        match (script, number) {
            (Some(script), Some(number)) if !script.open => {
                script.open = true;
                self.links[link] = Some(number);
                self.told[link] = 0;
                self.say(format_args!(
                    "+LINK_CONN:0,{link},\"TCP\",0,\"10.0.0.2\",{},{}\r\n\r\nOK\r\n",
                    usize::from(PORT) + number,
                    5000 + link
                ));
            }
            _ => self.say(format_args!("{link},CLOSED\r\n\r\nERROR\r\n")),
        }
    }

    fn read(&mut self, link: usize, most: usize) {
        let len = self.waiting(link).min(most);
        if len == 0 {
            return self.say(format_args!("\r\nERROR\r\n"));
        }
        self.say(format_args!("\r\n+CIPRECVDATA,{len}:"));
        for _ in 0..len {
            if let Some(byte) = self.script(link).and_then(Script::next) {
                self.put(byte);
            }
        }
        self.say(format_args!("\r\nOK\r\n"));
        // The next notice comes when there is more than this.
        self.told[link] = self.waiting(link);
    }

    fn waiting(&self, link: usize) -> usize {
        let script = self.links[link].and_then(|script| self.scripts[script].as_ref());
        script.map_or(0, Script::waiting)
    }

    /// The script at the other end of a link.
    fn script(&mut self, link: usize) -> Option<&mut Script> {
        self.scripts[self.links[link]?].as_mut()
    }

    /// The connection of a link is over.
    fn shut(&mut self, link: usize) {
        if let Some(script) = self.script(link) {
            script.open = false;
            script.report.end = End::Fin;
        }
        self.links[link] = None;
    }

    /// Ends a script, and its connection in order.
    pub(crate) fn stop(&mut self, number: usize) -> Option<Script> {
        let script = self.scripts.get_mut(number)?.take()?;
        if let Some(link) = self.links.iter().position(|&script| script == Some(number)) {
            self.links[link] = None;
            self.say(format_args!("{link},CLOSED\r\n"));
        }
        Some(script)
    }

    fn say(&mut self, text: fmt::Arguments<'_>) {
        // It cannot fail.
        let _ = self.write_fmt(text);
    }

    fn put(&mut self, byte: u8) {
        // The driver asks for no more than there is room for, and takes it before it asks again.
        self.out.push_back(byte).expect("the driver does not listen");
    }
}

impl Write for Modem {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.put(byte));
        Ok(())
    }
}
