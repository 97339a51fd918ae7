//! An STM32F4.

pub(crate) mod clock;
mod start;
