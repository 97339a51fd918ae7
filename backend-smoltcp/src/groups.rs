//! Groups: which socket is a member of which (rows 145 to 147).

use core::net::{IpAddr, Ipv4Addr};

use smoltcp::wire::IpAddress;
use usocket_core::spi::{Group, Handle};
use usocket_core::{Error, Family, Result};

use crate::address::{INTERFACE, is_local, to_stack};
use crate::state::State;

impl State<'_> {
    /// Joins a group (rows 145 to 147). The stack knows only whether any socket has.
    pub(crate) fn join(&mut self, handle: Handle, group: &Group) -> Result<()> {
        let group = self.checked_group(handle, group)?;
        let known = self.members(&group) > 0;
        let groups = &mut self.slots.get_mut(handle)?.options.groups;
        if groups.contains(&group) {
            return Err(Error::EADDRINUSE);
        }
        groups.push(group).map_err(|_| Error::ENOBUFS)?;
        if !known && let Err(error) = self.join_stack_group(&group) {
            self.slots.get_mut(handle)?.options.groups.pop();
            return Err(error);
        }
        self.touch();
        Ok(())
    }

    pub(crate) fn leave(&mut self, handle: Handle, group: &Group) -> Result<()> {
        let group = self.checked_group(handle, group)?;
        let groups = &mut self.slots.get_mut(handle)?.options.groups;
        let index = groups.iter().position(|joined| *joined == group);
        groups.remove(index.ok_or(Error::EADDRNOTAVAIL)?);
        self.leave_stack_group(&group);
        Ok(())
    }

    fn members(&self, group: &Group) -> usize {
        self.slots.iter().filter(|(_, slot)| slot.options.groups.contains(group)).count()
    }

    fn join_stack_group(&mut self, group: &Group) -> Result<()> {
        let ip = to_stack(group_ip(group)).ok_or(Error::ENOPROTOOPT)?;
        self.iface.join_multicast_group(ip).map_err(|_| Error::ENOBUFS)
    }

    /// Tells the stack when the last member has left.
    pub(crate) fn leave_stack_group(&mut self, group: &Group) {
        if self.members(group) == 0
            && let Some(ip) = to_stack(group_ip(group))
        {
            let _ = self.iface.leave_multicast_group(ip);
        }
        self.touch();
    }

    /// The group with its interface by its one canonical name.
    fn checked_group(&self, handle: Handle, group: &Group) -> Result<Group> {
        let family = self.slots.get(handle)?.family;
        let ip = group_ip(group);
        if !ip.is_multicast() || Family::of(ip) != family {
            return Err(Error::EINVAL);
        }
        match *group {
            Group::V4 { group, interface } => {
                let known =
                    interface.is_unspecified() || is_local(&self.iface, IpAddress::Ipv4(interface));
                let group = Group::V4 { group, interface: Ipv4Addr::UNSPECIFIED };
                known.then_some(group).ok_or(Error::ENODEV)
            }
            Group::V6 { group, interface } => {
                let known = interface == 0 || interface == INTERFACE;
                known.then_some(Group::V6 { group, interface: 0 }).ok_or(Error::ENODEV)
            }
        }
    }
}

fn group_ip(group: &Group) -> IpAddr {
    match *group {
        Group::V4 { group, .. } => group.into(),
        Group::V6 { group, .. } => group.into(),
    }
}
