//! Files as sinks and sources.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use usocket_example_apps::{Sink, Source};

/// A file that is not there until it is complete: it grows under another name, and
/// is removed unless it is kept.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    part: PathBuf,
    path: PathBuf,
}

impl PartFile {
    /// Begins a file, and makes its folder if there is none.
    ///
    /// # Errors
    /// As the system has them.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(&part)?;
        Ok(Self { file, part, path: path.to_owned() })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// As the system has them.
    pub fn keep(mut self) -> io::Result<()> {
        self.file.flush()?;
        fs::rename(&self.part, &self.path)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let _ = fs::remove_file(&self.part);
    }
}

impl Sink for PartFile {
    type Error = io::Error;

    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }
}

impl Source for PartFile {
    type Error = io::Error;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        read_at(&mut self.file, offset, buf)
    }
}

/// A file that is there.
#[derive(Debug)]
pub struct OpenFile(File);

impl OpenFile {
    /// Opens a file; returns its length too.
    ///
    /// # Errors
    /// As the system has them.
    pub fn open(path: &Path) -> io::Result<(Self, u64)> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok((Self(file), len))
    }
}

impl Source for OpenFile {
    type Error = io::Error;

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        read_at(&mut self.0, offset, buf)
    }
}

fn read_at(file: &mut File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    file.read(buf)
}
