//! Sets of kinds: what is selected, the words for several kinds, and which of them one request lists.
//!
//! What is true of one kind is in `kind`.

use super::{Kind, StateSet, hint};

/// Words for several kinds.
const GROUPS: [(&str, KindSet); 3] = [
    ("inet", KindSet::INTERNET),
    ("unix", KindSet::UNIX),
    ("all", KindSet::ALL),
];

/// Kinds of ss(8) and the kernel that are not reported here.
const UNSUPPORTED: [&str; 6] = ["vsock", "xdp", "sctp", "dccp", "tipc", "smc"];

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u16);

impl KindSet {
    /// TCP alone.
    pub const TCP: KindSet = KindSet::NONE.with(Kind::Tcp);

    /// No kind.
    pub const NONE: KindSet = KindSet(0);

    /// Those with internet addresses.
    pub const INTERNET: KindSet = KindSet::TCP
        .with(Kind::Mptcp)
        .with(Kind::Udp)
        .with(Kind::UdpLite)
        .with(Kind::Raw)
        .with(Kind::Ping);

    /// Those of UNIX sockets, which the kernel lists together.
    pub const UNIX: KindSet = KindSet::NONE
        .with(Kind::UnixStream)
        .with(Kind::UnixDgram)
        .with(Kind::UnixSeqpacket);

    /// Every kind.
    pub const ALL: KindSet = KindSet::INTERNET
        .union(KindSet::UNIX)
        .with(Kind::Packet)
        .with(Kind::Netlink);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: Kind) -> KindSet {
        KindSet(self.0 | 1 << kind as u16)
    }

    /// Those whose sockets can listen for connections.
    pub const WITH_LISTENERS: KindSet = KindSet::TCP
        .with(Kind::Mptcp)
        .with(Kind::UnixStream)
        .with(Kind::UnixSeqpacket);

    /// This set without `kind`.
    #[must_use]
    pub const fn without(self, kind: Kind) -> KindSet {
        self.difference(KindSet::NONE.with(kind))
    }

    /// The kinds of this set that are not in the other one.
    #[must_use]
    pub const fn difference(self, other: KindSet) -> KindSet {
        KindSet(self.0 & !other.0)
    }

    /// The kinds of both sets.
    #[must_use]
    pub const fn union(self, other: KindSet) -> KindSet {
        KindSet(self.0 | other.0)
    }

    /// The kinds in both sets.
    #[must_use]
    pub const fn intersection(self, other: KindSet) -> KindSet {
        KindSet(self.0 & other.0)
    }

    /// Whether it has this kind.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    /// Whether there are UNIX sockets among them.
    pub const fn has_unix(self) -> bool {
        !self.intersection(KindSet::UNIX).is_empty()
    }

    /// Whether there are UNIX sockets among them, and no others.
    pub const fn is_unix(self) -> bool {
        self.has_unix() && self.0 & !KindSet::UNIX.0 == 0
    }

    /// The kinds, each with those that one request lists together with it.
    pub fn by_request(self) -> impl Iterator<Item = KindSet> {
        let unix = self.intersection(KindSet::UNIX);
        let alone = self.iter().filter(|kind| !kind.is_unix());
        let alone = alone.map(|kind| KindSet::NONE.with(kind));
        alone.chain((!unix.is_empty()).then_some(unix))
    }

    /// The words that [`KindSet::parse`] lists in help and completions.
    pub fn words() -> impl Iterator<Item = &'static str> {
        let kinds = Kind::ALL.iter().map(|kind| kind.name());
        kinds.chain(GROUPS.iter().map(|(word, _)| *word))
    }

    /// The kinds that a word means, in any case and with `-` and `_` or without: a name, a group, or a
    /// word of ss(8).
    ///
    /// # Errors
    /// Why it means none.
    pub fn parse(word: &str) -> Result<KindSet, String> {
        let typed = plain(word);
        let mut kinds = Kind::ALL.iter().copied();
        if let Some(kind) = kinds.find(|kind| plain(kind.name()) == typed) {
            return Ok(KindSet::NONE.with(kind));
        }
        if let Some((_, kinds)) = GROUPS.iter().find(|(word, _)| *word == typed) {
            return Ok(*kinds);
        }
        if let Some(word) = UNSUPPORTED.iter().find(|word| typed.starts_with(**word)) {
            return Err(format!("{word} sockets are not supported"));
        }
        let words: Vec<&str> = KindSet::words().collect();
        let near = hint(&word.to_lowercase(), &words, "tcpstates(1)");
        Err(format!("no such kind of sockets; {near}"))
    }

    /// Whether they are named as a group, not one by one.
    pub fn is_group(self) -> bool {
        GROUPS.iter().any(|(_, kinds)| *kinds == self)
    }

    /// Whether they are a group whose kinds are requested one after the other, so that an answer about
    /// the others is possible without one. UNIX sockets are requested together.
    pub fn is_group_of_requests(self) -> bool {
        self.is_group() && self.by_request().nth(1).is_some()
    }

    /// Those that are named one by one.
    pub fn named(self) -> impl Iterator<Item = Kind> {
        self.iter().filter(move |_| !self.is_group())
    }

    /// Whether there are internet sockets among them.
    pub const fn has_internet(self) -> bool {
        !self.intersection(KindSet::INTERNET).is_empty()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of the set, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        let all = Kind::ALL.iter().copied();
        all.filter(move |kind| self.contains(*kind))
    }

    /// The first of them; TCP of none.
    pub fn first(self) -> Kind {
        self.iter().next().unwrap_or(Kind::Tcp)
    }

    /// The states that their sockets can have, in an answer that names none.
    pub fn states(self) -> StateSet {
        self.each(Kind::states)
    }

    /// The states that these words mean for one of the kinds; see [`Kind::meant`].
    pub fn meant(self, states: StateSet) -> StateSet {
        self.each(|kind| kind.meant(states))
    }

    /// The states of sockets that wait for peers.
    pub fn waiting(self) -> StateSet {
        self.each(|kind| StateSet::NONE.with(kind.waiting()))
    }

    fn each(self, of: impl Fn(Kind) -> StateSet) -> StateSet {
        self.iter().map(of).fold(StateSet::NONE, StateSet::union)
    }

    /// The kind, if there is only one.
    pub fn only(self) -> Option<Kind> {
        let mut kinds = self.iter();
        kinds.next().filter(|_| kinds.next().is_none())
    }

    /// The words for them with commas between.
    pub fn words_of(self) -> String {
        let words: Vec<&str> = self.iter().map(Kind::name).collect();
        words.join(",")
    }

    /// The word for all of them, where there is one, or those for each.
    pub fn words_typed(self) -> String {
        let group = GROUPS.iter().find(|(_, kinds)| *kinds == self);
        group.map_or_else(|| self.words_of(), |(word, _)| (*word).to_owned())
    }

    /// The words for each; `None` for TCP alone, which is named nowhere.
    pub fn unless_tcp(self) -> Option<String> {
        (self != KindSet::TCP).then(|| self.words_of())
    }

    /// Their names in messages: `TCP, MPTCP and UDP`.
    pub fn titles(self) -> String {
        let mut titles: Vec<&str> = self.iter().map(Kind::title).collect();
        if self.intersection(KindSet::UNIX) == KindSet::UNIX {
            titles.retain(|title| !title.starts_with("UNIX"));
            titles.push("UNIX");
        }
        match titles.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> KindSet {
        kinds.into_iter().fold(KindSet::NONE, KindSet::with)
    }
}

/// The word without what may be left out.
fn plain(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', '_'], "")
}
