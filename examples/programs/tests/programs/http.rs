//! Fetches the picture of routine 1 from a real web server, by name.

use std::net::Ipv4Addr;
use std::thread;

use sha2::{Digest, Sha256};
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_example_apps::{Source, scene};
use usocket_programs::http;

use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};

/// The picture as a file.
pub(crate) fn picture() -> Vec<u8> {
    let mut file = vec![0; usize::try_from(scene::LEN).unwrap()];
    let Ok(len) = scene::Scene.read_at(0, &mut file);
    assert_eq!(len, file.len());
    file
}

/// Fetches `url` and compares what came with the picture.
pub(crate) struct Fetch(pub(crate) u16);

impl Program for Fetch {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).unwrap();
        let (host, port) = site.peer((Ipv4Addr::LOCALHOST, self.0));
        let url = format!("http://{host}:{port}/lake.bmp");
        let (mut hash, mut work) = (Sha256::new(), [0; 1024]);
        let fetched = http::fetch(&stack, &stack, &url, &mut work, |piece| hash.update(piece));
        let len = net.block_on(fetched).map_err(failed)?;
        assert_eq!(len, picture().len());
        assert_eq!(hash.finalize(), Sha256::digest(picture()));
        // And by name, which there is none of.
        let url = "http://nobody.invalid/";
        let failed = net.block_on(http::fetch(&stack, &stack, url, &mut work, |_| ()));
        assert!(matches!(failed, Err(reqwless::Error::Dns)), "{failed:?}");
        Ok(())
    }
}

/// The message of a program.
pub(crate) fn failed(error: impl std::fmt::Debug) -> Trouble {
    Trouble::Failed(format!("{error:?}"))
}

/// A web server with the picture for one client; its port.
pub(crate) fn serve() -> (u16, thread::JoinHandle<()>) {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let port = server.server_addr().to_ip().unwrap().port();
    let thread = thread::spawn(move || {
        let request = server.recv().unwrap();
        assert_eq!(request.url(), "/lake.bmp");
        request.respond(tiny_http::Response::from_data(picture())).unwrap();
    });
    (port, thread)
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    let (port, thread) = serve();
    let outcome = on(kind, Fetch(port));
    if outcome.is_ok() {
        thread.join().unwrap();
    }
    outcome
}
