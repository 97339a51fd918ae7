//! A modem of a few canned answers, whose every byte is where a test wants it, and which
//! arrive in the pieces that it wants. It knows nothing of time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use usocket_backend_esp8285_at::{Lost, Uart};
use usocket_core::Instant;
use usocket_core::spi::Platform;

/// What a firmware says, byte for byte (sheet sections 1.3, 4.3, 4.8, 5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) passive: bool,
    /// `+LINK_CONN` instead of `CONNECT`.
    pub(crate) link_conn: bool,
    pub(crate) prompt: &'static str,
    /// Around the sender in a pushed head.
    pub(crate) quote: &'static str,
    /// After pushed data.
    pub(crate) trailer: &'static str,
    /// Before and after the length in the reply to a read.
    pub(crate) read: [&'static str; 2],
}

const V1_7_6_ACTIVE: Dialect = Dialect {
    name: "1.7.6 active",
    version: "1.7.6.0",
    passive: false,
    link_conn: true,
    prompt: "> ",
    quote: "",
    trailer: "",
    read: ["\r\n+CIPRECVDATA,", ":"],
};

const V2_2_ACTIVE: Dialect = Dialect {
    name: "2.2 active",
    version: "2.2.0.0",
    prompt: "\r\n>",
    quote: "\"",
    trailer: "\r\n",
    read: ["+CIPRECVDATA:", ","],
    ..V1_7_6_ACTIVE
};

/// One of each kind.
pub(crate) const DIALECTS: [Dialect; 5] = [
    Dialect { name: "1.5", version: "1.5.0.0", link_conn: false, ..V1_7_6_ACTIVE },
    V1_7_6_ACTIVE,
    Dialect { name: "1.7.6 passive", passive: true, ..V1_7_6_ACTIVE },
    V2_2_ACTIVE,
    Dialect { name: "2.2 passive", passive: true, ..V2_2_ACTIVE },
];

/// Places between two pieces of what the modem says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between `CIPSEND` and its `OK`.
    BeforeOk,
    /// Between that and the prompt.
    BeforePrompt,
    /// Between the prompt and `Recv`.
    BeforeRecv,
    /// Between that and the result.
    BeforeResult,
    /// After the result.
    AfterResult,
    /// Between `CIPRECVDATA` and its reply.
    BeforeReply,
    /// Between the data of the reply and its `OK`.
    BeforeReplyOk,
    /// After that.
    AfterReply,
    /// Between `CIPRECVLEN?` and its answer.
    BeforeLengths,
}

/// How received bytes are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    /// Pieces of so many bytes.
    Pieces(usize),
    /// Once, behind so many bytes.
    Once(usize),
}

/// The modem.
#[derive(Debug)]
pub(crate) struct Tape {
    dialect: Dialect,
    cut: Cut,
    /// The next read gives nothing.
    pause: bool,
    to_driver: VecDeque<u8>,
    line: Vec<u8>,
    /// Payload still to come from the driver, and what has come.
    left: usize,
    pub(crate) payload: Vec<u8>,
    /// Command lines since the last look.
    pub(crate) lines: Vec<Vec<u8>>,
    inject: Option<(Place, Vec<u8>)>,
    /// What waits for `CIPRECVDATA`.
    pub(crate) waiting: VecDeque<u8>,
    open: Vec<u8>,
    buffered: Option<(u8, u32)>,
    segment: u32,
    /// Bytes said since the cut was set.
    pub(crate) said: usize,
}

