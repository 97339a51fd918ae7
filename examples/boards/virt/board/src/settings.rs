//! Texts that QEMU loads into memory: `-device loader,file=FILE,addr=0x87800000,force-raw=on`,
//! where the file has lines `name=text`.

use core::slice;

/// Behind the program's memory: memory.x ends before it.
const PLACE: usize = 0x8780_0000;

/// What the file may be long.
const ROOM: usize = 4096;

/// The text of a setting, if it was given.
#[must_use]
pub fn setting(name: &str) -> Option<&'static str> {
    // SAFETY: memory that the machine has and nobody writes to; QEMU filled it before the
    // start, and what it did not fill is 0.
    let file = unsafe { slice::from_raw_parts(PLACE as *const u8, ROOM) };
    let text = file.split(|&byte| byte == 0).next().and_then(|text| str::from_utf8(text).ok())?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}
