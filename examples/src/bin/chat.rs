//! Chat over UDP multicast.

use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use lexopt::prelude::*;
use usocket::prelude::*;
use usocket::{CriticalSectionRawMutex, UserWake};
use usocket_example_apps::{Console, MAX_TEXT, Room, Typed, chat};
use usocket_examples::{Network, Program, Site, Trouble, address, out, program};

const HELP: &str = "
Everybody in a multicast group reads what is typed. Start it twice.

usage: chat [options]

  --name NAME       who you are (default: the name you are logged in with)
  --group ADDR:PORT the group (default: 239.255.77.77:5777)
  --interface ADDR  the local address of the network to use (default: 127.0.0.1, this
                    machine only; 0.0.0.0 lets the system choose)
{network}
  --help            this text

It ends with its input (Ctrl-D).
";

type Wake = UserWake<CriticalSectionRawMutex>;

fn main() -> ExitCode {
    program("chat", HELP, |mut parser| {
        let mut name = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
        let mut group = (Ipv4Addr::new(239, 255, 77, 77), 5777);
        let mut interface = Ipv4Addr::LOCALHOST;
        let mut network = Network::std();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("name") => name = parser.value()?.string()?,
                Long("group") => group = address(&parser.value()?.string()?)?,
                Long("interface") => interface = parser.value()?.parse()?,
                Long(name) if Network::has(name) => {
                    let name = name.to_owned();
                    network.set(&name, &mut parser)?;
                }
                Long("help") | Short('h') => return Err(Trouble::Help),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if name.len() > 64 || name.contains(char::is_control) {
            return Err(Trouble::Usage("a name is one line of at most 64 bytes".to_owned()));
        }
        network.run(Chat { name, group, interface })
    })
}

struct Chat {
    name: String,
    group: (Ipv4Addr, u16),
    interface: Ipv4Addr,
}

impl Program for Chat {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let (group, port) = self.group;
        let interface = site.group(self.group, self.interface)?;
        let room = Room { group, port, interface, name: &self.name };
        let wake = Arc::new(Wake::new());
        let mut console = Keyboard::start(Arc::clone(&wake));
        chat(net, &room, &*wake, &mut console).map_err(|error| {
            // A modem with AT firmware 1.x has no groups, one with 2.x none of their options.
            let no_groups = matches!(error, Error::EOPNOTSUPP | Error::ENOPROTOOPT);
            let what =
                if no_groups { " (this network has no multicast, or not all of it)" } else { "" };
            Trouble::Failed(format!("{group}:{port}: {error}{what}"))
        })
    }
}

/// Standard input, read by a thread of its own, which wakes the poll: that works on
/// every system and with every backend.
struct Keyboard {
    lines: Receiver<String>,
    wake: Arc<Wake>,
    /// What did not fit into one message.
    rest: String,
}

impl Keyboard {
    fn start(wake: Arc<Wake>) -> Self {
        let (sender, lines) = mpsc::channel();
        let waker = Arc::clone(&wake);
        // It ends with its input, or with the program.
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
                waker.wake();
            }
            drop(sender);
            waker.wake();
        });
        Self { lines, wake, rest: String::new() }
    }
}

impl Console for Keyboard {
    fn joined(&mut self, room: &Room<'_>) {
        let Room { group, port, interface, name } = room;
        out(format_args!("{group}:{port} on {interface}, you are {name}"));
    }

    fn typed(&mut self, line: &mut heapless::String<MAX_TEXT>) -> Typed {
        // Cleared before looking: what comes after the look wakes again.
        self.wake.clear();
        if self.rest.is_empty() {
            match self.lines.try_recv() {
                Ok(typed) => self.rest = typed,
                Err(TryRecvError::Empty) => return Typed::Nothing,
                Err(TryRecvError::Disconnected) => return Typed::End,
            }
        }
        let end = self.rest.floor_char_boundary(MAX_TEXT);
        let tail = self.rest.split_off(end);
        // Not longer than its room.
        let _ = line.push_str(&self.rest);
        self.rest = tail;
        Typed::Line
    }

    fn say(&mut self, name: &str, text: &str) {
        out(format_args!("{name}: {text}"));
    }
}
