//! Runs an image in QEMU, with a web server and an echo server on the host's loopback, which
//! the image reaches at 10.0.2.2. Ends as the image ended: 0 if it passed.
//!
//! usage: virt-host IMAGE SECONDS

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tiny_http::{Response, Server};
use usocket_example_apps::{Source, scene};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let image = arguments.next();
    let seconds = arguments.next().and_then(|text| text.parse().ok());
    let (Some(image), Some(seconds)) = (image, seconds) else {
        eprintln!("usage: virt-host IMAGE SECONDS");
        return ExitCode::from(2);
    };
    match run(&image, Duration::from_secs(seconds)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{image}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How the image ended.
fn run(image: &str, limit: Duration) -> io::Result<u8> {
    let picture = picture();
    let mut sha256 = String::new();
    // A string takes everything.
    Sha256::digest(&picture).iter().for_each(|byte| _ = write!(sha256, "{byte:02x}"));
    let web = serve(picture)?;
    let echo = echo()?;
    // Gone when it is dropped.
    let mut settings = tempfile::NamedTempFile::new()?;
    writeln!(
        settings,
        "url=http://10.0.2.2:{web}/lake.bmp\nsha256={sha256}\necho=10.0.2.2:{echo}"
    )?;
    let mut file = OsString::from("loader,addr=0x87800000,force-raw=on,file=");
    file.push(settings.path());
    let mut qemu = Command::new("qemu-system-riscv64");
    qemu.args(["-machine", "virt", "-m", "128M", "-smp", "1", "-bios", "none", "-nographic"])
        .args(["-monitor", "none", "-serial", "stdio"])
        .args(["-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0"])
        .args(["-kernel", image, "-device"])
        .arg(file)
        .stdin(Stdio::null());
    wait(&mut qemu.spawn()?, limit)
}

/// Waits for QEMU, not for ever.
fn wait(qemu: &mut Child, limit: Duration) -> io::Result<u8> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = qemu.try_wait()? {
            return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        }
        if Instant::now() >= end {
            qemu.kill()?;
            qemu.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("still runs after {limit:?}"),
            ));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The picture as a file.
fn picture() -> Vec<u8> {
    let mut file = vec![0; scene::LEN as usize];
    let Ok(len) = scene::Scene.read_at(0, &mut file);
    file.truncate(len);
    file
}

/// A web server that has nothing but this file; its port.
fn serve(file: Vec<u8>) -> io::Result<u16> {
    let server = Server::http(("127.0.0.1", 0)).map_err(io::Error::other)?;
    let port = server.server_addr().to_ip().map_or(0, |address| address.port());
    thread::spawn(move || {
        for request in server.incoming_requests() {
            // Whoever asked sees it if it fails.
            let _ = request
                .respond(Response::from_data(file.clone()).with_chunked_threshold(usize::MAX));
        }
    });
    Ok(port)
}

/// A server that sends back what it gets; its port.
fn echo() -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            thread::spawn(move || answer(client));
        }
    });
    Ok(port)
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut piece = [0; 2048];
    loop {
        match client.read(&mut piece)? {
            0 => return Ok(()),
            len => client.write_all(&piece[..len])?,
        }
    }
}
