//! What the words of a filter name.

use super::lexer::{Kind, Token};
use super::test::Side;
use crate::model::{Field, Use};

/// What a test is about, and so how its value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    State,
    /// `exclude`: any state but these.
    Exclude,
    /// The address, and maybe the port, of this end; of either where none is named.
    Host(Option<Side>),
    Port(Option<Side>),
    Family,
    Interface,
    V6Only,
    Cgroup,
    Mark,
    User,
    CongestionControl,
    Process,
    Pid,
    Number(Field),
    Autobound,
}

/// Words beside the names of fields.
const FURTHER: [(&str, Subject); 6] = [
    ("host", Subject::Host(None)),
    ("port", Subject::Port(None)),
    ("addr", Subject::Host(None)),
    ("autobound", Subject::Autobound),
    ("exclude", Subject::Exclude),
    ("excl", Subject::Exclude),
];

impl Subject {
    /// What a word names; `None` if it is none of them.
    pub(super) fn of(token: &Token<'_>) -> Option<Subject> {
        if token.kind != Kind::Word {
            return None;
        }
        let further = FURTHER.iter();
        let mut further = further.filter(|(word, _)| token.typed.eq_ignore_ascii_case(word));
        match further.next() {
            Some((_, subject)) => Some(*subject),
            None => Subject::of_field(Field::parse(token.typed, Use::Filter).ok()?),
        }
    }

    /// Whether more and less mean something of it.
    pub(super) fn has_order(self) -> bool {
        matches!(self, Subject::Port(_) | Subject::Number(_))
    }

    /// Every word that may stand where a test begins, the usual one of each.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        let fields = Field::names(Use::Filter).map(|name| match name {
            "local-addr" => "src",
            "remote-addr" => "dst",
            "local-port" => "sport",
            "remote-port" => "dport",
            name => name,
        });
        fields.chain(["host", "port", "autobound", "exclude", "not", "and", "or"])
    }

    fn of_field(field: Field) -> Option<Subject> {
        Some(match field {
            Field::State => Subject::State,
            Field::Family => Subject::Family,
            Field::LocalAddr => Subject::Host(Some(Side::Local)),
            Field::RemoteAddr => Subject::Host(Some(Side::Remote)),
            Field::LocalPort => Subject::Port(Some(Side::Local)),
            Field::RemotePort => Subject::Port(Some(Side::Remote)),
            Field::Interface => Subject::Interface,
            Field::V6Only => Subject::V6Only,
            Field::Cgroup => Subject::Cgroup,
            Field::Mark => Subject::Mark,
            Field::User => Subject::User,
            Field::Uid
            | Field::ReceiveQueue
            | Field::SendQueue
            | Field::AcceptQueue
            | Field::AcceptLimit
            | Field::Drops
            | Field::Retransmits
            | Field::Inode
            | Field::Cookie
            | Field::Metric(_) => Subject::Number(field),
            Field::CongestionControl => Subject::CongestionControl,
            Field::Process => Subject::Process,
            Field::Pid => Subject::Pid,
            Field::Direction
            | Field::Service
            | Field::Timer
            | Field::Fd
            | Field::CommandLine
            | Field::Unit
            | Field::Container => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_serves_in_filters_can_be_tested() {
        for name in Field::names(Use::Filter) {
            let field = Field::parse(name, Use::Filter).unwrap();
            assert!(Subject::of_field(field).is_some(), "{name}");
        }
    }
}
