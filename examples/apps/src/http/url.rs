//! `http://<host>[:port]/path`, taken apart.

use core::fmt;

/// The parts of a URL, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'u> {
    /// Name or address, an IPv6 address without its brackets.
    pub host: &'u str,
    /// 80 unless stated.
    pub port: u16,
    /// What the `Host` field says: host and port as they were written.
    pub authority: &'u str,
    /// Path and query, with the leading slash; `/` if there was none.
    pub path: &'u str,
}

/// Why a text is not a URL that can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// The scheme is not `http`.
    Scheme,
    /// There is no host, or it holds a user name.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// White space, control or non-ASCII characters: these would end up in the request.
    Character,
}

impl<'u> Url<'u> {
    /// Takes a URL apart. A fragment (`#...`) is left out.
    ///
    /// ```
    /// let url = usocket_example_apps::http::Url::parse("http://example.org/a.bmp")?;
    /// assert_eq!((url.host, url.port, url.path), ("example.org", 80, "/a.bmp"));
    /// # Ok::<(), usocket_example_apps::http::UrlError>(())
    /// ```
    pub fn parse(text: &'u str) -> Result<Self, UrlError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Character);
        }
        let rest = match text.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http://") => rest,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => literal.split_once(']').ok_or(UrlError::Host)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        if host.is_empty() || host.contains(['@', '?', '[']) {
            return Err(UrlError::Host);
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => 80,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?
            }
            _ => return Err(UrlError::Port),
        };
        Ok(Self { host, port, authority, path })
    }

    /// The last part of the path, if it can be a file name.
    #[must_use]
    pub fn file_name(&self) -> Option<&'u str> {
        let path = self.path.split_once('?').map_or(self.path, |(path, _)| path);
        let name = path.rsplit('/').next()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!name.is_empty() && name.bytes().all(plain) && !name.starts_with('.')).then_some(name)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "only http:// can be fetched",
            Self::Host => "no host in the URL",
            Self::Port => "the port is not a number from 1 to 65535",
            Self::Character => "white space or non-ASCII characters in the URL",
        })
    }
}

impl core::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::format;

    use super::*;

    #[test]
    fn parts() {
        for (text, host, port, authority, path) in [
            ("http://a.test/c", "a.test", 80, "a.test", "/c"),
            ("HTTP://a.test", "a.test", 80, "a.test", "/"),
            ("http://1.2.3.4:8080/x?y=1#z", "1.2.3.4", 8080, "1.2.3.4:8080", "/x?y=1"),
            ("http://[::1]:81/", "::1", 81, "[::1]:81", "/"),
            ("http://[::1]/p", "::1", 80, "[::1]", "/p"),
        ] {
            assert_eq!(Url::parse(text), Ok(Url { host, port, authority, path }), "{text}");
        }
    }

    #[test]
    fn refusals() {
        for text in ["", "https://a.test/", "a.test/c", "ftp:"] {
            assert_eq!(Url::parse(text), Err(UrlError::Scheme), "{text}");
        }
        for (rest, error) in [
            ("/x", UrlError::Host),
            (":80/x", UrlError::Host),
            ("me@a/x", UrlError::Host),
            ("[::1/x", UrlError::Host),
            ("a:/x", UrlError::Port),
            ("a:0/x", UrlError::Port),
            ("a:65536/x", UrlError::Port),
            ("a:+80/x", UrlError::Port),
            ("[::1]80/x", UrlError::Port),
            ("a/b c", UrlError::Character),
            ("a/b\r\nX: y", UrlError::Character),
            ("a/\u{e4}", UrlError::Character),
        ] {
            let text = format!("http://{rest}");
            assert_eq!(Url::parse(&text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn file_names_stay_in_their_folder() {
        let name = |path: &str| {
            let text = format!("http://{path}");
            Url::parse(&text).unwrap().file_name().map(str::to_owned)
        };
        assert_eq!(name("a/b/Alice.bmp?x=/y").as_deref(), Some("Alice.bmp"));
        for path in ["a", "a/b/", "a/..", "a/%2e%2e", "a/.x"] {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
