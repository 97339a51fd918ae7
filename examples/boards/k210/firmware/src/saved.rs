//! A picture that is saved to the card while it is shown.

use maix_board::{Card, CardError, RawFile};
use usocket_example_apps::Sink;

/// Hands everything on, and writes it to a file.
///
/// A card that fails does not end the transfer: it goes on without.
#[expect(missing_debug_implementations, reason = "the card has nothing to show")]
pub struct Saved<'s, S> {
    sink: &'s mut S,
    card: &'s Card,
    file: Result<RawFile, CardError>,
}

/// The file on the card.
pub const PICTURE: &str = "PICTURE.BMP";

impl<'s, S> Saved<'s, S> {
    /// Begins the file anew.
    pub fn new(sink: &'s mut S, card: &'s Card) -> Self {
        Self { sink, card, file: card.create(PICTURE) }
    }

    /// Finishes the file; one that is not `good` is emptied. It is not deleted, as the library
    /// would leave its room taken.
    ///
    /// # Errors
    /// The first that the card had. Then the file is empty too, if the card still lets it be.
    pub fn finish(self, good: bool) -> Result<(), CardError> {
        let closed = self.file.and_then(|file| self.card.close(file));
        if closed.is_err() || !good {
            let emptied = self.card.create(PICTURE).and_then(|file| self.card.close(file));
            return closed.and(emptied);
        }
        closed
    }
}

impl<S: Sink> Sink for Saved<'_, S> {
    type Error = S::Error;

    fn append(&mut self, piece: &[u8]) -> Result<(), S::Error> {
        if let Ok(file) = &self.file {
            let file = *file;
            if let Err(error) = self.card.append(file, piece) {
                // What is there is closed now, as only a closed file can be emptied.
                let _ = self.card.close(file);
                self.file = Err(error);
            }
        }
        self.sink.append(piece)
    }
}
