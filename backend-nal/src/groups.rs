//! Membership of groups: what a socket has joined, and the task that asks the stack.

use edge_nal::{MulticastV4, MulticastV6};
use usocket_core::spi::Group;
use usocket_core::{Error, Family, Result};

use crate::errors::of_member;
use crate::pump::{told, when};
use crate::shared::Shared;
use crate::socket::{Phase, Socket};

/// Groups that one socket can be in: chosen, not measured.
pub(crate) const GROUPS: usize = 4;

/// Joins, or leaves.
pub(crate) type Change = (Group, bool);

impl<const BUF: usize> Socket<BUF> {
    /// Asks for a change. Before `bind` the stack has no socket to ask: it is asked then.
    pub(crate) fn ask_member(&mut self, (group, join): Change) -> Result<()> {
        let (family, multicast) = match group {
            Group::V4 { group, .. } => (Family::V4, group.is_multicast()),
            Group::V6 { group, .. } => (Family::V6, group.is_multicast()),
        };
        if family != self.family || !multicast {
            return Err(Error::EINVAL);
        }
        match (self.groups.contains(&group), join) {
            (true, true) => return Err(Error::EADDRINUSE),
            (false, false) => return Err(Error::EADDRNOTAVAIL),
            _ => {}
        }
        if self.change.is_some() || join && self.groups.is_full() {
            return Err(Error::ENOBUFS);
        }
        if self.phase == Phase::Idle {
            self.note_member((group, join));
        } else {
            (self.change, self.asking, self.refused) = (Some((group, join)), true, None);
        }
        Ok(())
    }

    /// What came of it by now: the caller goes, and a later refusal is a lost datagram to it.
    pub(crate) fn member_asked(&mut self) -> Result<()> {
        self.asking = false;
        self.refused.take().map_or(Ok(()), Err)
    }

    fn note_member(&mut self, (group, join): Change) {
        if join {
            // There is room: see above.
            let _ = self.groups.push(group);
        } else {
            self.groups.retain(|joined| *joined != group);
        }
    }

    fn member_done(&mut self, change: Change, answer: Result<()>) {
        self.change = None;
        match answer {
            Ok(()) => self.note_member(change),
            Err(error) if self.asking => self.refused = Some(error),
            Err(_) => self.error = Some(Error::EIO),
        }
    }
}

impl<const S: usize, const BUF: usize, const L: usize, const C: usize> Shared<S, BUF, L, C> {
    /// Joins what was joined before `bind`.
    pub(crate) async fn join_groups<M: MulticastV4 + MulticastV6>(
        &self,
        place: usize,
        socket: &mut M,
    ) -> Result<()> {
        for number in 0..GROUPS {
            match self.with(|state| state.sockets[place].groups.get(number).copied()) {
                Some(Group::V4 { group, interface }) => {
                    socket.join_v4(group, interface).await.map_err(|error| of_member(&error))?;
                }
                Some(Group::V6 { group, interface }) => {
                    socket.join_v6(group, interface).await.map_err(|error| of_member(&error))?;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Joins and leaves as asked.
    pub(crate) async fn members<M4: MulticastV4, M6: MulticastV6>(
        &self,
        place: usize,
        v4: &mut M4,
        v6: &mut M6,
    ) {
        loop {
            let change = when(self, |state| state.sockets[place].change).await;
            let answer = match change {
                (Group::V4 { group, interface }, true) => {
                    v4.join_v4(group, interface).await.map_err(|error| of_member(&error))
                }
                (Group::V4 { group, interface }, false) => {
                    v4.leave_v4(group, interface).await.map_err(|error| of_member(&error))
                }
                (Group::V6 { group, interface }, true) => {
                    v6.join_v6(group, interface).await.map_err(|error| of_member(&error))
                }
                (Group::V6 { group, interface }, false) => {
                    v6.leave_v6(group, interface).await.map_err(|error| of_member(&error))
                }
            };
            told(self, place, |socket| socket.member_done(change, answer));
        }
    }
}
