//! Lengths of the sheet's byte strings, each from the string itself.

use crate::esp8285_suite::conditions::{Firmware, Sending};

/// `CIPRECVDATA` (5.2).
pub(super) fn read_command(len: usize) -> usize {
    format!("AT+CIPRECVDATA=4,{len}\r\n").len()
}

/// What stands before the data of its answer (5.2).
pub(super) fn read_answer(firmware: Firmware, len: usize) -> usize {
    match firmware {
        Firmware::V1_7_6 => format!("\r\n+CIPRECVDATA,{len}:").len(),
        Firmware::V2_2 => format!("+CIPRECVDATA:{len},").len(),
    }
}

/// A final result (2.1).
pub(super) const OK: usize = "\r\nOK\r\n".len();

/// A passive notice (5.2).
pub(super) fn notice(len: usize) -> usize {
    format!("\r\n+IPD,4,{len}\r\n").len()
}

/// What stands before the data in active mode (5.1).
pub(super) fn ipd(_: Firmware, len: usize) -> usize {
    format!("\r\n+IPD,4,{len}:").len()
}

/// And behind them (5.1).
pub(super) fn ipd_trailer(firmware: Firmware) -> usize {
    match firmware {
        Firmware::V1_7_6 => 0,
        Firmware::V2_2 => "\r\n".len(),
    }
}

/// `CIPSEND` (4.3) or `CIPSENDBUF` (4.5).
pub(super) fn send_command(sending: Sending, len: usize) -> usize {
    match sending {
        Sending::Plain => format!("AT+CIPSEND=4,{len}\r\n").len(),
        Sending::Pipelined => format!("AT+CIPSENDBUF=4,{len}\r\n").len(),
    }
}

/// What comes before the prompt (4.3, 4.5).
pub(super) fn send_answer(sending: Sending) -> usize {
    match sending {
        Sending::Plain => OK,
        Sending::Pipelined => "2,1\r\n".len() + OK,
    }
}

/// The prompt, up to the byte that permits data (4.3).
pub(super) fn prompt(firmware: Firmware) -> usize {
    match firmware {
        Firmware::V1_7_6 => ">".len(),
        Firmware::V2_2 => "\r\n>".len(),
    }
}

/// Told when a piece is complete (4.3).
pub(super) fn recv(len: usize) -> usize {
    format!("\r\nRecv {len} bytes\r\n").len()
}

/// The result of `CIPSEND` (4.3).
pub(super) const SEND_OK: usize = "\r\nSEND OK\r\n".len();

/// The late result of `CIPSENDBUF` (4.5).
pub(super) const SEGMENT_OK: usize = "\r\n4,1,SEND OK\r\n".len();

/// Most bytes of one piece (4.3; for 2.2.0 see 2.5).
pub(super) fn most_per_piece(firmware: Firmware) -> usize {
    match firmware {
        Firmware::V1_7_6 => 2048,
        Firmware::V2_2 => 1024,
    }
}

/// The window of a link (5.3).
pub(super) fn window(firmware: Firmware) -> usize {
    match firmware {
        Firmware::V1_7_6 => 5840,
        Firmware::V2_2 => 5760,
    }
}
