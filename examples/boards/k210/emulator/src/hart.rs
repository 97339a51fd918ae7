//! The hart: `rv64emu`'s, with each instruction fetched and decoded once.
//!
//! Images do not change themselves, and most of the time of a run would go into looking up
//! what was looked up before.

use std::cell::RefCell;
use std::rc::Rc;

use rv64emu::config::Config;
use rv64emu::rv64core::bus::Bus;
use rv64emu::rv64core::cpu_core::{CpuCore, CpuCoreBuild, CpuState};
use rv64emu::rv64core::inst::inst_base::is_compressed_instruction;
use rv64emu::rv64core::traptype::TrapType;

use crate::image::{Image, RAM};

/// Instructions that the machine has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Other,
    Wfi,
    Mret,
}

const WFI: u32 = 0x1050_0073;
const MRET: u32 = 0x3020_0073;

#[derive(Clone, Copy)]
struct Decoded {
    word: u32,
    len: u64,
    operation: fn(&mut CpuCore, u32, u64) -> Result<(), TrapType>,
    kind: Kind,
}

pub(crate) struct Hart {
    pub(crate) cpu: CpuCore,
    /// By address, from the beginning of the RAM, in steps of two.
    decoded: Vec<Option<Decoded>>,
}

impl Hart {
    pub(crate) fn new(bus: &Rc<RefCell<Bus>>, image: &Image) -> Self {
        let mut config = Config::new();
        config.set_isa("rv64imac");
        let mut build = CpuCoreBuild::new(bus.clone(), Rc::new(config));
        let mut cpu = build.with_boot_pc(RAM).with_hart_id(0).with_smode(false).build();
        cpu.cpu_state = CpuState::Running;
        let code = usize::try_from(image.section(".text") / 2).unwrap_or(0);
        Self { cpu, decoded: vec![None; code] }
    }

    /// Executes one instruction and enters the trap that is due after it.
    pub(crate) fn step(&mut self) -> Kind {
        let pc = self.cpu.npc;
        let at = usize::try_from(pc.wrapping_sub(RAM) / 2).unwrap_or(usize::MAX);
        let known = self.decoded.get(at).copied().flatten();
        let Some(Decoded { word, len, operation, kind }) = known.or_else(|| self.decode(at)) else {
            // Outside of the code, or none that there is: let it trap.
            self.cpu.execute(1);
            return Kind::Other;
        };
        let cpu = &mut self.cpu;
        cpu.pc = pc;
        cpu.npc = pc.wrapping_add(len);
        match operation(cpu, word, pc) {
            Ok(()) => cpu.handle_interrupt(),
            Err(trap) => cpu.handle_exceptions(trap),
        }
        kind
    }

    fn decode(&mut self, at: usize) -> Option<Decoded> {
        let place = self.decoded.get_mut(at)?;
        // Fetching sets the place of the instruction, as executing it does.
        let word = u32::try_from(self.cpu.inst_fetch().ok()? & 0xffff_ffff).ok()?;
        let len = if is_compressed_instruction(word) { 2 } else { 4 };
        let operation = self.cpu.decode.fast_path(word)?.operation;
        let kind = match word {
            WFI => Kind::Wfi,
            MRET => Kind::Mret,
            _ => Kind::Other,
        };
        *place = Some(Decoded { word, len, operation, kind });
        *place
    }

    /// Whether an interrupt that is enabled is up.
    pub(crate) fn is_called(&self) -> bool {
        self.enabled() & u64::from(self.cpu.csr_regs.xip.get()) != 0
    }

    /// Interrupts that are enabled.
    pub(crate) fn enabled(&self) -> u64 {
        u64::from(self.cpu.csr_regs.xie.get())
    }

    /// Whether the next instruction is the first of a trap's.
    pub(crate) fn is_at_trap(&self) -> bool {
        self.cpu.npc == u64::from(self.cpu.csr_regs.mtvec.get()) & !3
    }
}
