//! Running the real programs, and servers that behave or do not.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};
use usocket_example_apps::{Source, scene};
use usocket_examples::hex;

pub(crate) const SHA256: &str = "adf88a87a3d9bb5bad39b9086e2cf42152f0f628be8a52a03bdebf0c78977a3c";

/// The picture as a file; computed once, so that servers are quick to answer.
pub(crate) fn picture() -> &'static [u8] {
    static PICTURE: OnceLock<Vec<u8>> = OnceLock::new();
    PICTURE.get_or_init(|| {
        let mut file = vec![0; scene::LEN as usize];
        let Ok(len) = scene::Scene.read_at(0, &mut file);
        assert_eq!(len, file.len());
        file
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end in a folder of its own.
pub(crate) fn run(program: &str, folder: &Path, args: &[&str]) -> Ran {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `download_picture` with these arguments; a picture must have come, whole.
#[track_caller]
pub(crate) fn download(args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(env!("CARGO_BIN_EXE_download_picture"), folder.path(), args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let files: Vec<_> = files(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(sha256(&std::fs::read(&files[0]).unwrap()), SHA256);
    assert!(ran.stdout.contains(SHA256), "{}", ran.stdout);
    ran
}

/// A real web server for so many clients: its port.
pub(crate) fn web_server(clients: usize) -> (u16, JoinHandle<()>) {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let port = server.server_addr().to_ip().unwrap().port();
    // Before the first of them waits for it.
    picture();
    let thread = thread::spawn(move || {
        for _ in 0..clients {
            let request = server.recv().unwrap();
            request.respond(tiny_http::Response::from_data(picture())).unwrap();
        }
    });
    (port, thread)
}

/// A program that runs while the test talks to it.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(program: &str, folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    /// The next line of its output; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address at the end of the first word group that looks like one.
    pub(crate) fn address(&mut self) -> SocketAddr {
        let line = self.line();
        let words = line.split([' ', ',']);
        words.filter_map(|word| word.parse().ok()).next().unwrap_or_else(|| panic!("{line:?}"))
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn end_of_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end; returns its exit code and the rest of its output.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failed assertion nobody else ends it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server for one client that does what `serve` does after the request was read.
pub(crate) fn server<F>(serve: F) -> (SocketAddr, JoinHandle<()>)
where
    F: FnOnce(TcpStream) + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    picture();
    let thread = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if client.read(&mut byte).unwrap() == 0 {
                return;
            }
            request.push(byte[0]);
        }
        assert!(request.starts_with(b"GET /"), "{}", String::from_utf8_lossy(&request));
        serve(client);
    });
    (address, thread)
}

/// Waits until the client has closed or reset the connection.
pub(crate) fn hold(mut client: TcpStream) {
    let _ = client.read(&mut [0]);
}

/// An address at which nobody listens, and what keeps others from it.
pub(crate) fn nobody() -> (String, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (address.to_string(), socket)
}

/// The files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The program of the simulator, which another package has. All programs of the
/// workspace are side by side; what nobody has built yet is built now.
pub(crate) fn simulator() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let ours = Path::new(env!("CARGO_BIN_EXE_download_picture"));
        let program =
            ours.with_file_name("esp8285-sim").with_extension(std::env::consts::EXE_EXTENSION);
        if !program.exists() {
            let folder = ours.parent().and_then(Path::parent).unwrap();
            let cargo =
                std::env::var_os("CARGO").expect("run by cargo, or after the simulator was built");
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "--package", "esp8285-sim", "--bin", "esp8285-sim"]);
            build.arg("--target-dir").arg(folder);
            if ours.parent().is_some_and(|folder| folder.ends_with("release")) {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
        }
        program.into_os_string().into_string().unwrap()
    })
}
