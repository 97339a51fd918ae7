//! The picture over TLS from a rustls server; and who is not the server is found out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use embedded_tls::{TlsClock, TlsError};
use rand_core_06::OsRng;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::https::{self, Failure, RECORD, Trust};

use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};
use crate::http::{failed, picture};

/// The host that the certificate is for.
pub(crate) const HOST: &str = "pictures.example";

/// A time in the year 2030: certificates of the tests are valid then.
struct Year2030;

impl TlsClock for Year2030 {
    fn now() -> Option<u64> {
        Some(1_900_000_000)
    }
}

/// And one at which the server's has expired, while the authority's has not.
struct Year2060;

impl TlsClock for Year2060 {
    fn now() -> Option<u64> {
        Some(2_850_000_000)
    }
}

/// An authority, good until 2099.
pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of [`HOST`] and its key, good until 2049.
pub(crate) fn identity(authority: &CertifiedIssuer<'_, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    (params.signed_by(&key, authority).unwrap(), key)
}

/// A TLS server for so many clients; its port.
pub(crate) fn serve(
    authority: &CertifiedIssuer<'_, KeyPair>,
    clients: usize,
) -> (u16, thread::JoinHandle<()>) {
    let (certificate, key) = identity(authority);
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        for _ in 0..clients {
            let (mut socket, _) = listener.accept().unwrap();
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut socket);
            // A client that does not trust us goes away.
            let _ = answer(&mut tls);
        }
    });
    (port, thread)
}

fn answer(tls: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let file = picture();
    write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len())?;
    tls.write_all(&file)?;
    tls.flush()?;
    // Until the client has had enough.
    let _ = tls.read(&mut [0]);
    Ok(())
}

/// Fetches the picture, and is not taken in by anybody else.
pub(crate) struct Fetch {
    pub(crate) port: u16,
    /// The certificate of who signed the server's.
    pub(crate) authority: Vec<u8>,
    /// That of somebody else.
    pub(crate) other: Vec<u8>,
}

impl Fetch {
    fn fetch<B: Backend, C: TlsClock>(
        &self,
        net: &B,
        site: &Site<'_>,
        host: &str,
        authority: &[u8],
        sink: impl FnMut(&[u8]),
    ) -> Result<usize, Failure<Error>> {
        let stack = Stack::new(net).with_timeout(10).unwrap();
        let (mut read, mut write) = (vec![0; RECORD], vec![0; 4096]);
        net.block_on(https::fetch::<C, _, _>(
            &stack,
            site.peer((Ipv4Addr::LOCALHOST, self.port)).into(),
            (host, "/lake.bmp"),
            Trust { authority, random: OsRng },
            (&mut read, &mut write),
            sink,
        ))
    }

    /// A server that this one is not, and so nothing of its answer.
    fn refused<B: Backend, C: TlsClock>(
        &self,
        net: &B,
        site: &Site<'_>,
        host: &str,
        authority: &[u8],
    ) -> TlsError {
        let none = |_: &[u8]| panic!("an answer of a server that is not trusted");
        match self.fetch::<B, C>(net, site, host, authority, none) {
            Err(Failure::Tls(error)) => error,
            outcome => panic!("{outcome:?}"),
        }
    }
}

impl Program for Fetch {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let mut hash = Sha256::new();
        let sink = |piece: &[u8]| hash.update(piece);
        let fetched = self.fetch::<B, Year2030>(net, site, HOST, &self.authority, sink);
        fetched.map_err(failed)?;
        assert_eq!(hash.finalize(), Sha256::digest(picture()));

        let wrong_ca = self.refused::<B, Year2030>(net, site, HOST, &self.other);
        assert!(
            matches!(wrong_ca, TlsError::InvalidCertificate | TlsError::InvalidSignature),
            "{wrong_ca:?}"
        );
        let wrong_host = self.refused::<B, Year2030>(net, site, "other.example", &self.authority);
        assert!(matches!(wrong_host, TlsError::InvalidCertificate), "{wrong_host:?}");
        let expired = self.refused::<B, Year2060>(net, site, HOST, &self.authority);
        assert!(matches!(expired, TlsError::InvalidCertificate), "{expired:?}");
        Ok(())
    }
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    let (trusted, other) = (authority(), authority());
    let (port, thread) = serve(&trusted, 4);
    let (authority, other) = (trusted.der().to_vec(), other.der().to_vec());
    let outcome = on(kind, Fetch { port, authority, other });
    if outcome.is_ok() {
        thread.join().unwrap();
    }
    outcome
}
