//! Lies about section N: setsockopt.

use usocket_core::spi::{Backend, Group, Handle, Opt, OptName};
use usocket_core::{Error, IPPROTO_IP, IPPROTO_TCP, OptValue, Result, Socket, TCP_NODELAY};

use super::{lies, retold};
use crate::cases::options;
use crate::{Api, Lie};

lies! {
    backend FlagsDoNothing breaks [138], caught by options::flags_take_any_integer;
    api OnlyOneIsOn breaks [138], caught by options::flags_take_any_integer;
    api OneByteAccepted breaks [139], caught by options::four_bytes_equal_an_integer;
    api BytesAreIntegersOnly breaks [139], caught by options::four_bytes_equal_an_integer;
    api BytesAreBackwards breaks [139], caught by options::four_bytes_equal_an_integer;
    backend KeepAliveRefused breaks [140], caught by options::keep_alive_is_accepted;
    backend NoDelayRefused breaks [141], caught by options::no_delay_is_for_streams;
    api DatagramsWithoutDelay breaks [141], caught by options::no_delay_is_for_streams;
    api UnknownOptionAccepted breaks [142], caught by options::what_is_not_listed_is_refused;
    api UnknownOptionIsInvalid breaks [142], caught by options::what_is_not_listed_is_refused;
    backend PretendsTtl breaks [143], caught by options::an_option_works_or_is_refused;
    backend ImpossibleOptionIsInvalid breaks [143],
        caught by options::an_option_works_or_is_refused;
    backend OptionsOutliveClose breaks [144], caught by options::a_closed_socket_has_no_options;
    api OptionCheckedBeforeClosed breaks [144], caught by options::a_closed_socket_has_no_options;
    backend JoinDoesNothing breaks [145], caught by options::membership_takes_eight_bytes;
    backend LeaveDoesNothing breaks [145], caught by options::membership_takes_eight_bytes;
    backend JoinsTwice breaks [146], caught by options::membership_is_joined_and_left_once;
    backend NotJoinedIsInvalid breaks [146], caught by options::membership_is_joined_and_left_once;
    api AnyGroupJoined breaks [147], caught by options::membership_values_are_checked;
    backend AnyInterfaceJoined breaks [147], caught by options::membership_values_are_checked;
    backend LingerDoesNothing breaks [148], caught by options::linger_of_zero_resets;
    backend LingerStays breaks [148], caught by options::linger_of_zero_resets;
}

retold! {
    backend OptionsOutliveClose: set_option { Err(Error::EBADF) => Ok(()) }
    backend JoinsTwice: set_option { Err(Error::EADDRINUSE) => Ok(()) }
    backend NotJoinedIsInvalid: set_option { Err(Error::EADDRNOTAVAIL) => Err(Error::EINVAL) }
    /// As lwIP: a warning nobody reads.
    api UnknownOptionAccepted: setsockopt { Err(Error::ENOPROTOOPT) => Ok(()) }
    api UnknownOptionIsInvalid: setsockopt { Err(Error::ENOPROTOOPT) => Err(Error::EINVAL) }
    api DatagramsWithoutDelay: setsockopt(level, name, value) {
        Err(Error::ENOPROTOOPT) if (level, name) == (IPPROTO_TCP, TCP_NODELAY) => Ok(())
    }
}

/// What an option lie may change: the option, or the whole answer.
macro_rules! option_lie {
    ($(
        $(#[$doc:meta])*
        $lie:ident: $net:ident, $handle:ident, $option:ident => $answer:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Lie<B> for $lie {
            fn set_option(&self, $net: &B, $handle: Handle, $option: &Opt) -> Result<()> {
                $answer
            }
        }
    )*};
}

option_lie! {
    FlagsDoNothing: net, handle, option => match option {
        Opt::ReuseAddr(_) | Opt::Broadcast(_) => Ok(()),
        _ => net.set_option(handle, option),
    };
    KeepAliveRefused: net, handle, option => match option {
        Opt::KeepAlive(_) => Err(Error::ENOPROTOOPT),
        _ => net.set_option(handle, option),
    };
    NoDelayRefused: net, handle, option => match option {
        Opt::NoDelay(_) => Err(Error::ENOPROTOOPT),
        _ => net.set_option(handle, option),
    };
    /// Says yes and keeps the old value.
    PretendsTtl: net, handle, option => match option {
        Opt::Ttl(_) => Ok(()),
        _ => net.set_option(handle, option),
    };
    ImpossibleOptionIsInvalid: net, handle, option => match option {
        Opt::KeepIdle(_) => Err(Error::EINVAL),
        _ => net.set_option(handle, option),
    };
    JoinDoesNothing: net, handle, option => match option {
        Opt::Join(_) | Opt::Leave(_) => Ok(()),
        _ => net.set_option(handle, option),
    };
    LeaveDoesNothing: net, handle, option => match option {
        Opt::Leave(_) => Ok(()),
        _ => net.set_option(handle, option),
    };
    AnyInterfaceJoined: net, handle, option => match *option {
        Opt::Join(Group::V4 { group, .. }) => {
            let interface = core::net::Ipv4Addr::UNSPECIFIED;
            net.set_option(handle, &Opt::Join(Group::V4 { group, interface }))
        }
        _ => net.set_option(handle, option),
    };
    LingerDoesNothing: net, handle, option => match option {
        Opt::Linger(_) => Ok(()),
        _ => net.set_option(handle, option),
    };
    /// Once set to reset, it cannot be taken back.
    LingerStays: net, handle, option => match option {
        Opt::Linger(None) if net.option(handle, OptName::Linger) == Ok(Opt::Linger(Some(0))) => {
            Ok(())
        }
        _ => net.set_option(handle, option),
    };
}

/// What an api lie makes of a call.
macro_rules! call_lie {
    ($(
        $(#[$doc:meta])*
        $lie:ident: ($socket:ident, $level:ident, $name:ident, $value:ident) => $answer:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn setsockopt(
                &self,
                $socket: &Socket<'_, B>,
                $level: i32,
                $name: i32,
                $value: OptValue<'_>,
            ) -> Result<()> {
                $answer
            }
        }
    )*};
}

call_lie! {
    OnlyOneIsOn: (socket, level, name, value) => match value {
        OptValue::Int(number) => {
            socket.setsockopt(level, name, OptValue::Int((number == 1).into()))
        }
        OptValue::Bytes(_) => socket.setsockopt(level, name, value),
    };
    OneByteAccepted: (socket, level, name, value) => match value {
        OptValue::Bytes(&[byte]) => socket.setsockopt(level, name, i32::from(byte)),
        _ => socket.setsockopt(level, name, value),
    };
    BytesAreIntegersOnly: (socket, level, name, value) => match value {
        OptValue::Bytes(_) => Err(Error::EINVAL),
        OptValue::Int(_) => socket.setsockopt(level, name, value),
    };
    BytesAreBackwards: (socket, level, name, value) => match value {
        OptValue::Bytes(&[a, b, c, d]) => socket.setsockopt(level, name, &[d, c, b, a]),
        _ => socket.setsockopt(level, name, value),
    };
    /// An unknown option is told first, then that the socket is closed.
    OptionCheckedBeforeClosed: (socket, level, name, value) => {
        if level == 77 { Err(Error::ENOPROTOOPT) } else { socket.setsockopt(level, name, value) }
    };
    /// What is no group is joined like one.
    AnyGroupJoined: (socket, level, name, value) => match (level, value) {
        (IPPROTO_IP, OptValue::Bytes(&[0..=223, ..])) => Ok(()),
        _ => socket.setsockopt(level, name, value),
    };
}
