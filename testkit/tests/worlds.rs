//! What a world can do to an application, row by row of the README's table.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use usocket_core::prelude::*;
use usocket_testkit::{BYTES, Faults, Link, Record, World};

const SERVER: (&str, u16) = ("10.0.0.2", 80);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stream to the server that waits three seconds at most.
fn connected(world: &World) -> Result<Socket<'_, usocket_testkit::Net>> {
    let s = world.net().tcp()?;
    s.settimeout(3)?;
    s.connect(SERVER)?;
    Ok(s)
}

#[test]
fn a_port_that_nobody_serves_refuses_and_so_does_a_server_that_has_stopped() {
    let world = World::new(1);
    let host = world.host("10.0.0.2");
    assert_eq!(connected(&world).err(), Some(Error::ECONNREFUSED));
    let served = host.serve(80, async |mut talk| {
        talk.to_end().await?;
        Ok(())
    });
    let open = connected(&world).unwrap();
    // Until the server has learnt of it, too.
    world.pass(Duration::from_millis(10));
    served.stop();
    world.pass(secs(1));
    assert_eq!(connected(&world).err(), Some(Error::ECONNREFUSED));
    assert_eq!((served.accepted(), served.ended()), (1, 0));
    open.close().unwrap();
    world.pass(secs(1));
    assert_eq!(served.ended(), 1);
    world.assert_nothing_left();
}

#[test]
fn a_black_hole_times_out_on_time() {
    let world = World::new(1);
    let host = world.host("10.0.0.2");
    host.serve(80, async |talk| talk.hang().await);
    host.set_faults(Faults { silent: true, ..Faults::NONE });
    assert_eq!(connected(&world).err(), Some(Error::ETIMEDOUT));
    assert_eq!(world.now(), secs(3));
    host.set_faults(Faults::NONE);
    let s = connected(&world).unwrap();
    assert_eq!(s.recv(&mut [0; 8]), Err(Error::ETIMEDOUT));
}

#[test]
fn resets_and_ends_are_told_apart() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |talk| {
        talk.send("part").await?;
        // What is on its way arrives; a reset overtakes nothing.
        talk.pause(Duration::from_millis(10)).await;
        if talk.number() == 0 { talk.reset() } else { Ok(()) }
    });
    let mut buf = [0; 8];
    for end in [Err(Error::ECONNRESET), Ok(0)] {
        let s = connected(&world).unwrap();
        assert_eq!(s.recv(&mut buf), Ok(4));
        assert_eq!(s.recv(&mut buf), end);
    }
}

#[test]
fn a_half_close_leaves_the_other_direction() {
    let world = World::new(1);
    let got = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&got);
    world.host("10.0.0.2").serve(80, async move |mut talk| {
        talk.finish()?;
        *sink.borrow_mut() = talk.to_end().await?;
        Ok(())
    });
    let s = connected(&world).unwrap();
    assert_eq!(s.recv(&mut [0; 8]), Ok(0));
    s.sendall("still here").unwrap();
    drop(s);
    world.assert_nothing_left();
    world.pass(secs(1));
    assert_eq!(*got.borrow(), b"still here");
}

#[test]
fn short_reads_by_the_peer_and_by_the_network() {
    let world = World::new(1);
    let host = world.host("10.0.0.2");
    host.serve(80, async |talk| match talk.number() {
        0 => talk.drip("abc", Duration::from_millis(100)).await,
        _ => talk.send("abcdefgh").await,
    });
    let mut buf = [0; 8];
    let s = connected(&world).unwrap();
    assert_eq!([(); 3].map(|()| s.recv(&mut buf).unwrap()), [1, 1, 1]);
    host.set_faults(Faults { segment: Some(3), ..Faults::NONE });
    let s = connected(&world).unwrap();
    assert_eq!([(); 3].map(|()| s.recv(&mut buf).unwrap()), [3, 3, 2]);
}

#[test]
fn who_does_not_read_stalls_the_sender_until_it_reads() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |mut talk| {
        talk.pause(secs(2)).await;
        assert_eq!(talk.to_end().await?.len(), 4 * BYTES);
        Ok(())
    });
    let s = connected(&world).unwrap();
    s.sendall(vec![7; 4 * BYTES]).unwrap();
    assert!((secs(2)..secs(3)).contains(&world.now()), "{:?}", world.now());
    s.settimeout(1).unwrap();
    s.close().unwrap();
    world.assert_nothing_left();
}

