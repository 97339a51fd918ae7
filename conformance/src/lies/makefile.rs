//! Lies about section P: `makefile`.

use usocket_core::spi::{Backend, Handle, Shutdown};
use usocket_core::{Error, File, Result, Socket};

use super::lies;
use crate::cases::makefile;
use crate::{Api, Lie};

lies! {
    api FileReadsAhead breaks [182], caught by makefile::files_share_the_sockets_position;
    backend FileWritesTwice breaks [182], caught by makefile::files_write_what_sockets_write;
    api AnyModeAccepted breaks [183], caught by makefile::other_modes_are_refused;
    api TextModesAccepted breaks [183], caught by makefile::other_modes_are_refused;
    api BufferingRefused breaks [184], caught by makefile::buffering_changes_nothing;
    api WriteOnlyFiles breaks [185], caught by makefile::the_direction_is_not_enforced;
    api ReadOnlyFiles breaks [185], caught by makefile::the_direction_is_not_enforced;
    api FileCloseKeepsTheSocket breaks [186], caught by makefile::closing_a_file_closes_the_socket;
    api FileCloseResets breaks [186], caught by makefile::closing_a_file_closes_the_socket;
    api SocketCloseKeepsFiles breaks [186], caught by makefile::closing_the_socket_closes_its_files;
    api ModeCheckedBeforeClosed breaks [187], caught by makefile::no_file_of_a_closed_socket;
    backend FilesOfClosedSockets breaks [187], caught by makefile::no_file_of_a_closed_socket;
}

/// A second file on the socket begins one byte further on.
#[derive(Default)]
struct FileReadsAhead(core::cell::Cell<bool>);

impl<B: Backend> Api<B> for FileReadsAhead {
    fn makefile<'s, 'b>(
        &self,
        socket: &'s Socket<'b, B>,
        mode: &str,
        _: i32,
    ) -> Result<File<'s, 'b, B>> {
        if self.0.replace(true) {
            socket.recv_flags(&mut [0], usocket_core::MSG_DONTWAIT)?;
        }
        socket.makefile(mode)
    }
}

/// Each short piece goes out twice.
#[derive(Default)]
struct FileWritesTwice;

impl<B: Backend> Lie<B> for FileWritesTwice {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        net.try_send(handle, data)?;
        net.try_send(handle, data)
    }
}

/// Files made by a rule of the lie's own.
macro_rules! files {
    ($lie:ident, |$socket:ident, $mode:ident, $buffering:ident| $body:expr) => {
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn makefile<'s, 'b>(
                &self,
                $socket: &'s Socket<'b, B>,
                $mode: &str,
                $buffering: i32,
            ) -> Result<File<'s, 'b, B>> {
                $body
            }
        }
    };
}

files!(AnyModeAccepted, |socket, _mode, buffering| socket.makefile_buffered("rb", buffering));

files!(TextModesAccepted, |socket, mode, buffering| {
    socket.makefile_buffered(if mode == "r" { "rb" } else { mode }, buffering)
});

files!(BufferingRefused, |socket, mode, buffering| {
    if buffering == 0 { socket.makefile(mode) } else { Err(Error::EINVAL) }
});

files!(WriteOnlyFiles, |socket, mode, _buffering| {
    let file = socket.makefile(mode)?;
    if mode == "wb" {
        socket.shutdown(Shutdown::Read)?;
    }
    Ok(file)
});

files!(ReadOnlyFiles, |socket, mode, _buffering| {
    let file = socket.makefile(mode)?;
    if mode == "rb" {
        socket.shutdown(Shutdown::Write)?;
    }
    Ok(file)
});

files!(ModeCheckedBeforeClosed, |socket, mode, buffering| match mode {
    "rb" | "wb" | "rwb" => socket.makefile_buffered(mode, buffering),
    _ => Err(Error::EINVAL),
});

#[derive(Default)]
struct FileCloseKeepsTheSocket;

impl<B: Backend> Api<B> for FileCloseKeepsTheSocket {
    fn close_file(&self, _: &File<'_, '_, B>) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct FileCloseResets;

impl<B: Backend> Api<B> for FileCloseResets {
    fn close_file(&self, file: &File<'_, '_, B>) -> Result<()> {
        file.socket().abort()
    }
}

#[derive(Default)]
struct SocketCloseKeepsFiles;

impl<B: Backend> Api<B> for SocketCloseKeepsFiles {
    fn close(&self, socket: &Socket<'_, B>) -> Result<()> {
        socket.shutdown(Shutdown::Both)
    }
}

#[derive(Default)]
struct FilesOfClosedSockets;

impl<B: Backend> Lie<B> for FilesOfClosedSockets {
    fn alive(&self, _: &B, _: Handle) -> Result<()> {
        Ok(())
    }
}
