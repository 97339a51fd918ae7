//! What differs between systems: the mode of descriptors, waiting for many of
//! them, and what only Linux can tell. Everything else is rustix and portable.
//!
//! On Linux descriptors stay in blocking mode and non-blocking operations say
//! so themselves. Elsewhere they are non-blocking and calls wait in the core,
//! woken by the reactor: `shutdown` does not wake waiting calls there.

mod errno;
mod notify;
mod poll;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    DONT_WAIT, DONT_WAIT_SEND, NO_SIGNAL, Poller, accept, device, has_interface, open,
    prepare_info, recv_info, send_from, set_blocking_connect, set_device,
};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{
    DONT_WAIT, DONT_WAIT_SEND, Poller, accept, device, has_interface, open, prepare_info,
    recv_info, send_from, set_blocking_connect, set_device,
};

pub(crate) use errno::error;
pub(crate) use notify::Notifier;
pub(crate) use poll::poll;
#[cfg(target_os = "linux")]
pub(crate) use poll::poll_pair;

#[cfg(unix)]
pub(crate) use std::os::fd::{AsFd as AsDescriptor, OwnedFd as Descriptor};
/// How a descriptor is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// As long as it is ready.
    #[cfg(target_os = "linux")]
    Level,
    /// Once, until it is changed.
    Once,
}

/// How a wait for many descriptors ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Events,
    Woken,
    Timeout,
    Signal,
}

#[cfg(windows)]
pub(crate) use std::os::windows::io::{AsSocket as AsDescriptor, OwnedSocket as Descriptor};