#[test]
fn a_stall_a_thin_line_and_a_reset_after_so_many_bytes() {
    let world = World::new(1);
    let host = world.host("10.0.0.2");
    host.serve(80, async |talk| talk.send(vec![1; 2000]).await);
    let s = connected(&world).unwrap();
    host.stall(secs(2));
    assert_eq!(s.read(&mut [0; 2000]), Ok(Some(2000)));
    assert!((secs(2)..secs(3)).contains(&world.now()), "{:?}", world.now());

    host.set_faults(Faults { bandwidth: Some(1000), ..Faults::NONE });
    let (s, began) = (connected(&world).unwrap(), world.now());
    assert_eq!(s.read(&mut [0; 2000]), Ok(Some(2000)));
    assert!(world.now() - began >= secs(2) - Duration::from_millis(50), "{:?}", world.now());

    host.set_faults(Faults { reset_after: Some(500), ..Faults::NONE });
    let s = connected(&world).unwrap();
    let cut = s.read(&mut [0; 2000]).unwrap_err();
    assert_eq!((cut.kind(), cut.transferred()), (ErrorKind::ConnectionReset, 500));
}

#[test]
fn datagrams_get_lost_doubled_and_overtaken() {
    let world = World::new(7);
    let host = world.host("10.0.0.2");
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    host.datagrams(53, async move |socket| {
        loop {
            let mut byte = [0];
            socket.asynch().recvfrom(&mut byte).await?;
            sink.borrow_mut().push(byte[0]);
        }
    });
    let s = world.net().udp().unwrap();
    let send = |faults| {
        host.set_faults(faults);
        seen.borrow_mut().clear();
        for number in 0..100 {
            s.sendto([number], ("10.0.0.2", 53)).unwrap();
            world.pass(Duration::from_millis(2));
        }
        world.pass(secs(1));
        seen.borrow().clone()
    };
    let all: Vec<u8> = (0..100).collect();
    assert_eq!(send(Faults::NONE), all);
    let lossy = send(Faults { loss: 300, ..Faults::NONE });
    assert!((50..90).contains(&lossy.len()), "{}", lossy.len());
    assert!(send(Faults { duplicate: 300, ..Faults::NONE }).len() > 110);
    let mut mixed = send(Faults { reorder: 300, ..Faults::NONE });
    assert_ne!(mixed, all);
    mixed.sort_unstable();
    assert_eq!(mixed, all);
}

#[test]
fn names_that_are_unknown_fail_or_stay_unanswered() {
    let world = World::new(1);
    let lookup = || world.net().getaddrinfo("api.example", 80, Hints::stream());
    assert_eq!(lookup().err(), Some(Error::EAI_NONAME));
    world.set_name("api.example", Record::Failure);
    assert_eq!(lookup().err(), Some(Error::EAI_FAIL));
    world.set_name("api.example", Record::Silent);
    assert_eq!(lookup().err(), Some(Error::EAI_AGAIN));
    world.name("api.example", &["10.0.0.9", "10.0.0.2"]);
    assert_eq!(lookup().unwrap().len(), 2);
}

#[test]
fn dead_addresses_of_a_name_are_passed_over() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |talk| talk.send("x").await);
    world.name("api.example", &["10.0.0.9", "10.0.0.2"]);
    let s = world.net().dial("api.example:80", 10).unwrap();
    assert_eq!(s.peer_addr().unwrap().ip(), std::net::Ipv4Addr::new(10, 0, 0, 2));
}

#[test]
fn the_link_goes_and_comes_while_the_application_waits() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |talk| talk.hang().await);
    world.after(secs(1), |world| {
        world.set_link(Link::Down);
        world.after(secs(1), |world| world.set_link(Link::Up));
    });
    let s = connected(&world).unwrap();
    assert_eq!(s.recv(&mut [0; 8]), Err(Error::ENETDOWN));
    assert!((secs(1)..secs(2)).contains(&world.now()), "{:?}", world.now());
    assert_eq!(connected(&world).err(), Some(Error::ENETDOWN));
    world.pass(secs(2));
    connected(&world).unwrap();
}

#[test]
fn many_connections_are_served_at_once_and_numbered() {
    let world = World::new(1);
    let served = world.host("10.0.0.2").serve(80, async |mut talk| {
        talk.exactly(1).await?;
        talk.send([b'0' + u8::try_from(talk.number()).unwrap()]).await
    });
    let sockets = [(); 4].map(|()| connected(&world).unwrap());
    // The last one first: none waits for another.
    for (number, s) in sockets.iter().enumerate().rev() {
        s.send("?").unwrap();
        let mut byte = [0];
        s.recv(&mut byte).unwrap();
        assert_eq!(usize::from(byte[0] - b'0'), number);
    }
    assert_eq!(served.accepted(), 4);
}

#[test]
#[should_panic(expected = r#"expected "hello\n" and got "help!\n""#)]
fn what_the_peer_did_not_expect_fails_the_test() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |mut talk| talk.expect("hello\n").await);
    let s = connected(&world).unwrap();
    s.send("help!\n").unwrap();
    let _ = s.recv(&mut [0]);
}

#[test]
#[should_panic(expected = "nothing can ever happen")]
fn to_wait_for_ever_fails_the_test() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(80, async |talk| talk.hang().await);
    let s = connected(&world).unwrap();
    s.settimeout(None).unwrap();
    let _ = s.recv(&mut [0]);
}

