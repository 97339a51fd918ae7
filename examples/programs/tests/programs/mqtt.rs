//! Messages to a real broker and back.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::mqtt;

use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};
use crate::http::failed;

/// Publishes and hears.
pub(crate) struct Echo {
    pub(crate) port: u16,
    pub(crate) name: String,
}

impl Program for Echo {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).unwrap();
        let long = "x".repeat(900);
        let messages = ["21.5", "", "22.0", &long];
        let topic = format!("usocket/{}", self.name);
        let mut heard = Vec::new();
        let note = |message: &[u8]| heard.push(String::from_utf8(message.to_vec()).unwrap());
        let broker = site.peer((Ipv4Addr::LOCALHOST, self.port)).into();
        let echoed = mqtt::echo(&stack, broker, (&self.name, &topic), &messages, note);
        let count = net.block_on(echoed).map_err(failed)?;
        assert_eq!(count, messages.len());
        assert_eq!(heard, messages);
        Ok(())
    }
}

/// The broker of all tests; its port.
pub(crate) fn broker() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let server = ServerSettings {
            name: "v5".to_owned(),
            listen,
            tls: None,
            next_connection_delay_ms: 1,
            connections: ConnectionSettings {
                connection_timeout_ms: 5000,
                max_payload_size: 20_480,
                max_inflight_count: 100,
                auth: None,
                external_auth: None,
                dynamic_filters: true,
            },
        };
        let router = RouterConfig {
            max_connections: 100,
            max_outgoing_packet_count: 200,
            max_segment_size: 1 << 20,
            max_segment_count: 10,
            ..RouterConfig::default()
        };
        let v5 = Some(HashMap::from([("1".to_owned(), server)]));
        let config = Config { router, v5, ..Config::default() };
        thread::spawn(move || Broker::new(config).start().unwrap());
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(listen).is_err() {
            assert!(Instant::now() < end, "the broker does not come up");
            thread::sleep(Duration::from_millis(20));
        }
        listen.port()
    })
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    // A name and a topic each, as all share the broker.
    on(kind, Echo { port: broker(), name: format!("{kind:?}") })
}
