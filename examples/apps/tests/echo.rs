//! The echo server where the stack has fewer sockets than the server has places.

use std::cell::Cell;
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;

use usocket::prelude::*;
use usocket_example_apps::{EchoServer, Journal};
use usocket_testkit::{Net, World};

/// What the server has said of `accept`.
#[derive(Default)]
struct Lines(usize);

impl Journal for Lines {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        self.0 += usize::from(text.to_string().starts_with("accept"));
    }
}

#[test]
fn who_finds_no_socket_waits_without_a_busy_loop() {
    let world = World::new(1);
    // The listener, the datagrams and one client.
    world.set_sockets(3);
    let done = Rc::new(Cell::new(0));
    let peer = world.host("10.0.0.2");
    let mut server: EchoServer<'_, Net, 6, 64> =
        EchoServer::new(world.net(), (Ipv4Addr::UNSPECIFIED, 7)).unwrap();
    for _ in 0..3 {
        let done = Rc::clone(&done);
        peer.run(async move |net| {
            let s = net.tcp()?;
            s.asynch().connect(("10.0.0.1", 7)).await?;
            s.asynch().sendall("hello").await?;
            assert_eq!(s.asynch().recv(&mut [0; 8]).await?, 5);
            net.sleep(std::time::Duration::from_secs(1)).await;
            done.set(done.get() + 1);
            Ok(())
        });
    }
    let mut journal = Lines::default();
    for _ in 0..200 {
        server.turn(None, &mut journal).unwrap();
        if server.served() == 3 {
            break;
        }
    }
    assert_eq!((server.served(), done.get()), (3, 3));
    assert!(journal.0 < 5, "{} lines", journal.0);
}
