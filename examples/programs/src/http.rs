//! An HTTP client: `reqwless`.

use embedded_io_async::Read;
use embedded_nal_async::{Dns, TcpConnect};
use reqwless::Error;
use reqwless::client::HttpClient;
use reqwless::request::Method;

/// Fetches `url` and hands the body to `sink`, piece by piece; its length.
///
/// `work` holds the head of the answer; 1 KiB does for most servers.
///
/// # Errors
/// Those of `reqwless`; [`Error::Codec`] where the answer is not a success,
/// [`Error::ConnectionAborted`] where the body is shorter than announced.
pub async fn fetch<T: TcpConnect, D: Dns>(
    tcp: &T,
    dns: &D,
    url: &str,
    work: &mut [u8],
    mut sink: impl FnMut(&[u8]),
) -> Result<usize, Error> {
    let mut client = HttpClient::new(tcp, dns);
    let mut request = client.request(Method::GET, url).await?;
    let response = request.send(work).await?;
    if !response.status.is_successful() {
        return Err(Error::Codec);
    }
    let announced = response.content_length;
    let mut body = response.body().reader();
    let (mut piece, mut total) = ([0; 512], 0);
    loop {
        match body.read(&mut piece).await? {
            // The reader takes an early end of the connection for that of the body.
            0 if announced.is_some_and(|len| len != total) => {
                return Err(Error::ConnectionAborted);
            }
            0 => return Ok(total),
            len => {
                sink(&piece[..len]);
                total += len;
            }
        }
    }
}
