//! As much of HTTP/1.1 as a download needs, in buffers of the caller.

mod body;
mod head;
mod url;

pub use body::{Body, BodyError, Framing, Step};
pub use head::{Head, HeadError, read_head, request};
pub use url::{Url, UrlError};
