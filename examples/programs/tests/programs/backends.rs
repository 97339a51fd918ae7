//! The backends, each with a way to this machine's loopback.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use usocket::prelude::*;
use usocket::smoltcp::{Config, Net, Storage};
use usocket_examples::{Network, Program, Trouble};
use usocket_gateway::{Gateway, HOST};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The operating system's sockets.
    Std,
    /// smoltcp, behind the gateway.
    Smoltcp,
    /// A simulated modem with AT firmware 1.7.6.
    Modem17,
    /// The same with 2.2.
    Modem22,
    /// The same with 2.2, where data are pushed.
    Modem22Active,
}

pub(crate) const KINDS: &[(Kind, &str)] = &[
    (Kind::Std, "std"),
    (Kind::Smoltcp, "smoltcp"),
    (Kind::Modem17, "modem, 1.7.6"),
    (Kind::Modem22, "modem, 2.2"),
    (Kind::Modem22Active, "modem, 2.2, active"),
];

/// What a test does with a backend.
pub(crate) trait Task {
    /// Does it. What fails says so with the errno in it.
    fn run<B: Backend>(self, net: &B, place: &Place<'_>) -> Result<(), String>;
}

/// Where this machine is, as seen from a backend.
pub(crate) struct Place<'g> {
    gateway: Option<&'g Gateway>,
}

impl Place<'_> {
    /// This machine's loopback address, as the backend reaches it.
    pub(crate) fn host(&self) -> Ipv4Addr {
        if self.gateway.is_some() { HOST } else { Ipv4Addr::LOCALHOST }
    }

    /// A server of this machine at a port.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddrV4::new(self.host(), port).into()
    }

    /// Where a server on the backend binds that shall be reached at `port` of this machine,
    /// and does what it takes.
    pub(crate) fn serve(&self, port: u16) -> SocketAddr {
        let here = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        match self.gateway {
            Some(gateway) => {
                gateway.forward_tcp(here, None).unwrap();
                SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into()
            }
            None => here.into(),
        }
    }

    /// The address of the interface on which groups are joined, and brings one there.
    pub(crate) fn group(&self, group: SocketAddrV4) -> Ipv4Addr {
        match self.gateway {
            Some(gateway) => {
                gateway.forward_group(group, Ipv4Addr::LOCALHOST).unwrap();
                Ipv4Addr::UNSPECIFIED
            }
            None => Ipv4Addr::LOCALHOST,
        }
    }
}

/// Runs a task on a backend of this kind.
pub(crate) fn on(kind: Kind, task: impl Task) -> Result<(), String> {
    match kind {
        Kind::Smoltcp => on_smoltcp(task),
        Kind::Std => on_network(Network::std(), task),
        Kind::Modem17 => on_network(modem("1.7.6", &["--fast-baud", "2000000"]), task),
        Kind::Modem22 => on_network(modem("2.2", &["--fast-baud", "2000000"]), task),
        // Slower, as pushed data do not wait for a machine that is busy elsewhere.
        Kind::Modem22Active => {
            on_network(modem("2.2", &["--fast-baud", "230400", "--active"]), task)
        }
    }
}

fn on_smoltcp(task: impl Task) -> Result<(), String> {
    let gateway = Gateway::new().unwrap();
    let (port, board) = gateway.plug().unwrap();
    let mut memory: Box<Storage<'_>> = Box::new(Storage::new());
    let config = Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp();
    let net: Net<'_, _, _> = Net::new(port, board, &config, &mut memory).unwrap();
    net.wait_up(10).unwrap();
    let outcome = task.run(&net, &Place { gateway: Some(&gateway) });
    net.drain(10).unwrap();
    outcome
}

/// A simulated modem.
fn modem(firmware: &str, options: &[&str]) -> Network {
    let firmware = ["--firmware", firmware];
    let mut parser = lexopt::Parser::from_args(firmware.iter().chain(options));
    let mut network = Network::modem();
    while let Some(argument) = parser.next().unwrap() {
        let lexopt::Arg::Long(name) = argument else { panic!("{argument:?}") };
        let name = name.to_owned();
        network.set(&name, &mut parser).unwrap();
    }
    network
}

fn on_network(network: Network, task: impl Task) -> Result<(), String> {
    struct Run<'o, T>(T, &'o mut Option<Result<(), String>>);

    impl<T: Task> Program for Run<'_, T> {
        fn run<B: Backend>(self, net: &B) -> Result<(), Trouble> {
            *self.1 = Some(self.0.run(net, &Place { gateway: None }));
            Ok(())
        }
    }

    let mut outcome = None;
    network.run(Run(task, &mut outcome)).unwrap();
    outcome.unwrap()
}
