//! Check sums of commands and of blocks, as the SD specification has them.

/// x^7 + x^3 + 1, of a command.
pub(super) fn crc7(bytes: &[u8]) -> u8 {
    let mut sum = 0_u8;
    for byte in bytes {
        for bit in (0..8).rev() {
            let carry = (sum >> 6 ^ byte >> bit) & 1;
            sum = ((sum << 1) & 0x7f) ^ (carry * 0x09);
        }
    }
    sum
}

/// x^16 + x^12 + x^5 + 1, of a block.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for byte in bytes {
        sum ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = sum >> 15;
            sum = (sum << 1) ^ (carry * 0x1021);
        }
    }
    sum
}
