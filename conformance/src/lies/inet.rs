//! Lies about section D: `inet_pton` and `inet_ntop`.

use core::fmt::Write;
use core::net::Ipv6Addr;

use usocket_core::spi::Backend;
use usocket_core::{AF_INET, AF_INET6, BinAddr, Error, INET_ADDRSTRLEN, Result};

use super::lies;
use crate::Api;
use crate::cases::inet;

lies! {
    api BytesInHostOrder breaks [32], caught by inet::the_examples_of_the_reference;
    api SpacesAreTrimmed breaks [33], caught by inet::ipv4_texts_are_strict;
    api ShortFormsAccepted breaks [33], caught by inet::ipv4_texts_are_strict;
    api DottedTailRefused breaks [34], caught by inet::ipv6_texts_that_are_accepted;
    api UpperCaseRefused breaks [34], caught by inet::ipv6_texts_that_are_accepted;
    api ScopeInTextAccepted breaks [35], caught by inet::ipv6_texts_that_are_refused;
    api TextFormOfRust breaks [36], caught by inet::ipv6_text_form;
    api ShortBytesArePadded breaks [37], caught by inet::wrong_lengths_are_refused;
    api FamilyByLength breaks [38], caught by inet::unknown_families_are_refused;
}

type Text = heapless::String<INET_ADDRSTRLEN>;

/// A lie about `inet_pton`, `inet_ntop` or both.
macro_rules! converts {
    ($($(#[$doc:meta])* $lie:ident { $($method:item)* })*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            $($method)*
        }
    )*};
}
converts! {
    /// The bytes as a little-endian processor holds the number.
    BytesInHostOrder {
        fn inet_ntop(&self, af: i32, bytes: &[u8]) -> Result<Text> {
            match <[u8; 4]>::try_from(bytes) {
                Ok([a, b, c, d]) => usocket_core::inet_ntop(af, &[d, c, b, a]),
                Err(_) => usocket_core::inet_ntop(af, bytes),
            }
        }
    }
    SpacesAreTrimmed {
        fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
            usocket_core::inet_pton(af, text.trim())
        }
    }
    /// As `inet_aton`: "1.2.3" is 1.2.0.3.
    ShortFormsAccepted {
        fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
            let text = if text == "1.2.3" { "1.2.0.3" } else { text };
            usocket_core::inet_pton(af, text)
        }
    }
    DottedTailRefused {
        fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
            if af == AF_INET6 && text.contains('.') {
                return Err(Error::EINVAL);
            }
            usocket_core::inet_pton(af, text)
        }
    }
    UpperCaseRefused {
        fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
            if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(Error::EINVAL);
            }
            usocket_core::inet_pton(af, text)
        }
    }
    ScopeInTextAccepted {
        fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
            usocket_core::inet_pton(af, text.split('%').next().unwrap_or(text))
        }
    }
    /// `::102:304` where the C library has `::1.2.3.4`.
    TextFormOfRust {
        fn inet_ntop(&self, af: i32, bytes: &[u8]) -> Result<Text> {
            let mut text = usocket_core::inet_ntop(af, bytes)?;
            if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
                text.clear();
                write!(text, "{}", Ipv6Addr::from(bytes)).map_err(|_| Error::EINVAL)?;
            }
            Ok(text)
        }
    }
    ShortBytesArePadded {
        fn inet_ntop(&self, af: i32, bytes: &[u8]) -> Result<Text> {
            let mut padded = [0; 16];
            for (to, from) in padded.iter_mut().zip(bytes) {
                *to = *from;
            }
            usocket_core::inet_ntop(af, if af == AF_INET { &padded[..4] } else { &padded })
        }
    }
    FamilyByLength {
        fn inet_ntop(&self, _af: i32, bytes: &[u8]) -> Result<Text> {
            usocket_core::inet_ntop(if bytes.len() == 16 { AF_INET6 } else { AF_INET }, bytes)
        }
    }
}
