//! What cases share.
//!
//! | module | what |
//! |---|---|
//! | `scripts` | the peer's part in a case, stopped when the case ends |
//! | `streams` | stream sockets: fresh, connected, listening, connecting |
//! | `datagrams` | datagram sockets, and the answer where there are none |
//! | `data` | bytes to send, what arrived, full buffers, errors that may differ |
//! | `waiting` | patience, short timeouts, how long a call took |
//! | `polls` | polls of the kit and what they found |

mod data;
mod datagrams;
mod polls;
mod scripts;
mod streams;
mod waiting;

pub(crate) use self::data::{
    AFTER_FILL, BLOCK, BULK, Sum, fill, gone, is_pattern, no_pipe, read_pattern,
};
pub(crate) use self::datagrams::{bound_udp, connected_udp, without_udp};
pub(crate) use self::polls::{events_of, poll_of, polled, watch};
pub(crate) use self::scripts::{Script, accepting, script};
pub(crate) use self::streams::{
    Sock, bound, connect_plain, connected, connected_plain, families, foreign_ip, listening,
    own_ip, pending, quiet, reached, starting, stream, without_server,
};
pub(crate) use self::waiting::{
    PATIENCE, SHORT, SLACK, arrived, becomes, check_took, check_within, on_time, timed,
};
