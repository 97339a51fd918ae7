//! The programs on smoltcp at devices of Linux, against nginx, dnsmasq and curl.
//!
//! Needs root and a network namespace of its own: `ci/jobs/linux-peer`.

mod support;

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{Running, SHA256, download, picture, sha256};

const SMOLTCP: [&str; 2] = ["--backend", "smoltcp"];
const BY_HAND: [&str; 2] = ["--address", "10.7.0.2/24"];

/// Runs a command that must succeed.
fn sh(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

/// A fresh TAP device with Linux at the other end, or a pair of Ethernet interfaces of which
/// Linux has one and makes each frame whole there, as a card would.
fn make_devices() {
    sh("ip link set lo up; ip link del tap0 2>/dev/null; ip link del veth0 2>/dev/null; true");
    sh("ip tuntap add dev tap0 mode tap && ip addr add 10.7.0.1/24 dev tap0 \
        && ip link set tap0 up");
    sh("ip link add veth0 type veth peer name veth1 && ip link set veth0 addrgenmode none \
        && ethtool -K veth1 tx off tso off gso off >/dev/null && ip link set veth0 up \
        && ip addr add 10.8.0.1/24 dev veth1 && ip link set veth1 up");
}

/// A server that ends with the test, however that ends.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// nginx, with the picture, on all addresses of Linux.
    fn nginx(folder: &Path) -> Self {
        std::fs::write(folder.join("lake.bmp"), picture()).unwrap();
        let config = format!(
            "daemon off; user root; worker_processes 1; pid {0}/pid; error_log stderr;
             events {{}}
             http {{ access_log off; server {{ listen 8080; root {0}; }} }}",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let server =
            Self::start(Command::new("nginx").arg("-e").arg("stderr").arg("-c").arg(&file));
        wait_for("10.7.0.1:8080");
        server
    }

    fn dnsmasq() -> Self {
        let server = Self::start(
            Command::new("dnsmasq")
                .args([
                    "--keep-in-foreground",
                    "--no-resolv",
                    "--no-hosts",
                    "--conf-file=/dev/null",
                ])
                .args(["--interface=tap0", "--bind-interfaces", "--user=root", "--pid-file="])
                .args(["--dhcp-range=10.7.0.50,10.7.0.60,120", "--dhcp-leasefile=/dev/null"])
                .args(["--local=/test/", "--host-record=web.test,10.7.0.1", "--no-ping"]),
        );
        wait_for("10.7.0.1:53");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // By TERM, so that nginx takes its workers along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Waits until somebody listens there.
fn wait_for(address: &str) {
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn fetch(args: &[&str]) {
    download(&[&SMOLTCP[..], args].concat());
}

#[test]
fn a_picture_from_nginx() {
    make_devices();
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::nginx(folder.path());
    let url = "http://10.7.0.1:8080/lake.bmp";
    fetch(&[&["--tap", "tap0"], &BY_HAND[..], &[url]].concat());
    let at_veth = ["--packet", "veth0", "--address", "10.8.0.2/24"];
    fetch(&[&at_veth[..], &["http://10.8.0.1:8080/lake.bmp"]].concat());
    // Beyond the link.
    fetch(&[&at_veth[..], &["--router", "10.8.0.1", url]].concat());
    let _names = Server::dnsmasq();
    fetch(&["--tap", "tap0", "http://web.test:8080/lake.bmp"]);
    let by_hand = [&BY_HAND[..], &["--name-server", "10.7.0.1"]].concat();
    fetch(&[&["--tap", "tap0"], &by_hand[..], &["http://web.test:8080/lake.bmp"]].concat());
}

#[test]
fn curl_fetches_a_picture_of_ours() {
    make_devices();
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_serve_picture");
    for (device, ip) in [(["--tap", "tap0"], "10.7.0.2"), (["--packet", "veth0"], "10.8.0.2")] {
        let address = format!("{ip}/24");
        let rest = ["--address", &address, "--clients", "2", "0.0.0.0:80"];
        let args = [&SMOLTCP[..], &device, &rest].concat();
        let mut server = Running::start(program, folder.path(), &args);
        assert_eq!(server.line(), "serving on 0.0.0.0:80");
        for _ in 0..2 {
            let url = format!("http://{ip}/lake.bmp");
            let fetched = Command::new("curl").args(["-sS", &url]).output().unwrap();
            assert!(fetched.status.success(), "{fetched:?}");
            assert_eq!(sha256(&fetched.stdout), SHA256);
        }
        let (code, said) = server.end();
        assert_eq!((code, said.matches(": 230454 bytes").count()), (Some(0), 2), "{said}");
    }
}
