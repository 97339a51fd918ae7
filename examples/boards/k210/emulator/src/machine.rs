//! The machine: a hart, its memory, and time.
//!
//! Time follows from what is executed, by [`Cost`]; so a run is the same each time, and on any
//! host. While the hart sleeps time jumps to the next event.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use rv64emu::device::device_memory::DeviceMemory;
use rv64emu::device::device_trait::DeviceBase;
use rv64emu::rv64core::bus::{Bus, DeviceType};
use rv64emu::tools::rc_refcell_new;

use crate::card::Card;
use crate::chip::{Answer, Chip};
use crate::hart::{Hart, Kind};
use crate::image::{Image, RAM, RAM_LEN};
use crate::line::Partner;
use crate::panel::Screen;
use crate::time::{Time, length};
use crate::uart::UartStats;

/// What things cost, in cycles of the CPU. The chip's documents do not say, so these numbers
/// are merely chosen, on the slow side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// An instruction.
    pub instruction: u64,
    /// An access to a peripheral, beside the instruction.
    pub access: u64,
    /// Entering a trap.
    pub trap: u64,
}

impl Default for Cost {
    fn default() -> Self {
        Self { instruction: 2, access: 20, trap: 20 }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The program sleeps with all interrupts off.
    Halted,
    /// What was waited for has come.
    Seen,
    /// The time is over.
    TimeUp,
    /// The time is over, and the program sleeps for ever unless something happens from outside.
    Stuck,
}

/// What the hart has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HartStats {
    /// Instructions in all.
    pub instructions: u64,
    /// Those between the entry of a trap and its return.
    pub handler: u64,
    /// Traps.
    pub traps: u64,
    /// Accesses to peripherals.
    pub accesses: u64,
    /// The longest time from the entry of a trap to its return, in 39ths of a nanosecond.
    pub longest_trap: u64,
}

