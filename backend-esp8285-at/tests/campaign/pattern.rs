//! What the ends of a link send each other: bytes that tell whose they are.

/// How a run's payload looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// All byte values, with words of the modem's own between: each link has another
    /// stream, and what arrives is compared byte by byte.
    Full,
    /// As `Full` without line ends, which could stand just there where a reply of a wrong
    /// length has its end by the count.
    NoLineEnd,
    /// Every byte names its link, and none is one of the modem's own words: for faults that
    /// nobody can detect, after which bytes may be wrong but must be of this link.
    Tagged,
}

/// Most links of a run: a tag has three bits.
pub(crate) const TAGS: usize = 8;

/// Words that must never be taken for the modem's.
const WORDS: [&[u8; 16]; 6] = [
    b"\r\nOK\r\n+IPD,0,55:",
    b"0,CLOSED\r\n> ERRO",
    b"\r\nSEND OK\r\n\r\nrea",
    b"dy\r\n\r\nERROR\r\n+IP",
    b"\r\nready\r\n3,CONNE",
    b"CT\r\n\r\n+++\r\nbusy ",
];

impl Payload {
    /// The byte at `offset` of what a link's end sends; `up` is towards the peer.
    pub(crate) fn byte(self, tag: usize, up: bool, offset: usize) -> u8 {
        let seed = (tag as u64) << 1 | u64::from(up);
        match self {
            Payload::Tagged => {
                let low = mix(seed << 40 | offset as u64) & 15;
                0x80 | (tag as u8) << 4 | low as u8
            }
            Payload::NoLineEnd => match Payload::Full.byte(tag, up, offset) {
                b'\r' => 0,
                byte => byte,
            },
            Payload::Full => {
                let block = mix(seed << 40 | (offset / 16) as u64);
                match (block & 0xFF) as usize {
                    word if word < WORDS.len() * 8 => WORDS[word / 8][offset % 16],
                    _ => (mix(block ^ (offset as u64) << 17) >> 13) as u8,
                }
            }
        }
    }

    /// A piece of a stream.
    pub(crate) fn piece(self, tag: usize, up: bool, from: usize, len: usize) -> Vec<u8> {
        (from..from + len).map(|offset| self.byte(tag, up, offset)).collect()
    }

    /// Checks a piece of what came on a link.
    pub(crate) fn check(
        self,
        tag: usize,
        up: bool,
        from: usize,
        piece: &[u8],
    ) -> Result<(), String> {
        let way = if up { "at the peer" } else { "at the application" };
        for (index, byte) in piece.iter().enumerate() {
            let good = match self {
                Payload::Full | Payload::NoLineEnd => *byte == self.byte(tag, up, from + index),
                Payload::Tagged if up => !self.is_foreign(tag, &piece[index..]),
                Payload::Tagged => *byte < 0x80 || usize::from(*byte >> 4 & 7) == tag,
            };
            if !good {
                let offset = from + index;
                return Err(format!("link {tag}: wrong byte {byte:#04x} at {offset} {way}"));
            }
        }
        Ok(())
    }

    /// Whether what the peer has begins with a part of what another link has sent. Single
    /// bytes may be any: those that were sent at another rate than the modem's.
    fn is_foreign(self, tag: usize, rest: &[u8]) -> bool {
        let Some(run) = rest.get(..RUN) else { return false };
        let other = usize::from(run[0] >> 4 & 7);
        let same = run.iter().all(|byte| *byte >= 0x80 && usize::from(*byte >> 4 & 7) == other);
        same && other != tag
            && (0..LONGEST).any(|at| (0..RUN).all(|n| run[n] == self.byte(other, true, at + n)))
    }
}

/// So many bytes in a row are no accident.
const RUN: usize = 6;
/// Longest stream.
const LONGEST: usize = 6000;

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
