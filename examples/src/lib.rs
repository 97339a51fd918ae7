//! What the example programs of a host share: terminal, files, command line.
#![forbid(unsafe_code)]
