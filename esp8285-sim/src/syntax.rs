//! The syntax of a command line (sheet sections 2 and 3.2): strict on purpose.

/// What was asked of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `AT+X`
    Execute,
    /// `AT+X?`
    Query,
    /// `AT+X=?`
    Test,
    /// `AT+X=a,b`
    Set(Vec<Arg>),
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arg {
    /// Nothing between two commas.
    Empty,
    /// A decimal number.
    Number(i64),
    /// A quoted string, its escapes undone.
    Text(Vec<u8>),
}

/// A well-formed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// Without `AT` and `+`; empty for plain `AT`, `E0` for `ATE0`.
    pub(crate) name: String,
    pub(crate) operation: Operation,
}

impl Command {
    /// Reads a line that ended in CR LF, which are not part of `line`.
    ///
    /// `None` for everything the modem answers with `ERROR` whatever the firmware:
    /// no `AT` in front, a name of other bytes than capitals, digits and `_`, an
    /// unbalanced quote, an unescaped quote or comma inside one, an unquoted word.
    pub(crate) fn parse(line: &[u8]) -> Option<Command> {
        let rest = line.strip_prefix(b"AT")?;
        if let Some(rest) = rest.strip_prefix(b"+") {
            return extended(rest);
        }
        match rest {
            b"" | b"E0" | b"E1" => {
                let name = String::from_utf8(rest.to_vec()).ok()?;
                Some(Command { name, operation: Operation::Execute })
            }
            _ => None,
        }
    }

    /// The parameters of a set, nothing otherwise.
    pub(crate) fn args(&self) -> &[Arg] {
        match &self.operation {
            Operation::Set(args) => args,
            _ => &[],
        }
    }
}

impl Arg {
    /// The number, if it is one in the range.
    pub(crate) fn number(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        match self {
            Arg::Number(n) if range.contains(n) => Some(*n),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub(crate) fn text(&self) -> Option<&[u8]> {
        match self {
            Arg::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The string, if it is one of UTF-8.
    pub(crate) fn utf8(&self) -> Option<&str> {
        std::str::from_utf8(self.text()?).ok()
    }
}

fn extended(rest: &[u8]) -> Option<Command> {
    let is_name = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    let end = rest.iter().position(|b| !is_name(b)).unwrap_or(rest.len());
    let (name, tail) = rest.split_at(end);
    if name.is_empty() {
        return None;
    }
    let operation = match tail {
        b"" => Operation::Execute,
        b"?" => Operation::Query,
        b"=?" => Operation::Test,
        [b'=', args @ ..] => Operation::Set(parse_args(args)?),
        _ => return None,
    };
    Some(Command { name: String::from_utf8(name.to_vec()).ok()?, operation })
}

fn parse_args(mut rest: &[u8]) -> Option<Vec<Arg>> {
    let mut args = Vec::new();
    loop {
        let (arg, tail) = match rest {
            [b'"', tail @ ..] => quoted(tail)?,
            _ => bare(rest)?,
        };
        args.push(arg);
        match tail {
            [] => return Some(args),
            [b',', next @ ..] => rest = next,
            _ => return None,
        }
    }
}

/// A string after its opening quote; what follows the closing one.
fn quoted(rest: &[u8]) -> Option<(Arg, &[u8])> {
    let mut text = Vec::new();
    let mut bytes = rest.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((Arg::Text(text), &rest[at + 1..])),
            b'\\' => text.push(*bytes.next()?.1),
            b',' => return None,
            byte => text.push(*byte),
        }
    }
    None
}

fn bare(rest: &[u8]) -> Option<(Arg, &[u8])> {
    let end = rest.iter().position(|b| *b == b',').unwrap_or(rest.len());
    let (word, tail) = rest.split_at(end);
    if word.is_empty() {
        return Some((Arg::Empty, tail));
    }
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(word).ok()?.parse().ok()?;
    Some((Arg::Number(number), tail))
}

#[cfg(test)]
mod tests {
    use super::{Arg, Command, Operation};

    fn set(line: &str) -> Option<Vec<Arg>> {
        match Command::parse(line.as_bytes())?.operation {
            Operation::Set(args) => Some(args),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn text(text: &str) -> Arg {
        Arg::Text(text.into())
    }

    #[test]
    fn names_and_operations() {
        let parsed = |line: &str| {
            let command = Command::parse(line.as_bytes())?;
            Some((command.name, command.operation))
        };
        let of = |name: &str, operation| Some((name.to_owned(), operation));
        assert_eq!(parsed("AT"), of("", Operation::Execute));
        assert_eq!(parsed("ATE0"), of("E0", Operation::Execute));
        assert_eq!(parsed("AT+GMR"), of("GMR", Operation::Execute));
        assert_eq!(parsed("AT+CWMODE_CUR?"), of("CWMODE_CUR", Operation::Query));
        assert_eq!(parsed("AT+CIPMUX=?"), of("CIPMUX", Operation::Test));
        for bad in ["", "A", "at", "XAT", "AT ", "ATE2", "AT+", "AT+gmr", "AT+GMR ", "AT+GMR??"] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn parameters() {
        use Arg::{Empty, Number};
        assert_eq!(set("AT+X=1,-1"), Some(vec![Number(1), Number(-1)]));
        assert_eq!(set("AT+X=0,,1,"), Some(vec![Number(0), Empty, Number(1), Empty]));
        assert_eq!(set(r#"AT+X="","a b""#), Some(vec![text(""), text("a b")]));
        for bad in ["AT+X=a", "AT+X=1x", "AT+X=-", "AT+X=+1", "AT+X=99999999999", "AT+X= 1"] {
            assert_eq!(set(bad), None, "{bad:?}");
        }
    }

    /// Sheet section 3.2.
    #[test]
    fn escapes() {
        assert_eq!(set(r#"AT+X="a\"b\,c\\d",1"#), Some(vec![text(r#"a"b,c\d"#), Arg::Number(1)]));
        for bad in [r#"AT+X="a,b""#, r#"AT+X="a"b""#, r#"AT+X="a"#, r#"AT+X="a\"#, r#"AT+X=a""#] {
            assert_eq!(set(bad), None, "{bad:?}");
        }
        let raw = Command::parse(b"AT+X=\"\xff\xc3\xa9\"").unwrap();
        assert_eq!(raw.args(), [Arg::Text(vec![0xff, 0xc3, 0xa9])]);
    }
}
