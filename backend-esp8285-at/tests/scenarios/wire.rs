//! The wire of a scenario: it is listened to, and things happen at places in it.

use std::cell::RefCell;
use std::rc::Rc;

use esp8285_world::{Port, PortConfig, Stack, World};
use usocket_backend_esp8285_at::{Lost, Uart};

/// The board of a scenario.
pub(crate) type Board<'n> = esp8285_world::Board<Stack<'n>>;

/// What happens when a text goes over the wire.
type Action<'n> = Box<dyn FnOnce(&World<Stack<'n>>) + 'n>;

/// Which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the driver.
    Sent,
    /// To it.
    Heard,
}

struct Trigger<'n> {
    way: Way,
    text: Vec<u8>,
    action: Action<'n>,
}

/// What is on the wire, seen from the driver.
#[derive(Default)]
pub(crate) struct Tap<'n> {
    triggers: Vec<Trigger<'n>>,
    sent: Vec<u8>,
    heard: Vec<u8>,
    /// Bytes to the driver that are lost without a sign: which ones from now on.
    lose: Vec<usize>,
    /// So many of the first ones after the next switch of the rate.
    lose_after_switch: usize,
}

impl<'n> Tap<'n> {
    /// Does something once, when the last byte of a text goes over the wire.
    pub(crate) fn when(
        &mut self,
        way: Way,
        text: &[u8],
        action: impl FnOnce(&World<Stack<'n>>) + 'n,
    ) {
        self.triggers.push(Trigger { way, text: text.to_vec(), action: Box::new(action) });
    }

    /// Loses bytes to the driver: which ones, counted from the next one.
    pub(crate) fn lose(&mut self, bytes: &[usize]) {
        self.lose.extend(bytes);
    }

    /// Loses so many bytes to the driver after the next switch of the rate.
    pub(crate) fn lose_after_switch(&mut self, bytes: usize) {
        self.lose_after_switch = bytes;
    }

    /// Everything that the driver sent so far.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// One byte goes over the wire; what is to happen now.
    fn byte(&mut self, way: Way, byte: u8) -> Vec<Action<'n>> {
        let log = if way == Way::Sent { &mut self.sent } else { &mut self.heard };
        log.push(byte);
        let mut due = Vec::new();
        let mut index = 0;
        while index < self.triggers.len() {
            let trigger = &self.triggers[index];
            if trigger.way == way && log.ends_with(&trigger.text) {
                due.push(self.triggers.remove(index).action);
            } else {
                index += 1;
            }
        }
        due
    }

    /// Whether a byte to the driver is lost.
    fn is_lost(&mut self) -> bool {
        let lost = self.lose.contains(&0);
        self.lose.retain(|byte| *byte > 0);
        self.lose.iter_mut().for_each(|byte| *byte -= 1);
        lost
    }
}

/// The driver's end of the wire.
pub(crate) struct Wire<'n> {
    port: Port<Stack<'n>>,
    world: World<Stack<'n>>,
    tap: Rc<RefCell<Tap<'n>>>,
}

impl<'n> Wire<'n> {
    pub(crate) fn new(
        world: &World<Stack<'n>>,
        config: PortConfig,
        tap: &Rc<RefCell<Tap<'n>>>,
    ) -> Self {
        Self { port: world.port_with(config), world: world.clone(), tap: Rc::clone(tap) }
    }

    fn pass(&self, way: Way, byte: u8) {
        let due = self.tap.borrow_mut().byte(way, byte);
        for action in due {
            action(&self.world);
        }
    }
}

impl Uart for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let len = self.port.read(buf).map_err(|_| Lost)?;
        let mut kept = 0;
        for index in 0..len {
            let byte = buf[index];
            if self.tap.borrow_mut().is_lost() {
                continue;
            }
            buf[kept] = byte;
            kept += 1;
            self.pass(Way::Heard, byte);
        }
        // Nothing but lost bytes: what comes behind them is there already, perhaps.
        if kept == 0 && len > 0 { self.read(buf) } else { Ok(kept) }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let len = self.port.write(bytes);
        for byte in &bytes[..len] {
            self.pass(Way::Sent, *byte);
        }
        len
    }

    fn readable(&self) -> bool {
        self.port.readable()
    }

    fn writable(&self) -> bool {
        self.port.writable()
    }

    fn is_idle(&self) -> bool {
        self.port.is_idle()
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        let mut tap = self.tap.borrow_mut();
        let lost: Vec<usize> = (0..std::mem::take(&mut tap.lose_after_switch)).collect();
        tap.lose(&lost);
        drop(tap);
        self.port.set_baud(baud)
    }

    fn capacity(&self) -> usize {
        self.port.capacity()
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        self.port.set_enabled(on)
    }
}
