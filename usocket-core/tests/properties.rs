//! Bad input: texts, bytes, addresses and numbers of any kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use usocket_core::{
    AF_INET, AF_INET6, Error, Family, IntoTimeout, Timeout, ToSockAddr, inet_ntop, inet_pton,
};

/// Texts that look like addresses, and some that hardly do.
fn address_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}",
        "[0-9a-fA-F:]{0,40}",
        "[0-9a-fA-F:.%]{0,50}",
        "[ 0-9.x:-]{0,20}",
        any::<Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<Ipv6Addr>().prop_map(|ip| ip.to_string()),
        any::<String>(),
    ]
}

/// A strict dotted quad, written without the standard library's parser.
fn quad(text: &str) -> Option<[u8; 4]> {
    let parts: Vec<&str> = text.split('.').collect();
    let octet = |part: &&str| {
        let plain = !part.is_empty()
            && part.len() <= 3
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'));
        plain.then(|| part.parse::<u8>().ok()).flatten()
    };
    let octets: Option<Vec<u8>> = parts.iter().map(octet).collect();
    octets?.try_into().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn inet_pton_takes_exactly_strict_quads(text in address_text()) {
        let found = inet_pton(AF_INET, &text);
        match quad(&text) {
            Some(octets) => prop_assert_eq!(&*found.unwrap(), &octets[..]),
            None => prop_assert_eq!(found.unwrap_err(), Error::EINVAL),
        }
        if let Err(error) = inet_pton(AF_INET6, &text) {
            prop_assert_eq!(error, Error::EINVAL);
        }
    }

    #[test]
    fn addresses_survive_text_and_back(v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), zeros in any::<u16>()) {
        let text = inet_ntop(AF_INET, &v4).unwrap();
        prop_assert_eq!(&*inet_pton(AF_INET, &text).unwrap(), &v4[..]);
        // Half of the bytes zero, so that runs to compress do occur.
        let v6: Vec<u8> = v6.iter().enumerate().map(|(i, b)| if zeros >> i & 1 == 0 { 0 } else { *b }).collect();
        let text = inet_ntop(AF_INET6, &v6).unwrap();
        prop_assert_eq!(&*inet_pton(AF_INET6, &text).unwrap(), &v6[..]);
        let lower = text.to_lowercase();
        prop_assert_eq!(text.as_str(), lower.as_str());
    }

    #[test]
    fn wrong_lengths_and_families_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), af in any::<i32>()) {
        match (af, inet_ntop(af, &bytes)) {
            (AF_INET, found) => prop_assert_eq!(found.is_ok(), bytes.len() == 4),
            (AF_INET6, found) => prop_assert_eq!(found.is_ok(), bytes.len() == 16),
            (_, found) => prop_assert_eq!(found.unwrap_err(), Error::EAFNOSUPPORT),
        }
    }

    #[test]
    fn tuples_of_any_kind_are_taken_or_refused(
        text in address_text(), port in any::<i32>(), flow in 0_u32..3, scope in 0_u32..3, six in any::<bool>(),
    ) {
        let family = if six { Family::V6 } else { Family::V4 };
        for found in [(text.as_str(), port).to_sock_addr(family), (text.as_str(), port, flow, scope).to_sock_addr(family)] {
            match found {
                Ok(address) => {
                    prop_assert_eq!(address.family(), family);
                    prop_assert_eq!(i32::from(address.port()), port);
                    // What was taken once is taken again, unchanged (row 30).
                    prop_assert_eq!(address.to_sock_addr(family), Ok(address));
                    let wildcard = text.is_empty() && address.ip() == family.unspecified();
                    prop_assert!(wildcard || text.parse::<IpAddr>() == Ok(address.ip()));
                }
                Err(error) => prop_assert!(matches!(error, Error::EINVAL | Error::EAFNOSUPPORT)),
            }
        }
    }

    #[test]
    fn timeouts_are_never_shortened(seconds in prop_oneof![any::<f64>(), 0.0..100.0, 0.0..0.001]) {
        match seconds.into_timeout() {
            Ok(Timeout::Zero) => prop_assert_eq!(seconds, 0.0),
            Ok(Timeout::After(time)) => {
                prop_assert!(seconds > 0.0 && time > Duration::ZERO);
                prop_assert!(seconds > 1e6 || (time.as_secs_f64() - seconds).abs() < 1e-8);
            }
            Ok(Timeout::Never) => prop_assert!(false, "only None is for ever"),
            Err(error) => {
                prop_assert_eq!(error, Error::EINVAL);
                prop_assert!(!seconds.is_finite() || seconds < 0.0);
            }
        }
    }
}
