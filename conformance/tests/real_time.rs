//! The tutorial backend in real time, shared by threads: the same network that
//! runs under virtual time stands beside the backends of a host.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Instant;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use usocket_conformance::net::{Host, Network};
use usocket_conformance::{Digest, pattern};
use usocket_core::prelude::*;
use usocket_core::spi::StdPlatform;

type World = Network<StdPlatform, CriticalSectionRawMutex>;
type Net<'n> = Host<'n, StdPlatform, CriticalSectionRawMutex>;

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const LEN: usize = 100_000;

/// Echoes one connection.
fn serve(net: &Net<'_>, listener: &Socket<'_, Net<'_>>) -> Result<()> {
    let (socket, _) = listener.accept()?;
    let mut buf = [0; 1000];
    loop {
        match socket.recv(&mut buf)? {
            0 => break,
            len => socket.sendall(&buf[..len])?,
        }
    }
    socket.close()?;
    net.drain(5)
}

/// Both threads block in their own sleep; each must be woken when the other
/// sends, and wait for the latency and no longer.
#[test]
fn threads_share_a_network() -> Result<()> {
    let network = Box::new(World::new(StdPlatform));
    let client = network.host(&[Ipv4Addr::new(10, 0, 0, 1).into()])?;
    let server = network.host(&[SERVER])?;
    let listener = server.tcp()?;
    listener.bind((SERVER, 80))?;
    listener.listen(1)?;
    let start = Instant::now();
    thread::scope(|scope| {
        let served = scope.spawn(|| serve(&server, &listener));
        let sent: Vec<u8> = (0..LEN as u64).map(pattern).collect();
        let socket = client.tcp()?;
        socket.connect((SERVER, 80))?;
        let mut digest = Digest::new();
        for piece in sent.chunks(1500) {
            socket.sendall(piece)?;
            let mut echo = vec![0; piece.len()];
            assert_eq!(socket.read(&mut echo)?, Some(piece.len()));
            digest.add(&echo);
        }
        assert_eq!(digest, Digest::of_pattern(LEN as u64));
        socket.close()?;
        client.drain(5)?;
        served.join().unwrap()
    })?;
    assert_eq!(network.held().connections, 0);
    // 67 round trips of 2 ms; far less than one second of lost wakes.
    assert!(start.elapsed().as_millis() < 5_000, "{:?}", start.elapsed());
    Ok(())
}
