//! The bytes that peers send, and the digest by which both ends compare them.

/// The byte at `offset` of the endless pattern that [`Step::Send`](crate::Step::Send)
/// sends and checks. Its period, 65,537 times 251, is longer than any test.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the low byte is meant")]
pub const fn pattern(offset: u64) -> u8 {
    let mixed = (offset % 65_537) * 40_503 + (offset % 251) * 151;
    ((mixed >> 8) ^ mixed) as u8
}

/// FNV-1a over a stream, 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u32);

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    /// Its bits, for a peer at the other end of a line.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The digest of these [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    /// The digest of the first `len` bytes of the [`pattern`].
    #[must_use]
    pub fn of_pattern(len: u64) -> Self {
        let mut digest = Self::new();
        for offset in 0..len {
            digest.add(&[pattern(offset)]);
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_repeated_or_swapped_byte_changes_the_digest() {
        let bytes: [u8; 1024] = core::array::from_fn(|i| pattern(i as u64));
        let mut whole = Digest::new();
        whole.add(&bytes);
        assert_eq!(whole, Digest::of_pattern(1024));
        for at in 0..1023 {
            let mut lost = Digest::new();
            lost.add(&bytes[..at]);
            lost.add(&bytes[at + 1..]);
            assert_ne!(lost, whole);
        }
    }
}
