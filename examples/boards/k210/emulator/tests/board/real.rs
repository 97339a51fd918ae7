//! The same image fetches from a server on this machine's loopback, in real time.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use k210_emulator::{Cost, Machine, World, picture};

use crate::support::{image, no_loss, pass};

/// What images are built with, and as long as what takes its place.
const URL: &str = "http://pictures.test/lake.bmp";

#[test]
fn download_from_a_real_server() {
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let file = picture();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&file).unwrap();
        // Until the modem has closed.
        let _ = client.read_to_end(&mut request);
        request
    });
    let mut image = image("download_picture-921600");
    let url = format!("{:x<29}", format!("http://127.0.0.1:{port}/"));
    assert_eq!(image.replace(URL.as_bytes(), url.as_bytes()), 1);
    let modem = World::default().real_modem();
    let mut machine = Machine::new(image, Cost::default(), Box::new(modem));
    machine.keep_pace();
    pass(&mut machine);
    no_loss(&machine);
    assert!(served.join().unwrap().starts_with(b"GET /xxx"));
}
