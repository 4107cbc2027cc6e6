//! From the keys of groups to what a person calls them: users, interfaces and control groups by
//! name, everything else by its own spelling.

use super::names::HostNames;
use crate::model::{Field, Label, Names, Part, Service};

/// The names of everything in some keys, looked up as they are needed.
#[derive(Default)]
pub(super) struct Labels {
    names: HostNames,
}

impl Labels {
    /// What a part of a key is called.
    pub(super) fn label(&mut self, field: Field, part: Part) -> Label {
        match part {
            Part::State(state) => Label::Text(state.to_string()),
            Part::Family(Some(class)) => Label::Text(class.name().to_owned()),
            Part::Addr(Some(net)) if net.prefix_len() == net.max_prefix_len() => {
                Label::Text(net.addr().to_string())
            }
            Part::Addr(Some(net)) => Label::Text(net.to_string()),
            Part::Port(Some(port)) => Label::Number(port.into()),
            Part::Direction(Some(direction)) => Label::Text(direction.name().to_owned()),
            Part::Service(Some(Service::Served(port))) => Label::Text(format!(":{port}")),
            Part::Service(Some(Service::Used(peer))) => Label::Text(peer.to_string()),
            Part::Family(None)
            | Part::Direction(None)
            | Part::Service(None)
            | Part::Addr(None)
            | Part::Port(None)
            | Part::Interface(None)
            | Part::Owner(None)
            | Part::Cgroup(None)
            | Part::Process(None)
            | Part::Pid(None) => Label::None,
            Part::Interface(Some(index)) => Label::Text(self.names.interface(index).to_owned()),
            Part::Owner(Some(uid)) if field == Field::User => {
                Label::Text(self.names.user(uid).to_owned())
            }
            Part::Owner(Some(uid)) => Label::Number(uid.into()),
            Part::Process(Some(name)) => Label::Text(name.text().into_owned()),
            Part::Pid(Some(pid)) => Label::Number(pid.into()),
            Part::Cgroup(Some(id)) => Label::Text(self.names.cgroup(id).to_owned()),
        }
    }
}
