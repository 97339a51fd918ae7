//! One row of the table.

use esp8285_sim::Version;

/// After these steps, this input gives exactly these bytes.
pub(crate) struct Row {
    /// Section of the protocol sheet.
    pub(crate) section: &'static str,
    /// The versions that this row is about.
    pub(crate) on: &'static [Version],
    pub(crate) before: &'static [&'static str],
    pub(crate) ask: &'static str,
    pub(crate) says: &'static str,
}

/// A row.
pub(crate) const fn row(
    section: &'static str,
    on: &'static [Version],
    before: &'static [&'static str],
    ask: &'static str,
    says: &'static str,
) -> Row {
    Row { section, on, before, ask, says }
}

pub(crate) const ALL: &[Version] = &Version::ALL;
pub(crate) const V1: &[Version] =
    &[Version::V1_5, Version::V1_7_0, Version::V1_7_2, Version::V1_7_6];
pub(crate) const V2: &[Version] = &[Version::V2_1, Version::V2_2];
pub(crate) const V1_5: &[Version] = &[Version::V1_5];
pub(crate) const V1_7: &[Version] = &[Version::V1_7_0, Version::V1_7_2, Version::V1_7_6];
pub(crate) const V1_7_0: &[Version] = &[Version::V1_7_0];
pub(crate) const V1_7_2_ON: &[Version] = &[Version::V1_7_2, Version::V1_7_6];
pub(crate) const V1_7_6: &[Version] = &[Version::V1_7_6];
pub(crate) const FROM_1_7: &[Version] =
    &[Version::V1_7_0, Version::V1_7_2, Version::V1_7_6, Version::V2_1, Version::V2_2];
pub(crate) const V2_1: &[Version] = &[Version::V2_1];
pub(crate) const V2_2: &[Version] = &[Version::V2_2];
pub(crate) const TO_2_1: &[Version] =
    &[Version::V1_5, Version::V1_7_0, Version::V1_7_2, Version::V1_7_6, Version::V2_1];

pub(crate) const OK: &str = "\r\nOK\r\n";
pub(crate) const ERROR: &str = "\r\nERROR\r\n";

/// Echo off.
pub(crate) const E0: &[&str] = &["ATE0"];
/// On the network, several links.
pub(crate) const NET: &[&str] = &["ATE0", "AT+CWJAP=\"net\",\"password\"", "AT+CIPMUX=1"];
/// On the network, one link.
pub(crate) const NET0: &[&str] = &["ATE0", "AT+CWJAP=\"net\",\"password\""];
