//! smoltcp in this process: behind a gateway to this machine's sockets, or on a device of
//! Linux.

#[cfg(target_os = "linux")]
mod linux;

use std::fs::File;
use std::io::BufWriter;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;

use usocket::NoopRawMutex;
use usocket::prelude::*;
use usocket::smoltcp::stack::phy::{Device, PcapMode, PcapWriter};
use usocket::smoltcp::{Config, Net, OWN, Storage};
use usocket::spi::Platform;
use usocket_gateway::Gateway;

use crate::backends::{Program, run_on};
use crate::{Site, Trouble};

/// What was said about the interface on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawOptions {
    tap: Option<String>,
    packet: Option<String>,
    address: Option<(IpAddr, u8)>,
    router: Option<IpAddr>,
    name_server: Option<IpAddr>,
    pcap: Option<PathBuf>,
}

/// The options, for `--help`.
pub(crate) const HELP: &str = "\
      smoltcp       a TCP/IP stack in this program, with these options:
                    (without --tap or --packet on this machine's network, no root needed)
  --tap NAME        on this TAP device of Linux
  --packet NAME     or beside Linux on this interface (AF_PACKET, needs root)
  --address IP/LEN  the address there (default: from DHCP)
  --router IP       the router, for an address by hand
  --name-server IP  the name server, for an address by hand
  --pcap FILE       keeps all frames, for tcpdump or Wireshark";

const NAMES: [&str; 6] = ["tap", "packet", "address", "router", "name-server", "pcap"];

impl RawOptions {
    pub(crate) fn has(name: &str) -> bool {
        NAMES.contains(&name)
    }

    pub(crate) fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Trouble> {
        use lexopt::ValueExt;

        match name {
            "tap" => self.tap = Some(parser.value()?.string()?),
            "packet" => self.packet = Some(parser.value()?.string()?),
            "address" => self.address = Some(address(&parser.value()?.string()?)?),
            "router" => self.router = Some(parser.value()?.parse()?),
            "name-server" => self.name_server = Some(parser.value()?.parse()?),
            _ => self.pcap = Some(parser.value()?.into()),
        }
        Ok(())
    }

    /// Whether it is on a device: another one cannot be beside it.
    pub(crate) fn has_device(&self) -> bool {
        self.tap.is_some() || self.packet.is_some()
    }

    /// They make no sense on another backend.
    pub(crate) fn refuse(&self) -> Result<(), Trouble> {
        let given = [
            self.tap.is_some(),
            self.packet.is_some(),
            self.address.is_some(),
            self.router.is_some(),
            self.name_server.is_some(),
            self.pcap.is_some(),
        ];
        match NAMES.iter().zip(given).find(|(_, given)| *given) {
            Some((name, _)) => Err(Trouble::Usage(format!("--{name} goes with --backend smoltcp"))),
            None => Ok(()),
        }
    }

    /// Starts the stack and runs the program on it.
    pub(crate) fn run(&self, program: impl Program) -> Result<(), Trouble> {
        // The stack's memory is made on that of a thread.
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK);
            let thread = thread
                .spawn_scoped(scope, || self.run_here(program))
                .map_err(|error| Trouble::of("no thread", error))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn run_here(&self, program: impl Program) -> Result<(), Trouble> {
        if self.has_device() {
            return self.on_device(program);
        }
        if self.address.is_some() || self.router.is_some() || self.name_server.is_some() {
            let text = "--address, --router and --name-server go with --tap or --packet";
            return Err(Trouble::Usage(text.to_owned()));
        }
        let gateway = Gateway::new().map_err(|error| Trouble::of("no gateway", error))?;
        let Some((port, board)) = gateway.plug() else {
            return Err(Trouble::Failed("the gateway is in use".to_owned()));
        };
        self.start(port, board, &Site::behind(&gateway), program)
    }

    #[cfg(target_os = "linux")]
    fn on_device(&self, program: impl Program) -> Result<(), Trouble> {
        match (&self.tap, &self.packet) {
            (Some(name), None) => linux::tap(self, name, program),
            (None, Some(name)) => linux::packet(self, name, program),
            _ => Err(Trouble::Usage("--tap or --packet, not both".to_owned())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn on_device(&self, _: impl Program) -> Result<(), Trouble> {
        Err(Trouble::Failed("--tap and --packet work on Linux".to_owned()))
    }

    /// Runs the program on this device.
    fn start<D: Device, P: Platform>(
        &self,
        device: D,
        board: P,
        site: &Site<'_>,
        program: impl Program,
    ) -> Result<(), Trouble> {
        let config = self.config().map_err(|error| Trouble::of("addresses", error))?;
        match &self.pcap {
            None => run(device, board, &config, site, program),
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| Trouble::of(&path.display().to_string(), error))?;
                let to = BufWriter::new(file);
                let device = PcapWriter::new(device, to, PcapMode::Both);
                run(device, board, &config, site, program)
            }
        }
    }

    fn config(&self) -> usocket::Result<Config> {
        // A locally administered address, another one in each run.
        let seed = usocket::spi::StdPlatform.seed().to_le_bytes();
        let config = Config::ethernet([2, seed[0], seed[1], seed[2], seed[3], seed[4]]);
        let Some((ip, prefix)) = self.address else { return Ok(config.dhcp()) };
        let mut config = config.address(ip, prefix)?;
        if let Some(router) = self.router {
            config = config.gateway(router);
        }
        match self.name_server {
            Some(server) => config.name_server(server),
            None => Ok(config),
        }
    }
}

fn run<D: Device, P: Platform>(
    device: D,
    board: P,
    config: &Config,
    site: &Site<'_>,
    program: impl Program,
) -> Result<(), Trouble> {
    let mut memory = Box::new(Memory::new());
    let net: Net<'_, D, P, NoopRawMutex, WAITERS> = Net::new(device, board, config, &mut memory)
        .map_err(|error| Trouble::of("the interface", error))?;
    net.wait_up(PATIENCE).map_err(|error| Trouble::of("no address from DHCP", error))?;
    run_on(&net, site, program)
}

/// As much as a PC's programs want: 62 clients of `echo_server`, 100 sockets of `poll_many`.
type Memory<'a> = Storage<'a, 192, 64, 65_536, 16_384, 104, 7360, 128, { 64 + 104 + OWN }>;

/// Entries of the largest poll, twice.
const WAITERS: usize = 256;

/// Several times the memory.
const STACK: usize = 64 << 20;

/// Seconds until DHCP must have answered.
const PATIENCE: u32 = 30;

/// `ip/prefix` on the command line.
fn address(text: &str) -> Result<(IpAddr, u8), Trouble> {
    text.split_once('/')
        .and_then(|(ip, prefix)| Some((ip.parse().ok()?, prefix.parse().ok()?)))
        .ok_or_else(|| Trouble::Usage(format!("{text:?} is not an address like 192.168.69.2/24")))
}
