//! The bodies of the examples: `no_std`, no allocator, generic over the backend.
#![no_std]
#![forbid(unsafe_code)]
