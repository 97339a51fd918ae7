//! The boards' card socket: SPI1, with `embedded-sdmmc` above it.

mod bus;

use core::fmt;

use embedded_sdmmc::sdcard::spi::AcquireOpts;
use embedded_sdmmc::{
    Mode, RawDirectory, RawFile, RawVolume, SdCard, SdCardError, TimeSource, Timestamp, VolumeIdx,
    VolumeManager,
};
use k210_hal::pac::SPI1;

use self::bus::{Bus, Pause};

/// Why a card cannot be used.
#[derive(Debug)]
pub enum CardError {
    /// Nobody answers in the socket.
    Absent,
    /// What the card or its file system answered.
    Card(embedded_sdmmc::Error<SdCardError>),
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none"),
            Self::Card(error) => error.fmt(f),
        }
    }
}

impl From<embedded_sdmmc::Error<SdCardError>> for CardError {
    fn from(error: embedded_sdmmc::Error<SdCardError>) -> Self {
        Self::Card(error)
    }
}

/// A card with a FAT file system in its first partition. One file at a time, in the root folder.
#[expect(missing_debug_implementations, reason = "the library's types have none")]
pub struct Card {
    volumes: VolumeManager<SdCard<Bus, Pause>, Undated, 1, 1, 1>,
    volume: RawVolume,
    root: RawDirectory,
}

impl Card {
    /// Looks for a card in the socket.
    ///
    /// # Errors
    /// [`CardError::Absent`] after a few milliseconds; a card that has no such file system.
    pub fn find(spi: SPI1) -> Result<Self, CardError> {
        let mut bus = Bus::new(spi);
        // The library would ask for seconds.
        if !bus.is_answered() {
            return Err(CardError::Absent);
        }
        let card = SdCard::new_with_options(bus, Pause, AcquireOpts::default());
        card.get_card_type().ok_or(CardError::Absent)?;
        card.spi(Bus::hurry);
        let volumes = VolumeManager::new_with_limits(card, Undated, 0);
        let volume = volumes.open_raw_volume(VolumeIdx(0))?;
        let root = volumes.open_root_dir(volume)?;
        Ok(Self { volumes, volume, root })
    }

    /// An empty file of this name, which has at most eight letters and three; what was in it is
    /// lost.
    ///
    /// # Errors
    /// Those of the card and its file system.
    pub fn create(&self, name: &str) -> Result<RawFile, CardError> {
        let mode = Mode::ReadWriteCreateOrTruncate;
        Ok(self.volumes.open_file_in_dir(self.root, name, mode)?)
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// Those of the card and its file system.
    pub fn append(&self, file: RawFile, bytes: &[u8]) -> Result<(), CardError> {
        Ok(self.volumes.write(file, bytes)?)
    }

    /// Writes the last of a file, and its length.
    ///
    /// # Errors
    /// Those of the card and its file system.
    pub fn close(&self, file: RawFile) -> Result<(), CardError> {
        Ok(self.volumes.close_file(file)?)
    }
}

impl Drop for Card {
    /// Marks the file system as properly closed.
    fn drop(&mut self) {
        // Nobody could be told.
        let _ = self.volumes.close_dir(self.root);
        let _ = self.volumes.close_volume(self.volume);
    }
}

/// The board does not know the date.
struct Undated;

impl TimeSource for Undated {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp {
            year_since_1970: 10,
            zero_indexed_month: 0,
            zero_indexed_day: 0,
            hours: 0,
            minutes: 0,
            seconds: 0,
        }
    }
}
