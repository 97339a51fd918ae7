//! `getaddrinfo` with any arguments: a list that fits them, or a negative number.

use std::time::Duration;

use proptest::prelude::*;
use usocket_conformance::net::{Host, Network, Virtual};
use usocket_core::prelude::*;
use usocket_core::{AF_INET6, Family};

type World = Network<Virtual, embassy_sync::blocking_mutex::raw::NoopRawMutex, 4, 4, 64>;

fn host_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("known.test".to_string()),
        "[a-z0-9._-]{0,70}",
        "[a-z0-9.\",\\\\\r\n\0 ]{0,40}",
        "[0-9.]{0,16}",
        "[0-9a-f:%]{0,30}",
        "([a-z]{1,63}\\.){4,6}",
        any::<String>(),
    ]
}

/// Small numbers around those that mean something, and any others.
fn number() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), 0..20_i32, any::<i32>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn getaddrinfo_takes_any_arguments(
        host in host_text(), port in prop_oneof![0..70_000_i32, any::<i32>()],
        af in number(), socktype in number(), proto in number(), flags in number(),
    ) {
        let world = Box::new(World::new(Virtual::new(1)));
        let net: Host<'_, _, _, 4, 4, 64> = world.host(&["10.0.0.1".parse().unwrap()]).unwrap();
        world.set_addresses("known.test", &["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()]).unwrap();
        let hints = Hints { af, socktype, proto, flags, timeout: Duration::from_secs(5) };
        match net.getaddrinfo(&host, port, hints) {
            Ok(list) => {
                prop_assert!(list.len() >= 1);
                for info in list.iter() {
                    prop_assert!(af == 0 || info.family == af);
                    prop_assert!(socktype == 0 || info.socktype == socktype);
                    prop_assert!(proto == 0 || info.proto == proto);
                    prop_assert_eq!(i32::from(info.sockaddr.port()), port);
                    let six = info.sockaddr.family() == Family::V6;
                    prop_assert_eq!(six, info.family == AF_INET6);
                }
            }
            Err(error) => prop_assert!(error.errno() < 0, "{:?}", error),
        }
        prop_assert_eq!(world.held().queries, 0);
    }
}
