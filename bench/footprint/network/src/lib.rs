//! The board's network controller as a device of smoltcp, for all programs that are measured.
#![no_std]

use footprint_board::{FRAME, Network, Receiver, Sender, frame_came};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// The device.
#[derive(Debug)]
pub struct Port(Network);

impl Port {
    /// The device on this controller.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self(network)
    }
}

impl Device for Port {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Space<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Space<'_>)> {
        let Network { receiver, sender } = &mut self.0;
        (frame_came() && sender.is_ready()).then_some((Received(receiver), Space(sender)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Space<'_>> {
        let sender = &mut self.0.sender;
        sender.is_ready().then_some(Space(sender))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        (capabilities.medium, capabilities.max_transmission_unit) = MEDIUM;
        capabilities
    }
}

/// What the controller carries, and the longest of it.
#[cfg(feature = "ethernet")]
const MEDIUM: (Medium, usize) = (Medium::Ethernet, FRAME);
#[cfg(not(feature = "ethernet"))]
const MEDIUM: (Medium, usize) = (Medium::Ip, FRAME - 14);

/// A frame that has come.
#[derive(Debug)]
pub struct Received<'a>(&'a mut Receiver);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.0.take(f)
    }
}

/// Room for one to send.
#[derive(Debug)]
pub struct Space<'a>(&'a mut Sender);

impl TxToken for Space<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.send(len, f)
    }
}
