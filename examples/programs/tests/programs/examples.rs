//! The example programs, from their command lines, on each backend.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use crate::backends::Kind;
use crate::http::picture;
use crate::{http, https, mdns, mqtt, server, sntp};

/// One of each backend.
const KINDS: [Kind; 3] = [Kind::Std, Kind::Smoltcp, Kind::Modem17];

/// Prepares to run an example.
fn example(name: &str, kind: Kind, values: &[&str]) -> Command {
    // Cargo puts them beside the folder of this program.
    let ours = std::env::current_exe().unwrap();
    let folder = ours.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let program = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = Command::new(program);
    command.args(kind.options()).args(values).stdin(Stdio::null());
    command
}

/// Runs an example to its end; what it wrote.
fn run(name: &str, kind: Kind, values: &[&str]) -> Vec<u8> {
    let output = example(name, kind, values).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} on {kind:?}: {said}");
    output.stdout
}

/// An example that runs until the test is over.
struct Running(Child);

impl Running {
    fn start(name: &str, kind: Kind, values: &[&str]) -> Self {
        Self(example(name, kind, values).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn http_writes_the_page() {
    for kind in KINDS {
        let (port, server) = http::serve();
        let page = run("http", kind, &[&format!("http://127.0.0.1:{port}/lake.bmp")]);
        assert!(page == picture(), "{} bytes", page.len());
        server.join().unwrap();
    }
}

#[test]
fn mqtt_prints_what_comes_back() {
    for kind in KINDS {
        let (broker, topic) = (format!("127.0.0.1:{}", mqtt::broker()), format!("x/{kind:?}"));
        assert_eq!(run("mqtt", kind, &[&broker, &topic, "one", "two"]), b"one\ntwo\n");
    }
}

#[test]
fn time_tells_that_the_server_is_an_hour_ahead() {
    for kind in KINDS {
        let (port, server) = sntp::serve();
        let said = run("time", kind, &[&format!("127.0.0.1:{port}")]);
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("3599") || said.starts_with("3600"), "{said}");
        server.join().unwrap();
    }
}

#[test]
fn https_writes_the_page_of_a_server_that_it_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let authority = https::authority();
    let file = folder.path().join("authority.der");
    std::fs::write(&file, authority.der()).unwrap();
    for kind in KINDS {
        let (port, server) = https::serve(&authority, 1);
        let (file, port) = (file.to_str().unwrap(), port.to_string());
        let values = [file, https::HOST, "/lake.bmp", &port, "127.0.0.1"];
        assert!(run("https", kind, &values) == picture());
        server.join().unwrap();
    }
}

#[test]
fn web_serves_until_it_is_stopped() {
    for kind in KINDS {
        let port = server::free_port();
        let mut web = Running::start("web", kind, &[&format!("127.0.0.1:{port}")]);
        let (status, page) = server::get_soon(port, "/");
        assert!(status.contains("200") && page.starts_with(b"<script>"), "{status}");
        server::get_soon(port, "/stop");
        assert!(web.0.wait().unwrap().success());
    }
}

/// AT firmware 1.x has no groups.
#[test]
fn name_answers() {
    let _alone = mdns::alone();
    for kind in [Kind::Std, Kind::Smoltcp] {
        let _responder = Running::start("name", kind, &["example-program"]);
        mdns::ask("example-program", Ipv4Addr::LOCALHOST);
    }
}
