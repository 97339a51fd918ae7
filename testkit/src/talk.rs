//! A peer's end of one connection: what it expects, what it says, how it misbehaves.

use std::fmt;
use std::future::pending;
use std::time::Duration;

use usocket_core::prelude::*;

use crate::Net;

/// A peer's end of a connection that it accepted.
///
/// Every call is awaited in virtual time and answers what happened to the connection, so
/// that `?` ends the script when the application is gone. What is dropped is closed in
/// order, or resets if the application has sent what nobody read: as TCP does.
pub struct Talk<'n> {
    socket: Socket<'n, Net>,
    peer: SockAddr,
    number: usize,
    /// Received and not yet taken: what came behind the bytes looked for.
    rest: Vec<u8>,
}

impl<'n> Talk<'n> {
    pub(crate) fn new(socket: Socket<'n, Net>, peer: SockAddr, number: usize) -> Self {
        Self { socket, peer, number, rest: Vec::new() }
    }

    /// Which connection to this server it is, from 0: for one that fails at first.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The application's end.
    #[must_use]
    pub fn peer(&self) -> SockAddr {
        self.peer
    }

    /// The socket, for what there is no method for here.
    #[must_use]
    pub fn socket(&self) -> &Socket<'n, Net> {
        &self.socket
    }

    /// Receives exactly these bytes.
    ///
    /// # Errors
    /// That of the connection.
    ///
    /// # Panics
    /// Others came, or the stream ended before: the test fails, and says what came.
    pub async fn expect(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let wanted = bytes.as_ref();
        while self.rest.len() < wanted.len() && wanted.starts_with(&self.rest) {
            if self.fill().await? == 0 {
                break;
            }
        }
        let came = self.take(wanted.len());
        assert!(
            came == wanted,
            "the peer at {} expected {:?} and got {:?}",
            self.peer,
            String::from_utf8_lossy(wanted),
            String::from_utf8_lossy(&came),
        );
        Ok(())
    }

    /// Receives up to and including the first of these bytes, as `\r\n\r\n` behind the head
    /// of a request; or all there is, if the stream ends before.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn until(&mut self, end: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let end = end.as_ref();
        loop {
            let found = self.rest.windows(end.len().max(1)).position(|part| part == end);
            if let Some(at) = found.or(end.is_empty().then_some(0)) {
                return Ok(self.take(at + end.len()));
            }
            if self.fill().await? == 0 {
                return Ok(self.take(usize::MAX));
            }
        }
    }

    /// Receives so many bytes, or fewer if the stream ends before.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn exactly(&mut self, len: usize) -> Result<Vec<u8>> {
        while self.rest.len() < len && self.fill().await? > 0 {}
        Ok(self.take(len))
    }

    /// Receives until the stream ends.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn to_end(&mut self) -> Result<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(self.take(usize::MAX))
    }

    /// Sends all of this.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.socket.asynch().sendall(bytes).await
    }

    /// Sends byte by byte, with a pause before each: short reads.
    ///
    /// # Errors
    /// That of the connection.
    pub async fn drip(&self, bytes: impl AsRef<[u8]>, pause: Duration) -> Result<()> {
        for byte in bytes.as_ref() {
            self.pause(pause).await;
            self.send([*byte]).await?;
        }
        Ok(())
    }

    /// Does nothing for so long: it does not read either.
    pub async fn pause(&self, time: Duration) {
        self.socket.backend().sleep(time).await;
    }

    /// Does nothing any more, with the connection open.
    ///
    /// # Errors
    /// Never: it does not return, and may stand as the last expression.
    pub async fn hang(&self) -> Result<()> {
        pending().await
    }

    /// Resets the connection.
    ///
    /// # Errors
    /// Never; it is a result so that it may stand as the last expression.
    pub fn reset(self) -> Result<()> {
        self.socket.abort()
    }

    /// Ends its sending direction; it still receives.
    ///
    /// # Errors
    /// That of the connection.
    pub fn finish(&self) -> Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Receives what there is; 0 at the end of the stream.
    async fn fill(&mut self) -> Result<usize> {
        let mut piece = [0; 1024];
        let len = self.socket.asynch().recv(&mut piece).await?;
        self.rest.extend_from_slice(&piece[..len]);
        Ok(len)
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.rest.len());
        self.rest.drain(..len).collect()
    }
}

impl fmt::Debug for Talk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talk").field("number", &self.number).field("peer", &self.peer).finish()
    }
}
