//! The modem's surroundings: an access point, and servers.

use std::net::Ipv4Addr;
use std::time::Duration;

use esp8285_sim::net::{Host, Network, RealNet, Script, Step, UdpService, VirtualNet};
use esp8285_sim::{AccessPoint, Air, Knobs, Modem, Version};
use usocket_example_apps::{Source, scene};

/// What is around the modem.
#[derive(Clone, Debug)]
pub struct World {
    /// The firmware of the modem.
    pub version: Version,
    /// The name of the access point.
    pub ssid: String,
    /// Its key.
    pub key: String,
}

impl Default for World {
    /// What the images are built for, and AT firmware 1.7.6.
    fn default() -> Self {
        Self {
            version: Version::V1_7_6,
            ssid: "usocket".to_owned(),
            key: "over the air".to_owned(),
        }
    }
}

/// The host that has all servers, and its name.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const NAME: &str = "pictures.test";

/// Where streams come from: one port after the other.
const STREAMS: u16 = 9000;

impl World {
    /// A modem on a network in virtual time: `file` comes by HTTP from `pictures.test`, port
    /// 3456 takes anything, and port 9000 + n sends stream n.
    #[must_use]
    pub fn virtual_modem(&self, file: &[u8], streams: &[Vec<u8>]) -> Modem<VirtualNet> {
        let mut host = Host::default()
            .tcp(80, picture_server(file))
            .tcp(3456, Script::sink())
            .udp(7, UdpService::Echo);
        for (port, stream) in (STREAMS..).zip(streams) {
            host = host.tcp(port, Script::new([Step::Send(stream.clone()), Step::Close]));
        }
        let mut net = VirtualNet::new(1);
        net.add_host(SERVER, host);
        net.add_name(NAME, SERVER);
        self.modem(net, AccessPoint::new(self.ssid.as_bytes(), self.key.as_bytes()))
    }

    /// A modem on the network of this machine. The time must keep step with the wall clock.
    #[must_use]
    pub fn real_modem(&self) -> Modem<RealNet> {
        let access_point = AccessPoint {
            address: Ipv4Addr::LOCALHOST,
            gateway: Ipv4Addr::LOCALHOST,
            netmask: Ipv4Addr::new(255, 0, 0, 0),
            join_time: Duration::from_millis(100),
            ..AccessPoint::new(self.ssid.as_bytes(), self.key.as_bytes())
        };
        self.modem(RealNet::new(), access_point)
    }

    fn modem<N: Network>(&self, net: N, access_point: AccessPoint) -> Modem<N> {
        let mut air = Air::with(access_point);
        air.access_points.push(AccessPoint {
            bssid: [0x02, 0, 0, 0, 0, 0x11],
            channel: 11,
            rssi: -71,
            ..AccessPoint::new(b"Neighbours", b"not for you")
        });
        Modem::new(self.version, Knobs::default(), air, net)
    }
}

/// A web server with one file.
#[must_use]
pub fn picture_server(file: &[u8]) -> Script {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/bmp\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        file.len()
    )
    .into_bytes();
    answer.extend(file);
    Script::new([Step::Until(b"\r\n\r\n".to_vec()), Step::Send(answer), Step::Close])
}

/// The picture that is handed out unless there is another: a lake at dusk.
#[must_use]
pub fn picture() -> Vec<u8> {
    let mut file = vec![0; scene::LEN as usize];
    let mut filled = 0;
    while filled < file.len() {
        let Ok(len) = scene::Scene.read_at(filled as u64, &mut file[filled..]);
        filled += len;
    }
    file
}

/// What the image `streams` receives: five streams that differ in every place.
#[must_use]
pub fn streams() -> Vec<Vec<u8>> {
    let stream = |which: u32| (0..STREAM_LEN).map(|at| crate::numbered(at * 5 + which)).collect();
    (0..5).map(stream).collect()
}

/// Bytes of each of them.
pub const STREAM_LEN: u32 = 40_000;
