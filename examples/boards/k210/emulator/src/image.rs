//! A firmware image: what the linker made.

use std::collections::HashMap;

use elf::ElfBytes;
use elf::abi::{PT_LOAD, STT_NOTYPE};
use elf::endian::LittleEndian;

/// Where the RAM begins, and how long it is.
pub const RAM: u64 = 0x8000_0000;
/// Bytes of it.
pub const RAM_LEN: usize = 6 << 20;

/// A parsed ELF file.
#[derive(Debug)]
pub struct Image {
    /// Address and bytes of what is loaded.
    pub(crate) segments: Vec<(u64, Vec<u8>)>,
    symbols: HashMap<String, u64>,
    /// Name and size of sections with contents or room.
    pub(crate) sections: Vec<(String, u64)>,
}

impl Image {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|e| e.to_string())?;
        let mut segments = Vec::new();
        for header in elf.segments().ok_or("no segments")?.iter().filter(|h| h.p_type == PT_LOAD) {
            let bytes = elf.segment_data(&header).map_err(|e| e.to_string())?;
            let end = header.p_paddr.saturating_add(header.p_memsz);
            if header.p_paddr < RAM || end > RAM + RAM_LEN as u64 {
                return Err(format!("a segment at {:#x} is outside of the RAM", header.p_paddr));
            }
            segments.push((header.p_paddr, bytes.to_vec()));
        }
        Ok(Self { symbols: symbols(&elf)?, sections: sections(&elf)?, segments })
    }

    /// Replaces bytes by as many others, for instance an address that was built in; how often
    /// they were found.
    ///
    /// # Panics
    /// If they are not as many.
    pub fn replace(&mut self, old: &[u8], new: &[u8]) -> usize {
        assert_eq!(old.len(), new.len(), "nothing can move");
        let mut found = 0;
        for (_, bytes) in &mut self.segments {
            for at in 0..bytes.len().saturating_sub(old.len() - 1) {
                if bytes[at..].starts_with(old) {
                    bytes[at..at + new.len()].copy_from_slice(new);
                    found += 1;
                }
            }
        }
        found
    }

    /// The value of a symbol.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// The size of a section.
    #[must_use]
    pub fn section(&self, name: &str) -> u64 {
        self.sections.iter().find(|(other, _)| other == name).map_or(0, |(_, size)| *size)
    }
}

fn symbols(elf: &ElfBytes<'_, LittleEndian>) -> Result<HashMap<String, u64>, String> {
    let Some((table, names)) = elf.symbol_table().map_err(|e| e.to_string())? else {
        return Ok(HashMap::new());
    };
    let plain = table.iter().filter(|symbol| symbol.st_symtype() == STT_NOTYPE);
    let named = plain.filter_map(|symbol| {
        let name = names.get(symbol.st_name as usize).ok()?;
        Some((name.to_owned(), symbol.st_value))
    });
    Ok(named.collect())
}

fn sections(elf: &ElfBytes<'_, LittleEndian>) -> Result<Vec<(String, u64)>, String> {
    let (headers, names) = elf.section_headers_with_strtab().map_err(|e| e.to_string())?;
    let (Some(headers), Some(names)) = (headers, names) else { return Ok(Vec::new()) };
    let named = headers.iter().filter_map(|header| {
        Some((names.get(header.sh_name as usize).ok()?.to_owned(), header.sh_size))
    });
    Ok(named.collect())
}
