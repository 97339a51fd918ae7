//! An HTTPS client: `reqwless` over `embedded-tls`, with the server's certificate verified.

use core::net::SocketAddr;

use embedded_io_async::Read;
use embedded_nal_async::TcpConnect;
use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsClock, TlsConfig,
    TlsConnection, TlsContext, TlsError, TlsVerifier,
};
use reqwless::headers::ContentType;
use reqwless::request::{Method, Request, RequestBuilder};
use reqwless::response::Response;

/// Room for the largest record that a server may send.
pub const RECORD: usize = 16_640;

/// Room for a server's certificates.
const CHAIN: usize = 4096;

/// Why there is no picture.
#[derive(Debug)]
pub enum Failure<E> {
    /// No connection.
    Connect(E),
    /// TLS: [`TlsError::InvalidCertificate`] and [`TlsError::InvalidSignature`] say that it
    /// is not the server that was meant.
    Tls(TlsError),
    /// HTTP, inside.
    Http(reqwless::Error),
}

/// What the client trusts, and what it needs for it.
pub struct Trust<'c, R> {
    /// The certificate of the authority, in DER.
    pub authority: &'c [u8],
    /// A source of secrets: on a board that of the chip, never a constant.
    pub random: R,
}

/// Fetches `path` of `host`, which is at `address`, and hands the body to `sink`, piece by
/// piece; its length. `C` tells the time, by which certificates expire.
///
/// `read` has room for [`RECORD`] bytes, `write` for as much as is sent at once.
///
/// # Errors
/// [`Failure`].
pub async fn fetch<C: TlsClock, T: TcpConnect, R: CryptoRngCore>(
    tcp: &T,
    address: SocketAddr,
    (host, path): (&str, &str),
    trust: Trust<'_, R>,
    (read, write): (&mut [u8], &mut [u8]),
    mut sink: impl FnMut(&[u8]),
) -> Result<usize, Failure<T::Error>> {
    let socket = tcp.connect(address).await.map_err(Failure::Connect)?;
    let mut tls = TlsConnection::new(socket, read, write);
    let config = TlsConfig::new().with_server_name(host);
    let verifier = CertVerifier::<_, C, CHAIN>::new(Certificate::X509(trust.authority));
    let provider = Provider { random: trust.random, verifier };
    tls.open(TlsContext::new(&config, provider)).await.map_err(Failure::Tls)?;

    let request = Request::get(path).host(host).content_type(ContentType::TextPlain).build();
    request.write_header(&mut tls).await.map_err(Failure::Http)?;
    tls.flush().await.map_err(Failure::Tls)?;
    let mut head = [0; 1024];
    let response = Response::read(&mut tls, Method::GET, &mut head).await.map_err(Failure::Http)?;
    if !response.status.is_successful() {
        return Err(Failure::Http(reqwless::Error::Codec));
    }
    let announced = response.content_length;
    let mut body = response.body().reader();
    let (mut piece, mut total) = ([0; 512], 0);
    loop {
        match body.read(&mut piece).await.map_err(Failure::Http)? {
            // The reader takes an early end of the connection for that of the body.
            0 if announced.is_some_and(|len| len != total) => {
                return Err(Failure::Http(reqwless::Error::ConnectionAborted));
            }
            0 => break,
            len => {
                sink(&piece[..len]);
                total += len;
            }
        }
    }
    // Whether the server still hears that it is over does not matter to the picture.
    let _ = tls.close().await;
    Ok(total)
}

struct Provider<V, R> {
    random: R,
    verifier: V,
}

impl<V: TlsVerifier<Aes128GcmSha256>, R: CryptoRngCore> CryptoProvider for Provider<V, R> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = &'static [u8];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.random
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }
}