/// A K210 with an image in its memory.
pub struct Machine {
    hart: Hart,
    bus: Rc<RefCell<Bus>>,
    chip: Rc<RefCell<Chip>>,
    image: Image,
    cost: Cost,
    now: Time,
    next: Option<Time>,
    cycle: u64,
    trapped: Option<Time>,
    stats: HartStats,
    /// Keeps time in step with the wall clock.
    pace: Option<std::time::Instant>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Machine {
    /// The machine after a reset, with `partner` where the modem is.
    #[must_use]
    pub fn new(image: Image, cost: Cost, partner: Box<dyn Partner>) -> Self {
        let bus = rc_refcell_new(Bus::new());
        let hart = Hart::new(&bus, &image);
        let chip = Rc::new(RefCell::new(Chip::new(hart.cpu.csr_regs.xip.clone(), partner)));
        attach(&mut bus.borrow_mut(), &image, &chip);
        let cycle = chip.borrow().cycle();
        Self {
            hart,
            bus,
            chip,
            image,
            cost,
            now: Time::default(),
            next: None,
            cycle,
            trapped: None,
            stats: HartStats::default(),
            pace: None,
        }
    }

    /// Lets interrupts of the UARTs come so late.
    pub fn set_latency(&mut self, latency: Duration) {
        self.chip.borrow_mut().latency = length(latency);
    }

    /// Puts a card into the socket, with these contents: a multiple of 512 KiB.
    ///
    /// # Panics
    /// If it is none.
    pub fn insert_card(&mut self, contents: Vec<u8>) {
        self.chip.borrow_mut().spi.card = Some(Card::new(contents));
    }

    /// Takes the card out: its contents, and how often it was asked what it may not be asked.
    pub fn remove_card(&mut self) -> Option<(Vec<u8>, u64)> {
        let card = self.chip.borrow_mut().spi.card.take()?;
        Some((card.image, card.faults))
    }

    /// The buses of the card and the panel do not move.
    pub fn stop_buses(&mut self) {
        let mut chip = self.chip.borrow_mut();
        (chip.spi.stuck, chip.panel.stuck) = (true, true);
    }

    /// Who answers the firmware at the port for tests.
    pub fn set_answer(&mut self, answer: Answer) {
        self.chip.borrow_mut().port.answer = Some(answer);
    }

    /// Keeps time from running ahead of the wall clock, for a modem on a real network.
    pub fn keep_pace(&mut self) {
        self.pace = Some(std::time::Instant::now());
    }

    /// Runs until the program halts, `seen` says true of what the console said, or until the
    /// machine's clock is at `limit`. It can go on after that.
    pub fn run(&mut self, limit: Duration, mut seen: impl FnMut(&[u8]) -> bool) -> Ending {
        let end = Time(length(limit));
        let mut said = 0;
        while self.now < end {
            let kind = self.step();
            if self.chip.borrow().console.said.len() > said {
                let chip = self.chip.borrow();
                said = chip.console.said.len();
                if seen(&chip.console.said) {
                    return Ending::Seen;
                }
            }
            if kind == Kind::Wfi
                && !self.hart.is_called()
                && let Some(ending) = self.sleep(end)
            {
                return ending;
            }
        }
        Ending::TimeUp
    }

    /// One instruction, and what follows from the time that it took.
    fn step(&mut self) -> Kind {
        let kind = self.hart.step();
        self.stats.instructions += 1;
        let mut cycles = self.cost.instruction;
        if self.trapped.is_some() {
            self.stats.handler += 1;
            if kind == Kind::Mret {
                self.leave_trap();
            }
        }
        if self.trapped.is_none() && self.hart.is_at_trap() {
            cycles += self.cost.trap;
            self.stats.traps += 1;
            self.trapped = Some(self.now);
        }
        let mut chip = self.chip.borrow_mut();
        let accesses = std::mem::take(&mut chip.accesses);
        cycles += accesses * self.cost.access;
        self.stats.accesses += accesses;
        self.now = self.now.after(cycles * self.cycle);
        chip.now = self.now;
        drop(chip);
        if accesses > 0 || self.next.is_some_and(|next| next <= self.now) {
            self.advance();
        }
        kind
    }

    fn leave_trap(&mut self) {
        if let Some(began) = self.trapped.take() {
            self.stats.longest_trap = self.stats.longest_trap.max(self.now.0 - began.0);
        }
    }

    fn advance(&mut self) {
        let mut chip = self.chip.borrow_mut();
        self.next = chip.advance(self.now);
        self.cycle = chip.cycle();
    }

    /// Time jumps from event to event until one of them calls.
    fn sleep(&mut self, end: Time) -> Option<Ending> {
        if self.hart.enabled() == 0 {
            return Some(Ending::Halted);
        }
        while !self.hart.is_called() {
            self.advance();
            if self.hart.is_called() {
                break;
            }
            let next = self.next.filter(|next| *next < end);
            let Some(next) = next else {
                let ending = if self.next.is_some() { Ending::TimeUp } else { Ending::Stuck };
                self.now = end;
                self.advance();
                return Some(ending);
            };
            self.now = self.now.max(next);
            self.wait_for_the_wall();
            self.advance();
        }
        None
    }

    fn wait_for_the_wall(&self) {
        if let Some(began) = self.pace {
            let ahead = self.now.since_start().saturating_sub(began.elapsed());
            if ahead > Duration::from_millis(1) {
                std::thread::sleep(ahead);
            }
        }
    }

    /// The time of the machine.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// What the hart has done.
    #[must_use]
    pub fn stats(&self) -> HartStats {
        self.stats
    }

    /// What UART 1, 2 or 3 has seen.
    #[must_use]
    pub fn uart(&self, number: usize) -> UartStats {
        self.chip.borrow().uarts[number - 1].stats
    }

    /// All that the console has said.
    #[must_use]
    pub fn console(&self) -> String {
        String::from_utf8_lossy(&self.chip.borrow().console.said).replace('\r', "")
    }

    /// What the panel shows.
    #[must_use]
    pub fn screen(&self) -> Screen {
        self.chip.borrow().panel.screen.clone()
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// How many bytes of stack were used at most: all of it was painted before the start.
    #[must_use]
    pub fn stack(&self) -> Option<u64> {
        let bottom = self.image.symbol("__stack_bottom")?;
        let top = self.image.symbol("__stack_top")?;
        let mut stack = vec![0; usize::try_from(top - bottom).ok()?];
        self.bus.borrow_mut().copy_to_slice(bottom, &mut stack).ok()?;
        let untouched = stack.iter().take_while(|byte| **byte == PAINT).count();
        Some((stack.len() - untouched) as u64)
    }
}

/// What memory is full of at the start, as after a reset it may be full of anything.
const PAINT: u8 = 0xa5;

/// A range of addresses that the chip answers for.
struct Window {
    chip: Rc<RefCell<Chip>>,
    start: u64,
}

impl DeviceBase for Window {
    fn do_read(&mut self, offset: u64, len: usize) -> u64 {
        self.chip.borrow_mut().read(self.start + offset, len)
    }

    fn do_write(&mut self, offset: u64, data: u64, len: usize) -> u64 {
        self.chip.borrow_mut().write(self.start + offset, data, len);
        data
    }

    fn get_name(&self) -> &'static str {
        "K210"
    }
}

/// Puts memory and peripherals on the bus, the most used ones first.
fn attach(bus: &mut Bus, image: &Image, chip: &Rc<RefCell<Chip>>) {
    let mut ram = DeviceMemory::from_boxed_slice(vec![PAINT; RAM_LEN].into_boxed_slice());
    for (address, bytes) in &image.segments {
        ram.copy_from_slice(address - RAM, bytes);
    }
    let ram: Box<dyn DeviceBase> = Box::new(ram);
    bus.add_device(DeviceType { start: RAM, len: RAM_LEN as u64, instance: ram, name: "RAM" });
    for (start, len) in [
        (0x5020_0000, 0x4_0000),
        (0x3800_0000, 0x2000),
        (0x0200_0000, 0x1_0000),
        (0x0c00_0000, 0x400_0000),
        (0x5200_0000, 0x1000),
        (0x5300_0000, 0x1000),
        (0x502b_0000, 0x1000),
        (0x5044_0000, 0x1000),
        (0x6000_0000, 0x1000),
    ] {
        let instance = Box::new(Window { chip: chip.clone(), start });
        bus.add_device(DeviceType { start, len, instance, name: "K210" });
    }
}
