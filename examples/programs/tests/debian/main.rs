//! The clients against nginx and mosquitto as Debian ships them, on each backend.

#[path = "../programs/backends.rs"]
mod backends;
#[path = "../programs/http.rs"]
#[allow(dead_code, reason = "has a server of its own as well")]
mod http;
#[path = "../programs/https.rs"]
#[allow(dead_code, reason = "has a server of its own as well")]
mod https;
#[path = "../programs/mqtt.rs"]
#[allow(dead_code, reason = "has a broker of its own as well")]
mod mqtt;

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use backends::{KINDS, on};

/// A program that ends with the test.
struct Running(Child);

impl Running {
    /// Starts it, and waits until it listens.
    fn start(command: &mut Command, ports: &[u16]) -> Self {
        let running = Self(command.stdin(Stdio::null()).spawn().expect("it is installed"));
        let end = Instant::now() + Duration::from_secs(20);
        for &port in ports {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                assert!(Instant::now() < end, "{command:?} does not come up");
                thread::sleep(Duration::from_millis(20));
            }
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn nginx(folder: &Path, plain: u16, tls: u16) -> Running {
    let place = folder.display();
    // One process, which dies with the test, and nothing outside of the folder.
    let configuration = format!(
        "daemon off; master_process off; pid {place}/pid; error_log stderr;
         events {{}}
         http {{
           access_log off;
           client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
           fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;
           scgi_temp_path {place}/scgi;
           server {{ listen 127.0.0.1:{plain}; root {place}/site; }}
           server {{
             listen 127.0.0.1:{tls} ssl; root {place}/site; ssl_protocols TLSv1.3;
             ssl_certificate {place}/certificate.pem; ssl_certificate_key {place}/key.pem;
           }}
         }}"
    );
    fs::write(folder.join("nginx.conf"), configuration).unwrap();
    let configuration = folder.join("nginx.conf");
    let mut command = Command::new("nginx");
    Running::start(command.arg("-p").arg(folder).arg("-c").arg(configuration), &[plain, tls])
}

#[test]
fn http_and_https_from_nginx() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, other) = (https::authority(), https::authority());
    let (certificate, key) = https::identity(&authority);
    fs::create_dir(folder.path().join("site")).unwrap();
    fs::write(folder.path().join("site/lake.bmp"), http::picture()).unwrap();
    fs::write(folder.path().join("certificate.pem"), certificate.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    let (plain, tls) = (free_port(), free_port());
    let _nginx = nginx(folder.path(), plain, tls);
    for &(kind, name) in KINDS {
        on(kind, http::Fetch(plain)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (authority, other) = (authority.der().to_vec(), other.der().to_vec());
        let fetched = on(kind, https::Fetch { port: tls, authority, other });
        fetched.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn messages_through_mosquitto() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let configuration = folder.path().join("mosquitto.conf");
    let listener = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    fs::write(&configuration, listener).unwrap();
    let mut command = Command::new("mosquitto");
    let _mosquitto = Running::start(command.arg("-c").arg(&configuration), &[port]);
    for &(kind, name) in KINDS {
        let echoed = on(kind, mqtt::Echo { port, name: format!("{kind:?}") });
        echoed.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
