//! Names of addresses.

use core::net::IpAddr;

use usocket_core::{Error, Result};

use crate::{Harness, Outcome, Verdict, check, unsupported};

/// What the lookup of the name of an address of the peer may answer: its name, that there is
/// none, or that the backend cannot ask. What the loopback is called is the host's.
pub(super) fn is_name<H: Harness>(
    h: &H,
    ip: IpAddr,
    answer: Result<usize>,
    name: &[u8],
) -> Outcome {
    match answer {
        Ok(len) => {
            check!(len > 0 && name[..len].is_ascii());
            check!(ip.is_loopback() || name[..len] == *h.peer().name().as_bytes());
            Ok(Verdict::Proved)
        }
        Err(Error::EAI_NONAME | Error::EAI_AGAIN) => Ok(Verdict::Proved),
        Err(error) => unsupported(Err::<(), _>(error), Error::EOPNOTSUPP),
    }
}
