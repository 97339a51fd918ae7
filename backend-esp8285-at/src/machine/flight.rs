//! The command in flight: sending it, its replies, its end.

use core::time::Duration;

use atat::AtatCmd;
use usocket_core::{Error, Instant};

use super::lost::CANCEL;
use super::setup::Step;
use super::{Machine, PairId, Phase};
use crate::link::Phase as LinkPhase;
use crate::reply::{Hint, Reply};
use crate::trace::Trace;

/// Which command is in flight.
///
/// Aligned, as it is copied often: two instructions instead of twelve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(8))]
pub(crate) enum Exchange {
    Idle,
    /// Its result interests nobody any more.
    Ignored,
    /// The same of a line that went out twice; it may have none.
    Absorb,
    /// `AT` while looking for the modem or after a loss.
    Probe,
    /// A step of the set-up.
    Setup(Step),
    /// `AT+RST`.
    Restart,
    Open(u8),
    Option(u8),
    /// `CIPDINFO`, for datagrams.
    #[cfg(feature = "udp")]
    Sender,
    Close(u8),
    Send(Sending),
    Read(Reading),
    Lengths,
    Status,
    #[cfg(feature = "dns")]
    Resolve(u8),
    #[cfg(feature = "server")]
    Server(super::server::ServerStep),
    Join,
    Address,
    Request,
    /// A setting that a boot has undone.
    #[cfg(any(feature = "settings", feature = "access-point"))]
    Kept,
}

impl Exchange {
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Exchange::Idle)
    }

    /// Whether it opens this link.
    pub(super) fn opens(self, link: u8) -> bool {
        matches!(self, Exchange::Open(ours) if ours == link)
    }
}

/// A `CIPSEND` or `CIPSENDBUF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) link: u8,
    pub(crate) len: u16,
    pub(crate) buffered: bool,
    /// Where the data are, whatever becomes of the socket meanwhile.
    pub(crate) pair: Option<PairId>,
    pub(crate) stage: Stage,
}

/// How far a send is (4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// `OK` is due.
    Command,
    /// The prompt is due.
    Prompt,
    /// The data are on their way to the modem.
    Data,
    /// `Recv` is due.
    Recv,
    /// `SEND OK` is due.
    Result,
}

/// A `CIPRECVDATA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) link: u8,
    pub(crate) asked: u16,
    pub(crate) got: Option<u16>,
    /// The framing closed as it must.
    pub(crate) framed: bool,
}

/// What is being sent. Aligned as [`Exchange`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(8))]
pub(crate) enum Out {
    Idle,
    /// The command line, from and to.
    Line(u16, u16),
    /// Data of a link, so many more.
    Data {
        pair: Option<PairId>,
        left: u16,
    },
    /// Line ends that fill up a send which the modem may still wait for.
    Fill(u16),
}

/// What is known of the command in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    pub(crate) deadline: Option<Instant>,
    pub(crate) issued: Instant,
    /// Length of the line, to send it again after `busy`.
    pub(crate) len: u16,
    pub(crate) hint: Option<Hint>,
    /// `CONNECT` was said while a link was being opened: ours, or a client's.
    pub(crate) connected: bool,
    /// `busy` was the answer: send it again at the deadline.
    pub(crate) busy: bool,
    /// It is being sent again until then,
    pub(crate) again: Option<Instant>,
    /// and meanwhile something was heard: the result of the first time, perhaps.
    pub(crate) crossed: bool,
    /// Its own timeout, milliseconds.
    pub(crate) patience: u32,
    /// The line has left the UART, so what comes now can be its answer.
    pub(crate) left: bool,
}

/// How long after `busy` a command is sent again.
const BUSY_AGAIN: Duration = Duration::from_millis(50);
/// How long the result of a line may take that went out twice.
const ABSORB: Duration = Duration::from_millis(200);
/// How long a modem may say nothing but `busy` before it is restarted: the longest join.
const BUSY_MOST: Duration = Duration::from_secs(20);
/// The same where it has no reason to, with an address and no command of ours in flight.
const BUSY_JOINED: Duration = Duration::from_secs(5);
/// From `Recv` to the result. 1.x waits for the peer's acknowledgement, 2.x until it has
/// room, and a peer may stall for long: nothing can be said to the modem meanwhile, so this
/// is also how long one peer can stop the others.
const RESULT_TIMEOUT: Duration = Duration::from_secs(60);
/// From the last data byte to `Recv` (section 8).
const RECV_TIMEOUT: Duration = Duration::from_secs(5);

