//! What the words of a filter name.

use super::lexer::{Token, TokenKind};
use super::test::{Edge, Side};
use crate::model::{Field, Use};

/// What a test is about, and so how its value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    /// `from` and `to`: the states of a transition.
    Change(Edge),
    /// `exclude`: any state but these.
    Exclude,
    Autobound,
    /// The address, and maybe the port, of this end; of either where none is named.
    Host(Option<Side>),
    Port(Option<Side>),
    Field(Field),
}

/// Fields that are parts of an end.
const ENDS: [(Field, Keyword); 4] = [
    (Field::LocalAddr, Keyword::Host(Some(Side::Local))),
    (Field::RemoteAddr, Keyword::Host(Some(Side::Remote))),
    (Field::LocalPort, Keyword::Port(Some(Side::Local))),
    (Field::RemotePort, Keyword::Port(Some(Side::Remote))),
];

/// Words beside the names of fields.
const FURTHER: [(&str, Keyword); 8] = [
    ("from", Keyword::Change(Edge::From)),
    ("to", Keyword::Change(Edge::To)),
    ("host", Keyword::Host(None)),
    ("port", Keyword::Port(None)),
    ("addr", Keyword::Host(None)),
    ("autobound", Keyword::Autobound),
    ("exclude", Keyword::Exclude),
    ("excl", Keyword::Exclude),
];

impl Keyword {
    /// What a word names; `None` for an unknown word.
    pub(super) fn of(token: &Token<'_>) -> Option<Keyword> {
        if token.kind != TokenKind::Word {
            return None;
        }
        let mut further = FURTHER.iter();
        if let Some((_, keyword)) = further.find(|(word, _)| token.typed.eq_ignore_ascii_case(word))
        {
            return Some(*keyword);
        }
        let field = Field::parse(token.typed, Use::Filter).ok()?;
        let end = ENDS.iter().find(|(end, _)| *end == field);
        Some(end.map_or(Keyword::Field(field), |(_, keyword)| *keyword))
    }

    /// Whether `<` and `>` apply to it: to ports and other numbers.
    pub(super) fn has_order(self) -> bool {
        match self {
            Keyword::Port(_) => true,
            Keyword::Change(_) | Keyword::Exclude | Keyword::Autobound | Keyword::Host(_) => false,
            Keyword::Field(field) => !matches!(
                field,
                Field::State
                    | Field::Family
                    | Field::Interface
                    | Field::V6Only
                    | Field::Cgroup
                    | Field::Mark
                    | Field::User
                    | Field::CongestionControl
                    | Field::Process
                    | Field::Pid
            ),
        }
    }

    /// Whether a filter of this use can test it.
    pub(super) fn has_use(self, used_as: Use) -> bool {
        match self {
            Keyword::Autobound => used_as == Use::Filter,
            Keyword::Field(field) => field.has_use(used_as),
            Keyword::Change(_) | Keyword::Exclude | Keyword::Host(_) | Keyword::Port(_) => true,
        }
    }

    /// Every word that may begin a test in a filter of this use, without synonyms.
    pub(super) fn words(used_as: Use) -> impl Iterator<Item = &'static str> {
        let fields = Field::names(used_as).map(|name| match name {
            "local-addr" => "src",
            "remote-addr" => "dst",
            "local-port" => "sport",
            "remote-port" => "dport",
            name => name,
        });
        let further: &[&str] = match used_as == Use::TraceFilter {
            true => &["from", "to"],
            false => &["autobound"],
        };
        let all = ["host", "port", "exclude", "not", "and", "or"];
        fields.chain(further.iter().copied()).chain(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, InetEnds, Kind, Metric, Socket, State, TcpInfo};

    /// A field that is neither an end nor a number and has no parser would match no socket.
    #[test]
    fn every_field_with_an_order_is_a_number_of_sockets() {
        let ends = InetEnds::listening(Family::V4, "127.0.0.1:80".parse().unwrap());
        let metrics = Metric::ALL.iter().copied();
        let connection = Socket {
            inode: 1,
            drops: Some(1),
            cookie: Some(1),
            info: Some(Box::new(
                metrics.fold(TcpInfo::default(), |info, m| info.with(m, 1)),
            )),
            ..Socket::bare(Kind::Tcp, State::Established, ends)
        };
        let listener = Socket {
            full: Some(true),
            ..Socket::bare(Kind::Tcp, State::Listen, ends)
        };
        for name in Field::names(Use::Filter) {
            let field = Field::parse(name, Use::Filter).unwrap();
            let number = connection.number(field).or(listener.number(field));
            let is_ordered =
                Keyword::Field(field).has_order() && ENDS.iter().all(|end| end.0 != field);
            assert!(!is_ordered || number.is_some(), "{name}");
        }
    }
}