impl Tape {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            cut: Cut::Whole,
            pause: false,
            to_driver: VecDeque::new(),
            line: Vec::new(),
            left: 0,
            payload: Vec::new(),
            lines: Vec::new(),
            inject: None,
            waiting: VecDeque::new(),
            open: Vec::new(),
            buffered: None,
            segment: 0,
            said: 0,
        }
    }

    /// From now on bytes arrive like this.
    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cut = cut;
        self.said = 0;
    }

    /// These bytes are said at that place, once.
    pub(crate) fn inject(&mut self, place: Place, bytes: Vec<u8>) {
        self.inject = Some((place, bytes));
    }

    /// Whether what was to be injected was.
    pub(crate) fn has_injected(&self) -> bool {
        self.inject.is_none()
    }

    /// Whether data are announced rather than pushed.
    pub(crate) fn notice_mode(&self) -> bool {
        self.dialect.passive
    }

    /// Pushed data of a link.
    pub(crate) fn push(&self, link: u8, data: &[u8]) -> Vec<u8> {
        let quote = self.dialect.quote;
        let from = format!("{quote}10.0.0.2{quote},{}", 80 + u16::from(link));
        let head = format!("\r\n+IPD,{link},{},{from}:", data.len());
        [head.as_bytes(), data, self.dialect.trailer.as_bytes()].concat()
    }

    /// A notice for a link.
    pub(crate) fn notice(link: u8, len: usize) -> Vec<u8> {
        format!("\r\n+IPD,{link},{len}\r\n").into_bytes()
    }

    fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.said += bytes.as_ref().len();
        self.to_driver.extend(bytes.as_ref());
    }

    fn place(&mut self, place: Place) {
        if self.inject.as_ref().is_some_and(|(at, _)| *at == place)
            && let Some((_, bytes)) = self.inject.take()
        {
            self.say(bytes);
        }
    }

    fn hear(&mut self, byte: u8) {
        if self.left > 0 {
            self.payload.push(byte);
            self.left -= 1;
            if self.left == 0 {
                self.payload_complete();
            }
            return;
        }
        self.line.push(byte);
        if self.line.ends_with(b"\r\n") {
            let line = std::mem::take(&mut self.line);
            self.lines.push(line.clone());
            self.answer(&String::from_utf8_lossy(&line));
        }
    }

    fn payload_complete(&mut self) {
        let len = self.payload.len();
        self.place(Place::BeforeRecv);
        self.say(format!("\r\nRecv {len} bytes\r\n"));
        self.place(Place::BeforeResult);
        match self.buffered.take() {
            Some((link, segment)) => self.say(format!("\r\n{link},{segment},SEND OK\r\n")),
            None => self.say("\r\nSEND OK\r\n"),
        }
        self.place(Place::AfterResult);
    }

    fn answer(&mut self, line: &str) {
        let name = line.trim_end().trim_start_matches("AT").trim_start_matches('+');
        let (name, args) = name.split_once('=').unwrap_or((name, ""));
        let arg = |at: usize| args.split(',').nth(at).and_then(|arg| arg.parse::<usize>().ok());
        match name {
            "GMR" => {
                let version = self.dialect.version;
                self.say(format!("AT version:{version}(x)\r\nSDK version:1\r\n\r\nOK\r\n"));
            }
            "CWMODE_CUR?" | "CWMODE?" => {
                let name = name.trim_end_matches('?');
                self.say(format!("+{name}:1\r\n\r\nOK\r\n"));
            }
            "CWJAP_CUR" | "CWJAP" => self.say("WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n"),
            "CIPSTA_CUR?" | "CIPSTA?" => {
                let name = name.trim_end_matches('?');
                for (key, ip) in
                    [("ip", "10.0.0.1"), ("gateway", "10.0.0.254"), ("netmask", "255.255.255.0")]
                {
                    self.say(format!("+{name}:{key}:\"{ip}\"\r\n"));
                }
                self.say("\r\nOK\r\n");
            }
            "CIPSTATUS" => {
                self.say(if self.open.is_empty() { "STATUS:2\r\n" } else { "STATUS:3\r\n" });
                for link in self.open.clone() {
                    let ports = format!("{},{}", 80 + u16::from(link), 5000 + u16::from(link));
                    self.say(format!("+CIPSTATUS:{link},\"TCP\",\"10.0.0.2\",{ports},0\r\n"));
                }
                self.say("\r\nOK\r\n");
            }
            "CIPSTART" => {
                let link = u8::try_from(arg(0).unwrap_or(9)).unwrap_or(9);
                self.open.push(link);
                let (port, local) = (80 + u16::from(link), 5000 + u16::from(link));
                match self.dialect.link_conn {
                    true => self.say(format!(
                        "+LINK_CONN:0,{link},\"TCP\",0,\"10.0.0.2\",{port},{local}\r\n\r\nOK\r\n"
                    )),
                    false => self.say(format!("{link},CONNECT\r\n\r\nOK\r\n")),
                }
            }
            "CIPSEND" | "CIPSENDBUF" => {
                self.place(Place::BeforeOk);
                if name == "CIPSENDBUF" {
                    self.segment += 1;
                    self.buffered = Some((args.as_bytes()[0] - b'0', self.segment));
                    self.say(format!("{},0\r\n", self.segment));
                }
                self.say("\r\nOK\r\n");
                self.place(Place::BeforePrompt);
                self.say(self.dialect.prompt);
                self.left = arg(1).unwrap_or(0);
                self.payload.clear();
            }
            "CIPRECVDATA" => {
                self.place(Place::BeforeReply);
                let len = self.waiting.len().min(arg(1).unwrap_or(0));
                if len == 0 {
                    return self.say("\r\nERROR\r\n");
                }
                let data: Vec<u8> = self.waiting.drain(..len).collect();
                let [before, after] = self.dialect.read;
                self.say(format!("{before}{len}{after}"));
                self.say(data);
                self.place(Place::BeforeReplyOk);
                self.say("\r\nOK\r\n");
                self.place(Place::AfterReply);
            }
            "CIPRECVLEN?" => {
                self.place(Place::BeforeLengths);
                self.say(format!("+CIPRECVLEN:0,0,0,0,{}\r\n\r\nOK\r\n", self.waiting.len()));
            }
            _ => self.say("\r\nOK\r\n"),
        }
    }
}

/// The driver's end.
#[derive(Clone, Debug)]
pub(crate) struct Wire(pub(crate) Rc<RefCell<Tape>>);

impl Uart for Wire {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let mut tape = self.0.borrow_mut();
        if std::mem::take(&mut tape.pause) {
            return Ok(0);
        }
        let most = match tape.cut {
            Cut::Whole => usize::MAX,
            Cut::Pieces(len) | Cut::Once(len) => len,
        };
        let len = buf.len().min(tape.to_driver.len()).min(most);
        for (to, byte) in buf.iter_mut().zip(tape.to_driver.drain(..len)) {
            *to = byte;
        }
        match tape.cut {
            Cut::Whole => {}
            Cut::Pieces(_) => tape.pause = len > 0,
            Cut::Once(left) if left > len => tape.cut = Cut::Once(left - len),
            Cut::Once(_) => {
                tape.cut = Cut::Whole;
                tape.pause = true;
            }
        }
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut tape = self.0.borrow_mut();
        bytes.iter().for_each(|byte| tape.hear(*byte));
        bytes.len()
    }

    fn readable(&self) -> bool {
        !self.0.borrow().to_driver.is_empty()
    }

    fn writable(&self) -> bool {
        true
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn capacity(&self) -> usize {
        4096
    }
}

/// A clock that jumps to whatever is waited for.
#[derive(Debug, Default)]
pub(crate) struct Clock(Cell<Instant>);

impl Platform for Clock {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if !ready() {
            self.0.set(until.expect("something will happen").max(self.0.get()));
        }
    }
}
