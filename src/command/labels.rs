//! From the keys of groups to what a person calls them: users, interfaces and control groups by
//! name, everything else by its own spelling.

use std::collections::BTreeSet;

use super::names::{Cgroups, Interfaces, Users};
use crate::model::{Field, Label, Part, Service};

/// The names of everything in some keys, looked up once.
pub(super) struct Labels {
    users: Option<Users>,
    interfaces: Option<Interfaces>,
    cgroups: Option<Cgroups>,
}

impl Labels {
    /// Looks up what is needed to show keys of these fields, which consist of `parts`.
    pub(super) fn new(fields: &[Field], parts: &BTreeSet<Part>) -> Labels {
        Labels {
            users: fields.contains(&Field::User).then(Users::read),
            interfaces: fields.contains(&Field::Interface).then(Interfaces::open),
            cgroups: fields.contains(&Field::Cgroup).then(|| {
                let ids = parts.iter().filter_map(|part| {
                    if let Part::Cgroup(id) = part {
                        *id
                    } else {
                        None
                    }
                });
                Cgroups::find(&ids.collect())
            }),
        }
    }

    /// What a part of a key is called.
    pub(super) fn label(&self, field: Field, part: Part) -> Label {
        match part {
            Part::State(state) => Label::Text(state.to_string()),
            Part::Family(class) => Label::Text(class.name().to_owned()),
            Part::Addr(Some(net)) if net.prefix_len() == net.max_prefix_len() => {
                Label::Text(net.addr().to_string())
            }
            Part::Addr(Some(net)) => Label::Text(net.to_string()),
            Part::Port(Some(port)) => Label::Number(port.into()),
            Part::Direction(direction) => Label::Text(direction.name().to_owned()),
            Part::Service(Service::Served(port)) => Label::Text(format!(":{port}")),
            Part::Service(Service::Used(peer)) => Label::Text(peer.to_string()),
            Part::Addr(None)
            | Part::Port(None)
            | Part::Interface(None)
            | Part::Owner(None)
            | Part::Cgroup(None) => Label::None,
            Part::Interface(Some(index)) => match &self.interfaces {
                Some(interfaces) => Label::Text(interfaces.name(index)),
                None => Label::Number(index.into()),
            },
            Part::Owner(Some(uid)) => match &self.users {
                Some(users) if field == Field::User => Label::Text(users.name(uid)),
                _ => Label::Number(uid.into()),
            },
            Part::Cgroup(Some(id)) => match &self.cgroups {
                Some(cgroups) => Label::Text(cgroups.path(id)),
                None => Label::Number(id),
            },
        }
    }
}
