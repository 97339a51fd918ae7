//! Numbers, addresses, errors.

use core::net::{IpAddr, Ipv6Addr};

use usocket_core::{Error, Family, Result, SockAddr};

use crate::{Reader, Wire, Writer};

macro_rules! number {
    ($($type:ident),*) => {$(
        impl Wire for $type {
            fn put(&self, to: &mut Writer<'_>) {
                to.bytes(&self.to_le_bytes());
            }

            fn get(from: &mut Reader<'_>) -> Option<Self> {
                let bytes = from.take(size_of::<Self>())?;
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
number!(u8, u16, u32, u64, i32, i64, u128);

impl Wire for () {
    fn put(&self, _: &mut Writer<'_>) {}

    fn get(_: &mut Reader<'_>) -> Option<Self> {
        Some(())
    }
}

impl Wire for bool {
    fn put(&self, to: &mut Writer<'_>) {
        u8::from(*self).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(u8::get(from)? != 0)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, to: &mut Writer<'_>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, to: &mut Writer<'_>) {
        self.is_some().put(to);
        if let Some(some) = self {
            some.put(to);
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::get(from)? { Some(T::get(from)?) } else { None })
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, to: &mut Writer<'_>) {
        self.is_ok().put(to);
        match self {
            Ok(good) => good.put(to),
            Err(error) => error.put(to),
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::get(from)? { Ok(T::get(from)?) } else { Err(E::get(from)?) })
    }
}

impl Wire for Error {
    fn put(&self, to: &mut Writer<'_>) {
        self.errno().put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from_errno(i32::get(from)?))
    }
}

impl Wire for Family {
    fn put(&self, to: &mut Writer<'_>) {
        (*self == Self::V6).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::get(from)? { Self::V6 } else { Self::V4 })
    }
}

impl Wire for IpAddr {
    fn put(&self, to: &mut Writer<'_>) {
        let (six, bits) = match self {
            Self::V4(ip) => (false, u128::from(ip.to_bits())),
            Self::V6(ip) => (true, ip.to_bits()),
        };
        (six, bits).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let (six, bits) = <(bool, u128)>::get(from)?;
        if six {
            return Some(Ipv6Addr::from_bits(bits).into());
        }
        Some(core::net::Ipv4Addr::from_bits(bits.try_into().ok()?).into())
    }
}

impl Wire for SockAddr {
    fn put(&self, to: &mut Writer<'_>) {
        (self.ip(), self.port()).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let (ip, port) = <(IpAddr, u16)>::get(from)?;
        Some(Self::new(ip, port))
    }
}

impl Wire for &'static [u8] {
    fn put(&self, to: &mut Writer<'_>) {
        (self.len() as u64).put(to);
        to.bytes(self);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let len = usize::try_from(u64::get(from)?).ok()?;
        Some((from.keep)(from.take(len)?))
    }
}

impl Wire for &'static str {
    fn put(&self, to: &mut Writer<'_>) {
        self.as_bytes().put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        core::str::from_utf8(<&[u8]>::get(from)?).ok()
    }
}
