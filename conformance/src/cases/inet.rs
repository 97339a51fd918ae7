//! Section D: `inet_pton` and `inet_ntop`.

use usocket_core::{AF_INET, AF_INET6, Error};

use super::section;
use crate::{Failure, Harness, Outcome, Verdict, check_eq};

section! {
    the_examples_of_the_reference: rows [32], requirements [], clauses [];
    ipv4_texts_are_strict: rows [33], requirements [25], clauses [];
    ipv6_texts_that_are_accepted: rows [34], requirements [], clauses [];
    ipv6_texts_that_are_refused: rows [35], requirements [25], clauses [];
    ipv6_text_form: rows [36], requirements [], clauses [];
    wrong_lengths_are_refused: rows [37], requirements [25], clauses [];
    unknown_families_are_refused: rows [38], requirements [25], clauses [];
}

pub(crate) fn the_examples_of_the_reference<H: Harness>(h: &H) -> Outcome {
    let bytes = h.api().inet_pton(AF_INET, "1.2.3.4")?;
    check_eq!(&*bytes, &[1, 2, 3, 4][..]);
    let text = h.api().inet_ntop(AF_INET, b"\x7f\0\0\x01")?;
    check_eq!(text.as_str(), "127.0.0.1");
    Ok(Verdict::Proved)
}

/// Checks that none of the texts is an address of the family.
fn refused<H: Harness>(h: &H, af: i32, texts: &[&'static str]) -> Outcome {
    for &text in texts {
        let answer = h.api().inet_pton(af, text).map(|_| ());
        if answer != Err(Error::EINVAL) {
            return Err(Failure { error: answer.err(), ..Failure::new(text) });
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn ipv4_texts_are_strict<H: Harness>(h: &H) -> Outcome {
    let texts = [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "0x1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1..2.3",
        "1.2.3.-4",
        "localhost",
        "example.org",
        "::1",
    ];
    refused(h, AF_INET, &texts)
}

pub(crate) fn ipv6_texts_that_are_accepted<H: Harness>(h: &H) -> Outcome {
    let table: [(&str, [u16; 8]); 8] = [
        ("::", [0; 8]),
        ("1::", [1, 0, 0, 0, 0, 0, 0, 0]),
        ("1:2:3:4:5:6:7::", [1, 2, 3, 4, 5, 6, 7, 0]),
        ("::2:3:4:5:6:7:8", [0, 2, 3, 4, 5, 6, 7, 8]),
        ("FE80::A", [0xfe80, 0, 0, 0, 0, 0, 0, 10]),
        ("::1.2.3.4", [0, 0, 0, 0, 0, 0, 0x102, 0x304]),
        ("1:2:3:4:5:6:1.2.3.4", [1, 2, 3, 4, 5, 6, 0x102, 0x304]),
        ("2001:db8::ff00:42:8329", [0x2001, 0xdb8, 0, 0, 0, 0xff00, 0x42, 0x8329]),
    ];
    for (text, groups) in table {
        let bytes = h.api().inet_pton(AF_INET6, text)?;
        check_eq!(bytes.len(), 16);
        for (found, wanted) in bytes.chunks(2).zip(groups) {
            check_eq!(found, &wanted.to_be_bytes()[..]);
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn ipv6_texts_that_are_refused<H: Harness>(h: &H) -> Outcome {
    let texts = [
        ":::",
        "1::2::3",
        "::1::",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8:",
        "1:",
        "fe80::1%lo",
        "fe80::1%1",
        "::1.2.3",
        "::256.1.1.1",
        "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "",
        "1.2.3.4",
    ];
    refused(h, AF_INET6, &texts)
}

pub(crate) fn ipv6_text_form<H: Harness>(h: &H) -> Outcome {
    let table: [([u16; 8], &str); 11] = [
        ([0, 0, 0, 0, 0, 0xffff, 0x102, 0x304], "::ffff:1.2.3.4"),
        ([0, 0, 0, 0, 0, 0, 0x102, 0x304], "::1.2.3.4"),
        ([0, 0, 0, 0, 0, 0, 1, 0x203], "::0.1.2.3"),
        ([0, 0, 0, 0, 0, 0, 0, 0x102], "::102"),
        ([0, 0, 0, 0, 0, 0, 0, 1], "::1"),
        ([0; 8], "::"),
        ([1, 0, 2, 0, 0, 3, 0, 0], "1:0:2::3:0:0"),
        ([1, 0, 2, 3, 4, 5, 6, 7], "1:0:2:3:4:5:6:7"),
        ([0xfe80, 0, 0, 0, 0, 0, 0, 10], "fe80::a"),
        ([1, 2, 3, 4, 5, 6, 0x102, 0x304], "1:2:3:4:5:6:102:304"),
        ([1, 0, 0, 0, 2, 0, 0, 0], "1::2:0:0:0"),
    ];
    for (groups, text) in table {
        let mut bytes = [0; 16];
        for (pair, group) in bytes.chunks_mut(2).zip(groups) {
            pair.copy_from_slice(&group.to_be_bytes());
        }
        let shown = h.api().inet_ntop(AF_INET6, &bytes)?;
        check_eq!(shown.as_str(), text);
        let back = h.api().inet_pton(AF_INET6, &shown)?;
        check_eq!(&*back, &bytes[..]);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn wrong_lengths_are_refused<H: Harness>(h: &H) -> Outcome {
    let bytes = [0; 32];
    for (af, lengths) in [(AF_INET, [0, 3, 5, 16, 32]), (AF_INET6, [0, 4, 15, 17, 32])] {
        for length in lengths {
            let answer = h.api().inet_ntop(af, &bytes[..length]).map(|_| ());
            check_eq!(answer, Err(Error::EINVAL));
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn unknown_families_are_refused<H: Harness>(h: &H) -> Outcome {
    for af in [99, 0, 1, -1, i32::MAX] {
        check_eq!(h.api().inet_pton(af, "1.2.3.4").map(|_| ()), Err(Error::EAFNOSUPPORT));
        check_eq!(h.api().inet_ntop(af, &[0; 4]).map(|_| ()), Err(Error::EAFNOSUPPORT));
        check_eq!(h.api().inet_ntop(af, &[]).map(|_| ()), Err(Error::EAFNOSUPPORT));
    }
    Ok(Verdict::Proved)
}
