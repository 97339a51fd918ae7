//! What the command lines of these programs share.

use lexopt::prelude::*;
use usocket_examples::{Network, Trouble};

/// The network to run on, and what else was given.
pub(crate) struct Given {
    pub(crate) network: Network,
    pub(crate) values: Vec<String>,
}

/// Reads a command line of so many values at most.
pub(crate) fn given(mut parser: lexopt::Parser, most: usize) -> Result<Given, Trouble> {
    let mut given = Given { network: Network::std(), values: Vec::new() };
    while let Some(argument) = parser.next()? {
        match argument {
            Long(name) if Network::has(name) => {
                let name = name.to_owned();
                given.network.set(&name, &mut parser)?;
            }
            Long("help") | Short('h') => return Err(Trouble::Help),
            Value(text) if given.values.len() < most => given.values.push(text.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(given)
}

/// What went wrong, as the crate says it.
pub(crate) fn failed(error: impl std::fmt::Debug) -> Trouble {
    Trouble::Failed(format!("{error:?}"))
}
