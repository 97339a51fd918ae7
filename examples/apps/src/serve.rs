//! A web server with one file, for [`download`](crate::download()) to fetch from.

use core::fmt::Write;

use usocket::prelude::*;

use crate::{Journal, Source};

/// Serves `len` bytes of `file` on every path to `requests` clients, one after the
/// other, then returns.
///
/// A client that is slow, rude or gone costs the 5 seconds that a call may take, and
/// is told about in the journal.
///
/// # Errors
/// Those of `accept`. What goes wrong with one client is not an error.
pub fn serve_picture<B: Backend, S: Source>(
    listener: &Socket<'_, B>,
    file: &mut S,
    len: u64,
    requests: usize,
    work: &mut [u8],
    journal: &mut impl Journal,
) -> Result<()> {
    for _ in 0..requests {
        let (s, peer) = listener.accept()?;
        match serve_one(&s, file, len, work) {
            Ok(sent) => journal.line(format_args!("{peer}: {sent} bytes")),
            Err(error) => journal.line(format_args!("{peer}: {error}")),
        }
    }
    Ok(())
}

fn serve_one<B: Backend, S: Source>(
    s: &Socket<'_, B>,
    file: &mut S,
    len: u64,
    work: &mut [u8],
) -> Result<u64> {
    s.settimeout(5)?;
    if !read_request(s, work)? {
        s.sendall("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(0);
    }
    let mut head = heapless::String::<128>::new();
    // Shorter than its room whatever the length.
    let _ = write!(
        head,
        "HTTP/1.1 200 OK\r\nContent-Type: image/bmp\r\nContent-Length: {len}\r\n\
         Connection: close\r\n\r\n"
    );
    s.sendall(&head)?;
    let mut sent = 0;
    while sent < len {
        match file.read_at(sent, work) {
            Ok(0) | Err(_) => return Err(Error::EIO),
            Ok(count) => {
                s.sendall(&work[..count])?;
                sent += count as u64;
            }
        }
    }
    Ok(sent)
}

/// Reads a whole request, so that closing does not reset (row 218). Returns whether
/// it is a GET.
fn read_request<B: Backend>(s: &Socket<'_, B>, work: &mut [u8]) -> Result<bool> {
    let mut filled = 0;
    while filled < work.len() {
        match s.recv(&mut work[filled..])? {
            0 => return Ok(false),
            len => filled += len,
        }
        if work[..filled].ends_with(b"\r\n\r\n") {
            return Ok(work.starts_with(b"GET "));
        }
    }
    Ok(false)
}
