//! Where the host plugs in: a pseudo-terminal or a TCP port.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::options::Place;

/// What comes from the port.
pub(crate) enum Incoming {
    /// Somebody plugged in: output goes there from now on.
    Writer(Box<dyn Write + Send>),
    /// Bytes from the host.
    Bytes(Vec<u8>),
}

/// Opens the port and reads from it in a thread; its name is what the host has to open.
pub(crate) fn open(place: &Place) -> io::Result<(Receiver<Incoming>, String)> {
    let (to, incoming) = channel();
    let name = match place {
        Place::Tcp(address) => open_tcp(*address, to)?,
        Place::Terminal => open_terminal(to)?,
    };
    Ok((incoming, name))
}

/// One client at a time; the modem goes on when it leaves.
fn open_tcp(address: SocketAddr, to: Sender<Incoming>) -> io::Result<String> {
    let listener = TcpListener::bind(address)?;
    let name = listener.local_addr()?.to_string();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let Ok(writer) = stream.try_clone() else { continue };
            // Refused only if the program is about to end.
            let _ = stream.set_nodelay(true);
            if to.send(Incoming::Writer(Box::new(writer))).is_err() {
                return;
            }
            read_all(stream, &to);
        }
    });
    Ok(name)
}

#[cfg(unix)]
fn open_terminal(to: Sender<Incoming>) -> io::Result<String> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

    let modem = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&modem)?;
    unlockpt(&modem)?;
    let name = ptsname(&modem, Vec::new())?.to_string_lossy().into_owned();
    // Held open, so that the modem's end never sees a hang-up between two hosts.
    let host = std::fs::OpenOptions::new().read(true).write(true).open(&name)?;
    let mut raw = tcgetattr(&host)?;
    raw.make_raw();
    tcsetattr(&host, OptionalActions::Now, &raw)?;
    let reader = std::fs::File::from(modem);
    let writer = reader.try_clone()?;
    // Before the modem says its first word, which waits in the terminal for the host.
    to.send(Incoming::Writer(Box::new(writer))).map_err(|_| io::ErrorKind::BrokenPipe)?;
    thread::spawn(move || {
        read_all(reader, &to);
        drop(host);
    });
    Ok(name)
}

#[cfg(not(unix))]
fn open_terminal(_to: Sender<Incoming>) -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "no pseudo-terminals here; use --tcp"))
}

fn read_all(mut from: impl Read, to: &Sender<Incoming>) {
    let mut buf = [0; 4096];
    loop {
        match from.read(&mut buf) {
            Ok(0) => return,
            Ok(len) if to.send(Incoming::Bytes(buf[..len].to_vec())).is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return,
        }
    }
}
