use std::string::ToString;
use std::vec::Vec;

use super::*;

/// What a consumer finds: bytes, or a loss.
fn drain<const N: usize>(queue: &RxQueue<N>, chunk: usize) -> Vec<Option<u8>> {
    let mut found = Vec::new();
    let mut buf = [0; 64];
    while queue.is_readable() {
        match queue.read(&mut buf[..chunk]) {
            Ok(len) => {
                assert!(len > 0, "readable, and nothing came");
                found.extend(buf[..len].iter().copied().map(Some));
            }
            Err(Lost) => found.push(None),
        }
    }
    assert_eq!(queue.read(&mut buf), Ok(0));
    found
}

/// `-` is a loss.
fn push(queue: &RxQueue<8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'-' => queue.push_lost(),
            byte => _ = queue.push(byte),
        }
    }
}

fn wrapping() -> RxQueue<8> {
    RxQueue { ring: Ring::about_to_wrap(), marks: Marks::new() }
}

#[test]
fn losses_stand_where_they_happened() {
    // What was pushed, and what is read.
    let table = [
        ("", ""),
        ("abc", "abc"),
        ("-", "-"),
        ("a-", "a-"),
        ("-a", "-a"),
        ("a-b-c", "a-b-c"),
        // One after the other is one.
        ("a--b", "a-b"),
        ("---", "-"),
        // Full: the ninth byte and those after it.
        ("abcdefgh", "abcdefgh"),
        ("abcdefghi", "abcdefgh-"),
        ("abcdefghijk", "abcdefgh-"),
        ("abcdefgh-i-j", "abcdefgh-"),
        // The fifth loss begins at the fourth.
        ("-a-b-c-d-e", "-a-b-c-"),
        ("-a-b-c-", "-a-b-c-"),
    ];
    for (pushed, expected) in table {
        for chunk in [1, 2, 3, 64] {
            for queue in [RxQueue::new(), wrapping()] {
                push(&queue, pushed);
                let found = drain(&queue, chunk);
                let text: Vec<u8> = found.iter().map(|what| what.unwrap_or(b'-')).collect();
                assert_eq!(text.escape_ascii().to_string(), expected, "{pushed} by {chunk}");
            }
        }
    }
}

#[test]
fn goes_on_after_losses() {
    let queue = wrapping();
    push(&queue, "-a-b-c-d");
    assert_eq!(queue.room(), 0, "a loss behind these could not be told");
    let mut buf = [0; 8];
    assert_eq!(queue.read(&mut buf), Err(Lost));
    assert_eq!(queue.room(), 5);
    push(&queue, "ef");
    let found = drain(&queue, 8);
    let text: Vec<u8> = found.iter().map(|what| what.unwrap_or(b'-')).collect();
    assert_eq!(text, b"a-b-c-ef");
    assert_eq!(queue.room(), 8);
}

#[test]
fn many_bytes_at_once() {
    let queue = wrapping();
    assert_eq!(queue.push_all(b"abcde"), 5);
    let mut buf = [0; 3];
    assert_eq!((queue.read(&mut buf), buf), (Ok(3), *b"abc"));
    assert_eq!(queue.push_all(b"fghijklmn"), 6);
    let found = drain(&queue, 64);
    let text: Vec<u8> = found.iter().map(|what| what.unwrap_or(b'-')).collect();
    assert_eq!(text, b"defghijk-");
    assert_eq!(queue.push_all(b""), 0);
    assert!(!queue.is_readable(), "nothing came, so nothing was lost");
}

/// A producer that is preempted anywhere by the consumer, and the other way around, cannot
/// be had without threads: what comes out is checked against what was taken.
#[test]
fn two_threads_agree() {
    const BYTES: u32 = 200_000;
    static QUEUE: RxQueue<16> = RxQueue::new();
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            // Runs of taken bytes, each a count, and losses between them.
            let mut runs = std::vec![0_u32];
            for number in 0..BYTES {
                if QUEUE.push((number % 256).try_into().unwrap()) {
                    *runs.last_mut().unwrap() += 1;
                } else if *runs.last().unwrap() > 0 {
                    runs.push(0);
                    std::thread::yield_now();
                }
            }
            runs.into_iter().sum::<u32>()
        });
        let (mut taken, mut losses, mut last, mut gap) = (0_u32, 0_u32, None::<u8>, false);
        let mut buf = [0; 7];
        loop {
            let over = producer.is_finished();
            match QUEUE.read(&mut buf) {
                Ok(0) if over => break,
                Ok(0) => std::thread::yield_now(),
                Ok(len) => {
                    taken += u32::try_from(len).unwrap();
                    for byte in &buf[..len] {
                        let follows = last.is_none_or(|last| last.wrapping_add(1) == *byte);
                        assert!(follows || gap, "a gap that was not told, at {taken}");
                        (last, gap) = (Some(*byte), false);
                    }
                }
                Err(Lost) => {
                    losses += 1;
                    gap = true;
                }
            }
        }
        assert_eq!(taken, producer.join().unwrap());
        assert_eq!(taken < BYTES, losses > 0, "{taken} taken, {losses} losses");
    });
}
