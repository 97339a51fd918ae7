//! What goes over the wire, for people.

/// One thing that happened on the wire.
#[cfg_attr(not(feature = "trace"), expect(unreachable_pub, reason = "nobody is told"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace<'a> {
    /// A command line is being sent. It may hold a password.
    Command(&'a [u8]),
    /// A line came from the modem.
    Line(&'a [u8]),
    /// Counted payload of this many bytes begins.
    Payload(usize),
    /// The driver noticed something.
    Note(&'static str),
}

/// Where traces go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tracer {
    #[cfg(feature = "trace")]
    pub(crate) hook: Option<fn(Trace<'_>)>,
}

impl Tracer {
    #[inline]
    pub(crate) fn tell(&self, trace: Trace<'_>) {
        let _ = trace;
        #[cfg(feature = "trace")]
        if let Some(hook) = self.hook {
            hook(trace);
        }
        #[cfg(feature = "log")]
        match trace {
            Trace::Command(line) => log::trace!("-> {}", line.trim_ascii_end().escape_ascii()),
            Trace::Line(line) => log::trace!("<- {}", line.trim_ascii_end().escape_ascii()),
            Trace::Payload(len) => log::trace!("<- {len} bytes"),
            Trace::Note(note) => log::debug!("{note}"),
        }
        #[cfg(feature = "defmt")]
        match trace {
            Trace::Command(line) => defmt::trace!("-> {=[u8]:a}", line),
            Trace::Line(line) => defmt::trace!("<- {=[u8]:a}", line),
            Trace::Payload(len) => defmt::trace!("<- {=usize} bytes", len),
            Trace::Note(note) => defmt::debug!("{=str}", note),
        }
    }
}
