//! What the kit has: steps, reports, outcomes.

use core::net::IpAddr;

use usocket_conformance::{Actor, Digest, End, Failure, Report, State, Step, Verdict};
use usocket_core::{Error, Family, SockAddr};

use crate::{Reader, Wire, Writer};

impl Wire for Actor {
    fn put(&self, to: &mut Writer<'_>) {
        (self.0 as u64).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(u64::get(from)?.try_into().ok()?))
    }
}

type Bytes = &'static [u8];

impl Wire for Step {
    fn put(&self, to: &mut Writer<'_>) {
        match *self {
            Self::Listen(family, backlog) => (0_u8, (family, backlog)).put(to),
            Self::Accept => 1_u8.put(to),
            Self::Connect(address) => (2_u8, address).put(to),
            Self::Send(len) => (3_u8, len).put(to),
            Self::Text(bytes) => (4_u8, bytes).put(to),
            Self::Recv(len) => (5_u8, len).put(to),
            Self::RecvToEnd => 6_u8.put(to),
            Self::Echo => 7_u8.put(to),
            Self::Fin => 8_u8.put(to),
            Self::Rst => 9_u8.put(to),
            Self::Close => 10_u8.put(to),
            Self::CloseListener => 11_u8.put(to),
            Self::Wait(milliseconds) => (12_u8, milliseconds).put(to),
            Self::Hold => 13_u8.put(to),
            Self::Udp(family) => (14_u8, family).put(to),
            Self::Join(ip) => (15_u8, ip).put(to),
            Self::SendTo(address, bytes) => (16_u8, (address, bytes)).put(to),
            Self::SendLenTo(address, len) => (17_u8, (address, len)).put(to),
            Self::RecvFrom => 18_u8.put(to),
            Self::Reply(bytes) => (19_u8, bytes).put(to),
            Self::EchoFrom(count) => (20_u8, count).put(to),
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => {
                let (family, backlog) = <(Family, u32)>::get(from)?;
                Self::Listen(family, backlog)
            }
            1 => Self::Accept,
            2 => Self::Connect(SockAddr::get(from)?),
            3 => Self::Send(u32::get(from)?),
            4 => Self::Text(Bytes::get(from)?),
            5 => Self::Recv(u32::get(from)?),
            6 => Self::RecvToEnd,
            7 => Self::Echo,
            8 => Self::Fin,
            9 => Self::Rst,
            10 => Self::Close,
            11 => Self::CloseListener,
            12 => Self::Wait(u32::get(from)?),
            13 => Self::Hold,
            14 => Self::Udp(Family::get(from)?),
            15 => Self::Join(IpAddr::get(from)?),
            16 => {
                let (address, bytes) = <(SockAddr, Bytes)>::get(from)?;
                Self::SendTo(address, bytes)
            }
            17 => {
                let (address, len) = <(SockAddr, u32)>::get(from)?;
                Self::SendLenTo(address, len)
            }
            18 => Self::RecvFrom,
            19 => Self::Reply(Bytes::get(from)?),
            20 => Self::EchoFrom(u32::get(from)?),
            _ => return None,
        })
    }
}

impl Wire for State {
    fn put(&self, to: &mut Writer<'_>) {
        match *self {
            Self::Running(step) => (0_u8, step as u64).put(to),
            Self::Done => 1_u8.put(to),
            Self::Failed(step, error) => (2_u8, (step as u64, error)).put(to),
        }
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => Self::Running(u64::get(from)?.try_into().ok()?),
            1 => Self::Done,
            2 => {
                let (step, error) = <(u64, Error)>::get(from)?;
                Self::Failed(step.try_into().ok()?, error)
            }
            _ => return None,
        })
    }
}

impl Wire for End {
    fn put(&self, to: &mut Writer<'_>) {
        match self {
            Self::Open => 0_u8,
            Self::Fin => 1,
            Self::Reset => 2,
        }
        .put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => Self::Open,
            1 => Self::Fin,
            2 => Self::Reset,
            _ => return None,
        })
    }
}

impl Wire for Report {
    fn put(&self, to: &mut Writer<'_>) {
        self.state.put(to);
        (self.received, self.digest.bits()).put(to);
        (self.head.len() as u64).put(to);
        to.bytes(&self.head);
        ((self.sent, self.datagrams), (self.end, self.from)).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let state = State::get(from)?;
        let (received, digest) = <(u64, u32)>::get(from)?;
        let len = usize::try_from(u64::get(from)?).ok()?;
        let head = from.take(len)?.try_into().ok()?;
        let ((sent, datagrams), (end, from)) = <((u64, u32), (End, Option<SockAddr>))>::get(from)?;
        let digest = Digest::from_bits(digest);
        Some(Self { state, received, digest, head, sent, datagrams, end, from })
    }
}

impl Wire for Verdict {
    fn put(&self, to: &mut Writer<'_>) {
        match self {
            Self::Proved => None,
            Self::Unsupported(error) => Some(*error),
        }
        .put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        Some(Option::get(from)?.map_or(Self::Proved, Self::Unsupported))
    }
}

impl Wire for Failure {
    fn put(&self, to: &mut Writer<'_>) {
        ((self.what, self.file), (self.line, (self.error, self.found))).put(to);
    }

    fn get(from: &mut Reader<'_>) -> Option<Self> {
        let ((what, file), (line, (error, found))) = Wire::get(from)?;
        Some(Self { what, file, line, error, found })
    }
}
