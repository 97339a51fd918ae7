//! Frames of failed runs, kept for tcpdump and Wireshark.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use usocket_backend_smoltcp::smoltcp::phy::{Device, PcapMode, PcapSink, PcapWriter};

/// The folder that they are kept in; without it none are.
const FOLDER: &str = "USOCKET_PCAP";

/// A device whose frames are kept.
pub(crate) type Kept<D> = PcapWriter<D, Keep>;

/// Has the frames of a device kept, if the run fails.
pub(crate) fn kept<D: Device>(device: D) -> Kept<D> {
    PcapWriter::new(device, Keep::new(), PcapMode::Both)
}

/// A file that goes when it is dropped, but not by a panic. Its name is that of the test
/// and, as one can have several worlds, a number.
pub(crate) struct Keep {
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Keep {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);

        let file = std::env::var_os(FOLDER).map(|folder| {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("test").replace("::", "-");
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = PathBuf::from(folder).join(format!("{test}-{number}.pcap"));
            let file = File::create(&path);
            (path, BufWriter::new(file.expect("USOCKET_PCAP is a folder to write to")))
        });
        Self { file }
    }
}

impl PcapSink for Keep {
    fn write(&mut self, data: &[u8]) {
        if let Some((_, file)) = &mut self.file {
            Write::write_all(file, data).expect("room for the frames");
        }
    }

    /// After each frame, so that also a run that is killed leaves them.
    fn flush(&mut self) {
        if let Some((_, file)) = &mut self.file {
            Write::flush(file).expect("room for the frames");
        }
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.file
            && !std::thread::panicking()
        {
            // At worst a file too many.
            let _ = std::fs::remove_file(path);
        }
    }
}