/// A length on the wire: of a line, or of a piece of at most 2048 bytes.
pub(super) fn short(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

impl Machine<'_> {
    /// Sends a command; false if it cannot be expressed, and then nothing is sent.
    pub(super) fn issue<C: AtatCmd>(&mut self, exchange: Exchange, command: &C) -> bool {
        let len = command.write(&mut self.command);
        self.start(exchange, len, C::MAX_TIMEOUT_MS)
    }

    /// The part of `issue` that is the same for all commands: the line has been written, and
    /// is of this length.
    pub(super) fn start(&mut self, exchange: Exchange, len: usize, patience: u32) -> bool {
        if len == 0 {
            return false;
        }
        let len = short(len);
        self.exchange = exchange;
        self.out = Out::Line(0, len);
        self.flight = Flight {
            // Until the line has left the time does not count: see `line_left`.
            deadline: Some(self.after_wire(len).after_millis(patience)),
            issued: self.now,
            len,
            hint: None,
            connected: false,
            busy: false,
            again: None,
            crossed: false,
            patience,
            left: false,
        };
        count!(self, commands);
        self.tracer.tell(Trace::Command(&self.command[..usize::from(len)]));
        true
    }

    /// When so many bytes have passed the wire, generously, if they begin now.
    #[inline(never)] // once in an image
    pub(super) fn after_wire(&self, len: u16) -> Instant {
        self.now.after_micros(u64::from(len) * 12_000_000 / u64::from(self.baud.max(1)))
    }

    /// The exchange is over.
    #[inline(never)] // once in an image
    pub(super) fn finish(&mut self) {
        self.exchange = Exchange::Idle;
        self.flight.deadline = None;
        self.flight.busy = false;
        self.digest.expect_prompt(false);
        self.busy_since = None;
        self.deaf = false;
    }

    /// The line of the command in flight has left the UART.
    pub(crate) fn line_left(&mut self) {
        self.flight.left |= !matches!(self.out, Out::Line(..));
    }

    /// A line that belongs to the command in flight.
    #[inline(never)] // once in an image
    pub(super) fn replied(&mut self, reply: Reply<'_>) {
        if !self.flight.left && matches!(reply, Reply::Ok | Reply::Error | Reply::SendOk) {
            // Said before the modem has heard the command: the result of the one before,
            // twice.
            count!(self, stray);
            return;
        }
        match reply {
            Reply::Busy => return self.busy(),
            Reply::Restart if matches!(self.exchange, Exchange::Restart) => {
                self.finish();
                return self.restarting();
            }
            Reply::Restart => return,
            Reply::Line(line) => {
                if let Some(hint) = Hint::parse(line) {
                    self.flight.hint = Some(hint);
                }
                return self.information(line);
            }
            _ => {}
        }
        match (self.exchange, reply) {
            (Exchange::Send(sending), _) => self.sending(sending, reply),
            (Exchange::Idle, _) => count!(self, stray),
            // That of what the modem was busy with: the step is sent again in any case.
            (Exchange::Setup(step), _) if self.flight.busy && step != Step::Rate => {
                count!(self, stray);
            }
            (_, Reply::Ok) => self.ended(true),
            (_, Reply::Error) => self.ended(false),
            // A late result of a send (2.5): not that of this command.
            _ => count!(self, stray),
        }
    }

    /// `OK` or `ERROR` of anything but a send.
    fn ended(&mut self, ok: bool) {
        let exchange = self.exchange;
        let crossed = core::mem::take(&mut self.flight.crossed);
        self.finish();
        match exchange {
            Exchange::Idle | Exchange::Ignored | Exchange::Absorb | Exchange::Send(_) => {}
            Exchange::Probe => self.probed(ok),
            Exchange::Setup(step) => self.set_up(step, ok),
            Exchange::Restart => self.restarting(),
            Exchange::Open(link) => self.opened(link, ok),
            Exchange::Option(link) => self.option_sent(link),
            // Once is enough, whatever the answer.
            #[cfg(feature = "udp")]
            Exchange::Sender => self.tells_sender = true,
            Exchange::Close(link) => self.closed(link, ok),
            Exchange::Read(reading) => self.read_ended(reading, ok),
            Exchange::Lengths => self.lengths_ended(),
            Exchange::Status => self.status_ended(ok),
            #[cfg(feature = "dns")]
            Exchange::Resolve(query) => self.resolved(query, ok),
            #[cfg(feature = "server")]
            Exchange::Server(step) => self.server_stepped(step, ok),
            Exchange::Join => self.joined(ok),
            Exchange::Address => self.address_known(ok),
            Exchange::Request => self.requested(ok),
            #[cfg(any(feature = "settings", feature = "access-point"))]
            Exchange::Kept => {}
        }
        if crossed && self.exchange.is_idle() {
            // The line went out a second time, and that is answered, too.
            self.exchange = Exchange::Absorb;
            self.flight.deadline = Some(self.now + ABSORB);
        }
    }

    /// Results and steps of a send.
    fn sending(&mut self, sending: Sending, reply: Reply<'_>) {
        match (sending.stage, reply) {
            (Stage::Command, Reply::Ok) => {
                self.digest.expect_prompt(true);
                let until = self.now.after_millis(self.flight.patience);
                self.step(sending, Stage::Prompt, until);
            }
            (Stage::Command | Stage::Prompt, Reply::Error) => {
                let hint = self.flight.hint;
                self.finish();
                self.send_refused(sending, hint);
            }
            (Stage::Data | Stage::Recv, Reply::Recv(_)) if sending.buffered => {
                self.finish();
                self.send_buffered(sending);
            }
            (Stage::Data | Stage::Recv, Reply::Recv(_)) => {
                self.step(sending, Stage::Result, self.now + RESULT_TIMEOUT);
            }
            (Stage::Recv | Stage::Result, Reply::SendOk) => {
                self.finish();
                self.send_ended(sending, true);
            }
            (Stage::Recv | Stage::Result, Reply::SendFail | Reply::Error) => {
                self.finish();
                self.send_ended(sending, false);
            }
            _ => count!(self, stray),
        }
    }

    fn step(&mut self, sending: Sending, stage: Stage, until: Instant) {
        self.exchange = Exchange::Send(Sending { stage, ..sending });
        self.flight.deadline = Some(until);
    }

    /// The modem is ready for the data.
    pub(super) fn prompted(&mut self) {
        let Exchange::Send(sending) = self.exchange else { return };
        if sending.stage <= Stage::Prompt {
            self.send_data(sending);
        }
    }

    fn send_data(&mut self, sending: Sending) {
        self.step(sending, Stage::Data, self.after_wire(sending.len) + RECV_TIMEOUT);
        let pair = sending.pair;
        if !self.links[usize::from(sending.link)].tcp {
            self.datagram_prompted(pair);
        }
        self.out = Out::Data { pair, left: sending.len };
        self.busy_since = None;
    }

    /// All data have been given to the UART.
    fn data_left(&mut self) {
        if let Exchange::Send(sending) = self.exchange
            && sending.stage == Stage::Data
        {
            self.step(sending, Stage::Recv, self.after_wire(64) + RECV_TIMEOUT);
        }
    }

    /// The bytes to send next.
    pub(crate) fn tx(&self) -> &[u8] {
        const FILL: [u8; 32] = *b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
        match self.out {
            Out::Idle => &[],
            Out::Line(from, to) => &self.command[from.into()..to.into()],
            Out::Data { pair, left } => {
                let front = self.pairs.tx_front(pair);
                &front[..front.len().min(left.into())]
            }
            Out::Fill(left) => &FILL[..FILL.len().min(left.into())],
        }
    }

    /// So many of them have been given to the UART.
    pub(crate) fn tx_done(&mut self, len: usize) {
        count!(self, tx_bytes, len as u64);
        let len = short(len);
        match self.out {
            Out::Idle => {}
            Out::Line(from, to) if from + len < to => self.out = Out::Line(from + len, to),
            Out::Line(..) => self.out = Out::Idle,
            Out::Data { pair, left } => {
                if let Some(pair) = self.pairs.get_mut(pair) {
                    pair.tx.consume(len.into());
                }
                self.touched = true;
                let left = left.saturating_sub(len);
                if left > 0 {
                    self.out = Out::Data { pair, left };
                } else {
                    self.out = Out::Idle;
                    self.data_left();
                }
            }
            Out::Fill(left) if left > len => self.out = Out::Fill(left - len),
            Out::Fill(_) => {
                self.out = Out::Idle;
                self.quiet_until = self.now + Duration::from_millis(100);
            }
        }
    }

    /// The input was dropped. The result of the command may still come, where it was
    /// another input that was meant; else the line is sent again (scenario 12).
    fn busy(&mut self) {
        count!(self, busy);
        if self.exchange.is_idle() {
            return;
        }
        if matches!(self.exchange, Exchange::Absorb) {
            self.finish();
            return;
        }
        if matches!(self.exchange, Exchange::Send(sending) if sending.stage >= Stage::Prompt) {
            return;
        }
        self.busy_since.get_or_insert(self.now);
        self.flight.busy = true;
        self.flight.deadline = Some(self.now + BUSY_AGAIN);
    }

    /// Deadlines of the command in flight.
    pub(super) fn overdue(&mut self) {
        if self.flight.deadline.is_none_or(|deadline| deadline > self.now) {
            return;
        }
        if core::mem::take(&mut self.flight.busy) {
            let most = match self.phase {
                Phase::Ready if self.station.is_up() => BUSY_JOINED,
                _ => BUSY_MOST,
            };
            if self.busy_since.is_some_and(|since| self.now.saturating_since(since) >= most) {
                self.give_up_busy();
                return;
            }
            self.out = Out::Line(0, self.flight.len);
            let sent = self.after_wire(self.flight.len);
            self.flight.again = Some(sent);
            self.flight.deadline = Some(sent.after_millis(self.flight.patience));
            return;
        }
        // A reply that is still coming in is not overdue: see `payload_overdue`.
        if let Some(deadline) = self.payload_deadline()
            && deadline > self.now
        {
            self.flight.deadline = Some(deadline);
            return;
        }
        count!(self, timeouts);
        self.timed_out();
    }

    /// The command in flight has not been answered in time.
    fn timed_out(&mut self) {
        let exchange = self.exchange;
        self.tracer.tell(Trace::Note("timeout"));
        if let Exchange::Send(sending) = exchange
            && sending.stage <= Stage::Prompt
            && usize::from(sending.len) <= CANCEL.len()
        {
            // So little cannot be cancelled, and it can do no harm as a line.
            return self.send_data(sending);
        }
        self.finish();
        match exchange {
            Exchange::Idle | Exchange::Absorb => {}
            Exchange::Probe => {
                // Noise may look like the head of a payload.
                self.forget_input();
                self.unanswered();
            }
            Exchange::Setup(step) => self.set_up_failed(step),
            Exchange::Restart => self.restarting(),
            Exchange::Send(sending) => {
                self.abandoned(exchange);
                self.lose_track();
                if sending.stage <= Stage::Recv {
                    self.cancel_send(sending.link);
                }
            }
            _ => {
                self.abandoned(exchange);
                self.lose_track();
            }
        }
    }

    /// A loss or a reboot has made the answer unknown. What the network object was asked
    /// begins anew; the rest is given up.
    pub(super) fn interrupted(&mut self, exchange: Exchange) {
        match exchange {
            Exchange::Join | Exchange::Request => self.request_again(),
            other => self.abandoned(other),
        }
    }

    /// What becomes of those for whom a command was in flight that will not be answered.
    pub(super) fn abandoned(&mut self, exchange: Exchange) {
        match exchange {
            Exchange::Open(link) => self.open_unknown(link),
            Exchange::Send(sending) => self.send_unknown(sending),
            Exchange::Read(reading) => self.read_broken(reading),
            Exchange::Close(link) => self.links[usize::from(link)].phase = LinkPhase::Open,
            #[cfg(feature = "dns")]
            Exchange::Resolve(query) => self.resolved(query, false),
            Exchange::Join => self.join_unknown(),
            Exchange::Request => self.end_request(Err(Error::ETIMEDOUT)),
            _ => {}
        }
    }
}
