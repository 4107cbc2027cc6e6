//! What the words of a filter name.

use super::host::ANY;
use super::lexer::{Token, TokenKind};
use super::lookup::Lookup;
use super::test::{Edge, Side};
use crate::model::{Field, StateSet, Use};

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

/// A value that is a test without a word before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BareValue {
    /// `host = VALUE`: an address or a prefix, with a port or without.
    Address,
    /// `port = VALUE`.
    Ports,
    /// `state = VALUE`.
    States,
}

impl BareValue {
    /// What kind of value a word is that names nothing. The name of a host is none: a word that is
    /// mistyped would be looked up.
    pub(super) fn of(word: &str) -> Option<BareValue> {
        let is_state = |name| StateSet::parse_word(name).is_some();
        if word.split(',').all(is_state) {
            Some(BareValue::States)
        } else if is_address(word) {
            Some(BareValue::Address)
        } else {
            word.starts_with(':').then_some(BareValue::Ports)
        }
    }
}

/// Whether a word is meant as an address, which need not be valid.
fn is_address(word: &str) -> bool {
    let is_marked = ["::", "[", "*:"].iter().any(|mark| word.starts_with(mark));
    let digits = word.split(['%', '/']).next().unwrap_or_default();
    let is_of_v6 = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let begins_as_v6 =
        !word.starts_with(':') && digits.matches(':').count() > 1 && digits.chars().all(is_of_v6);
    let begins_as_v4 = word.starts_with(|c: char| c.is_ascii_digit());
    is_marked || begins_as_v6 || begins_as_v4 && word.contains([':', '.', '/'])
}

/// Why a word is neither the name of a test nor a value that is a test by itself, and what to write;
/// `None` for a word that is similar to neither.
pub(super) fn bare_reason(word: &str, lookup: &mut impl Lookup) -> Option<String> {
    let begins_as_number = word.starts_with(|c: char| c.is_ascii_digit());
    let is_state = |name: &&str| StateSet::parse_word(name).is_some();
    let wrong = word.split(',').find(|name| !is_state(name));
    if let Some(begun) = word.strip_suffix(',') {
        let port = if begins_as_number { ":" } else { "" };
        return Some(format!("write no blanks around a comma: {port}{begun},…"));
    }
    if begins_as_number && word.contains([',', '-']) {
        return Some(format!("a port has a colon: :{word}"));
    }
    if begins_as_number {
        return Some(format!(
            "a number needs a word before it, as in pid = {word}; a port has a colon: :{word}"
        ));
    }
    if ANY.contains(&word) || word == "localhost" || word.contains(['.', ':']) {
        return Some(format!("a name needs a word before it: host = {word}"));
    }
    if let Some(wrong) = wrong.filter(|_| word.split(',').any(|name| is_state(&name))) {
        return Some(format!("no such state `{wrong}`"));
    }
    let states = StateSet::words().filter(|state| state.split('-').any(|part| part == word));
    let states: Vec<String> = states.collect();
    if !states.is_empty() {
        return Some(format!("did you mean {}?", states.join(" or ")));
    }
    let port = lookup.service(word);
    port.is_ok()
        .then(|| format!("a service has a colon: :{word}"))
}

/// Fields that are parts of an end.
const ENDS: [(Field, Keyword); 4] = [
    (Field::LocalAddr, Keyword::Host(Some(Side::Local))),
    (Field::RemoteAddr, Keyword::Host(Some(Side::Remote))),
    (Field::LocalPort, Keyword::Port(Some(Side::Local))),
    (Field::RemotePort, Keyword::Port(Some(Side::Remote))),
];

/// Words other than the names of fields.
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
                    | Field::Netns
                    | Field::Mark
                    | Field::User
                    | Field::CongestionControl
                    | Field::Kind
                    | Field::Protocol
                    | Field::Name
                    | Field::Peer
                    | Field::PeerProcess
                    | Field::Shutdown
                    | Field::SocketType
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
    use crate::model::{Ends, Family, InetEnds, Kind, Metric, NetlinkEnds, Socket, State, TcpInfo};
    /// A word cannot be both.
    #[test]
    fn no_name_of_a_field_is_a_state() {
        let words = Keyword::words(Use::Filter).chain(Keyword::words(Use::TraceFilter));
        for word in words {
            assert_eq!(BareValue::of(word), None, "{word}");
        }
    }

    #[test]
    fn ports_addresses_and_states_are_values_and_other_words_are_not() {
        let state = Some(BareValue::States);
        let (host, port) = (Some(BareValue::Address), Some(BareValue::Ports));
        for (word, keyword) in [
            (":443", port),
            (":https", port),
            (":80,443", port),
            (":8000-8010", port),
            (":99999", port),
            ("10.0.0.0/8", host),
            ("10/8", host),
            ("10.0.0", host),
            ("10.1.2.3:443", host),
            ("::1", host),
            ("::/0", host),
            ("[::1]:443", host),
            ("fe80::1%eth0", host),
            ("fe80::/10", host),
            ("2001:db8::1", host),
            ("*:443", host),
            ("close-wait", state),
            ("ESTAB", state),
            ("listen,TIME_WAIT", state),
            ("connected", state),
            (":", port),
            ("*", None),
            ("443", None),
            ("80,443", None),
            ("localhost:443", None),
            ("example.com", None),
            ("face:b00c", None),
            ("listen,", None),
            ("", None),
        ] {
            assert_eq!(BareValue::of(word), keyword, "{word}");
        }
    }

    /// A field that is neither an end nor a number and has no parser would match no socket.
    #[test]
    fn every_field_with_an_order_is_a_number_of_sockets() {
        let ends = InetEnds::listening(Family::V4, "127.0.0.1:80".parse().unwrap());
        let metrics = Metric::ALL.iter().copied();
        let connection = Socket {
            inode: 1,
            drops: Some(1),
            receive_limit: Some(1),
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
        let ends = Ends::Netlink(NetlinkEnds::default());
        let netlink = Socket::bare(Kind::Netlink, State::Unconnected, ends);
        for name in Field::names(Use::Filter) {
            let field = Field::parse(name, Use::Filter).unwrap();
            let mut sockets = [&connection, &listener, &netlink].into_iter();
            let number = sockets.find_map(|socket| socket.number(field));
            let is_ordered =
                Keyword::Field(field).has_order() && ENDS.iter().all(|end| end.0 != field);
            assert!(!is_ordered || number.is_some(), "{name}");
        }
    }
}
