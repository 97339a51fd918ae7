//! The [`usocket`](usocket_core) API on the sockets of the operating system.
//!
//! [`StdNet`] is a backend like any other: the program that runs on it runs
//! unchanged on a bare-metal stack or a modem. It adds no protocol of its own,
//! no buffer and, in blocking calls, no system call.
//!
//! ```text
//!  user threads                      StdNet
//!   send, recv, accept ---> table of descriptors ---> one blocking system call
//!   Poll --------------------> sets --------------> one epoll_wait
//!   async ------------------> reactor (one thread, started by the first waiter)
//!   getaddrinfo ------------> resolver (up to four threads, started on demand)
//! ```
//!
//! It is not a runtime: nothing runs until asked for, and every thread ends
//! with its `StdNet`. The readme lists what each system supports.
//!
//! ```
//! use usocket_backend_std::StdNet;
//! use usocket_core::prelude::*;
//!
//! let net = StdNet::new();
//! let listener = net.tcp()?;
//! listener.bind(("127.0.0.1", 0))?;
//! listener.listen(None)?;
//! let s = net.tcp()?;
//! s.connect(listener.local_addr()?)?;
//! s.send("hello")?;
//! let (conn, _peer) = listener.accept()?;
//! let mut buf = [0; 8];
//! assert_eq!(conn.recv(&mut buf)?, 5);
//! # Ok::<(), Error>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod backend;
mod close;
mod connect;
mod entry;
#[cfg(unix)]
mod ext;
mod net;
mod options;
mod reactor;
mod recv;
mod resolver;
mod route;
mod send;
#[cfg(target_os = "linux")]
mod sets;
mod source;
mod sys;
mod table;
#[cfg(unix)]
mod watch;

#[cfg(unix)]
pub use ext::SocketExt;
pub use net::StdNet;
#[cfg(unix)]
pub use watch::Watched;