#[test]
#[should_panic(expected = "still waits at the world's limit")]
fn to_try_again_for_ever_fails_the_test() {
    let world = World::new(1);
    world.set_limit(secs(3600));
    while connected(&world).is_err() {
        world.pass(secs(60));
    }
}

#[test]
#[should_panic(expected = "asks again and again")]
fn to_spin_fails_the_test() {
    let world = World::new(1);
    let s = world.net().udp().unwrap();
    s.setblocking(false).unwrap();
    while s.recv(&mut [0]) == Err(Error::EAGAIN) {}
}

#[test]
fn a_program_may_spin_where_time_creeps() {
    let world = World::creeping(1, Duration::from_micros(10));
    world.host("10.0.0.2").serve(80, async |talk| {
        talk.pause(Duration::from_millis(5)).await;
        talk.send("x").await
    });
    let s = connected(&world).unwrap();
    s.setblocking(false).unwrap();
    while s.recv(&mut [0]) == Err(Error::EAGAIN) {}
    assert!(world.now() >= Duration::from_millis(5));
}

#[test]
#[should_panic(expected = "sockets that the application left open")]
fn a_leak_fails_the_test() {
    let world = World::new(1);
    let s = world.net().udp().unwrap();
    std::mem::forget(s);
    world.assert_nothing_left();
}

#[test]
fn async_programs_sleep_and_wait_in_the_same_time() {
    let world = World::new(1);
    let count = Rc::new(Cell::new(0));
    let counter = Rc::clone(&count);
    world.host("10.0.0.2").run(async move |net| {
        let listener = net.tcp()?;
        listener.bind(SERVER)?;
        listener.listen(None)?;
        loop {
            let (s, _) = listener.asynch().accept().await?;
            counter.set(counter.get() + 1);
            s.asynch().sendall("hello").await?;
        }
    });
    let net = world.net();
    net.block_on(async {
        net.sleep(secs(5)).await;
        let s = net.tcp().unwrap();
        s.asynch().connect(SERVER).await.unwrap();
        let mut buf = [0; 5];
        assert_eq!(s.asynch().read(&mut buf).await, Ok(5));
    });
    assert_eq!(count.get(), 1);
    assert!((secs(5)..secs(6)).contains(&world.now()), "{:?}", world.now());
}

#[test]
fn equal_seeds_give_equal_runs() {
    let run = |seed| {
        let world = World::new(seed);
        let host = world.host("10.0.0.2");
        host.set_faults(Faults { loss: 500, ..Faults::NONE });
        host.datagrams(53, async |socket| {
            loop {
                let (_, from) = socket.asynch().recvfrom(&mut [0; 8]).await?;
                socket.asynch().sendto("pong", from).await?;
            }
        });
        let s = world.net().udp().unwrap();
        s.settimeout(1).unwrap();
        for _ in 0..20 {
            s.sendto("ping", ("10.0.0.2", 53)).unwrap();
            let _ = s.recv(&mut [0; 8]);
        }
        world.now()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_board_has_few_sockets() {
    let world = World::new(1);
    let client = world.host("10.0.0.2");
    world.set_sockets(2);
    let listener = world.net().tcp().unwrap();
    listener.bind(("", 80)).unwrap();
    listener.listen(None).unwrap();
    listener.settimeout(5).unwrap();
    let second = world.net().udp().unwrap();
    assert_eq!(world.net().tcp().err(), Some(Error::ENOMEM));
    client.run(async |net| {
        let s = net.tcp()?;
        s.asynch().connect(("10.0.0.1", 80)).await?;
        s.asynch().recv(&mut [0]).await.map(|_| ())
    });
    assert_eq!(listener.accept().err(), Some(Error::ENOMEM));
    // The connection waits meanwhile.
    second.close().unwrap();
    listener.accept().unwrap();
}

#[test]
fn nothing_to_look_for_is_found_at_once() {
    let world = World::new(1);
    let served = world.host("10.0.0.2").serve(7, async |mut talk| {
        assert_eq!(talk.until("").await?, b"");
        talk.send("x").await
    });
    let s = world.net().dial("10.0.0.2:7", 5).unwrap();
    s.settimeout(5).unwrap();
    assert_eq!(s.recv(&mut [0; 6]), Ok(1));
    assert_eq!(served.accepted(), 1);
}

#[test]
fn who_has_all_its_sockets_is_still_told_what_it_may_not() {
    let world = World::new(1);
    world.host("10.0.0.2").serve(7, async |talk| talk.send("x").await);
    world.set_sockets(1);
    let s = world.net().dial("10.0.0.2:7", 5).unwrap();
    s.settimeout(5).unwrap();
    assert_eq!(s.recv_flags(&mut [0; 4], usocket_core::MSG_PEEK), Ok(1));
    assert_eq!(s.accept().map(|_| ()), Err(Error::EINVAL));
}
