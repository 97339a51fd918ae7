//! Datagrams.

use std::time::Duration;

use super::contender::Net;
use crate::clock::timed_alone;

/// Sends a burst of small datagrams, then receives it, on one thread: none is
/// lost, and no scheduler is in it.
pub fn packets<N: Net>(net: N, count: u64) -> Duration {
    let (from, _) = net.datagram();
    let (to, address) = net.datagram();
    let mut room = [0; 2 * SIZE];
    timed_alone(|| {
        for _ in 0..count.div_ceil(BURST) {
            for _ in 0..BURST {
                N::send_to(&from, &[1; SIZE], address);
            }
            for _ in 0..BURST {
                assert_eq!(N::recv_from(&to, &mut room), SIZE);
            }
        }
    })
}

/// Bytes of a datagram. Merely chosen: small, so that calls count, not copies.
const SIZE: usize = 64;
/// Fits into every system's receive buffer.
const BURST: u64 = 16;
