//! The frames of failed runs.

mod support;

use std::process::Command;

use support::world::{in_world, ip4};
use usocket_core::prelude::*;
use usocket_core::{Error, SockAddr};

/// What the test below starts says so with this.
const FAIL: &str = "USOCKET_TEST_FAILS";

#[test]
fn they_are_kept_where_the_variable_says() {
    let folder = std::env::temp_dir().join(format!("usocket-kept-{}", std::process::id()));
    let kept = |fails: &str| -> Vec<(String, Vec<u8>)> {
        // At worst there was none.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_run_that_fails_when_told"])
            .env("USOCKET_PCAP", &folder)
            .env(FAIL, fails)
            .output()
            .unwrap();
        assert_eq!(output.status.success(), fails.is_empty(), "{output:?}");
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
        files
            .map(|file| {
                let name = file.file_name().into_string().unwrap();
                (name, std::fs::read(file.path()).unwrap())
            })
            .collect()
    };
    let found = kept("yes");
    assert_eq!(found.len(), 1);
    let (name, file) = &found[0];
    assert_eq!(name, "a_run_that_fails_when_told-0.pcap");
    // The global header with Ethernet, then the first frame of ours, at one second.
    assert_eq!((&file[..4], &file[20..24]), (&[0xd4, 0xc3, 0xb2, 0xa1][..], &[1, 0, 0, 0][..]));
    assert_eq!((&file[24..28], &file[46..52]), (&[1, 0, 0, 0][..], &[2, 0, 0, 0, 0, 1][..]));
    // The question for the peer's address, and the refusal.
    let holds = |bytes: &[u8]| file.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(&[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]) && holds(&[0x50, 0x14, 0, 0]));
    assert_eq!(kept(""), []);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_run_that_fails_when_told() {
    in_world(1, |world| {
        let refused = world.net.tcp().unwrap().connect(SockAddr::new(ip4(2), 9));
        assert_eq!(refused, Err(Error::ECONNREFUSED));
        assert!(std::env::var_os(FAIL).is_none_or(|value| value.is_empty()), "as it was told");
    });
}
