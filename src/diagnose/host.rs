//! What is known of a host besides its sockets.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use super::survey::Survey;
use super::watch::Watch;
use crate::model::{
    Counter, Counters, InetEnds, Kind, KindSet, ListenAddress, Listener, Listeners, Metric,
    Segments, Setting, Settings, Sink, Socket, SourceName, TcpInfo, Unlisted, Where, counted,
    thousands,
};

/// The kernel's counters before and after the window, its settings and listeners, and the source.
#[derive(Clone, Debug)]
pub struct Host {
    /// Whose sockets they are.
    pub place: Where,
    /// Which source reported them; /proc reports less of each.
    pub source: SourceName,
    /// The kinds of sockets that are examined.
    pub kinds: KindSet,
    /// How many TCP sockets there were after the window.
    pub sockets: u64,
    /// The other kinds that have sockets: how many were examined, or why none could be.
    pub others: Vec<(Kind, Result<u64, String>)>,
    /// How many of them were in states that this program does not know.
    pub unknown_states: u64,
    /// The time between the two readings of the counters.
    pub window: Duration,
    /// For how long this program was kept from running while it observed, if that was longer than it
    /// was to observe.
    pub held_up: Option<Duration>,
    /// Whether the window is too short to conclude anything from what did not move in it.
    pub is_brief: bool,
    /// The counters at its begin.
    pub before: Counters,
    /// The counters at its end.
    pub after: Counters,
    /// The counters when suspects had been watched longer than the window, and the time since its begin;
    /// `None` where none were.
    pub later: Option<(Counters, Duration)>,
    /// The settings of the same network namespace.
    pub settings: Settings,
    /// The listeners at its end, with what each dropped in it.
    pub listeners: Listeners,
    /// The names of the interfaces that listeners are bound to, by their indexes.
    pub interfaces: HashMap<u32, String>,
    /// Why the drops of listeners are unknown, where they are.
    pub drops_unknown: Option<String>,
    /// Sockets that exist and are not in the tables of TCP that were read.
    pub unlisted: Unlisted,
    /// What TCP measured of those connections that the rules suspect, after the window.
    pub measures: Measures,
    /// What was retransmitted to each peer; `None` where that was not measured.
    pub survey: Option<Survey>,
    /// What was seen of those that they watch.
    pub watch: Watch,
    /// The size of a memory page, in bytes; `None` where the pages are another host's.
    pub page_size: Option<u64>,
    /// What all of it is from, if nothing changes there: `a copied tree`; `None` elsewhere.
    pub still: Option<&'static str>,
    /// The filter that selects sockets, in parentheses; `None` for all of them.
    pub filter: Option<String>,
    /// The listeners that it selects; `None` for all of them.
    pub selected: Option<SelectedListeners>,
}

/// Listeners that pass a filter.
#[derive(Clone, Debug, Default)]
pub struct SelectedListeners(HashSet<(SocketAddr, Option<u32>, u64)>);

impl SelectedListeners {
    /// These.
    pub fn of(listeners: &Listeners) -> SelectedListeners {
        SelectedListeners(listeners.iter().map(listener_identity).collect())
    }
}

/// What distinguishes listeners, whichever attributes were requested.
fn listener_identity(listener: &Listener) -> (SocketAddr, Option<u32>, u64) {
    (listener.local, listener.interface, listener.inode)
}

impl Host {
    /// By how much a counter grew in the window.
    ///
    /// # Errors
    /// Why that is unknown: it is absent, was reset, or belongs to a copy.
    pub(super) fn growth(&self, counter: Counter) -> Result<u64, String> {
        self.in_window().of(counter)
    }

    /// By how much these counters grew together, without those that are unknown.
    pub(super) fn known_growth(&self, counters: &[Counter]) -> u64 {
        let grown = counters.iter().filter_map(|one| self.growth(*one).ok());
        grown.sum()
    }

    /// The pages of memory that a protocol uses, and the three numbers that limit them. Both are those of
    /// the whole host.
    ///
    /// # Errors
    /// Why one of them is unknown.
    pub(super) fn memory(
        &self,
        protocol: &str,
        pages: Counter,
        limits: Setting,
    ) -> Result<(u64, [u64; 3]), String> {
        let pages = self.after.get(pages)?;
        let of_host = |reason| format!("{protocol}'s memory is that of the whole host: {reason}");
        Ok((pages, self.settings.numbers(limits).map_err(of_host)?))
    }

    /// Pages of memory as a size: `12 MiB`, or `90 pages` where their size is unknown.
    pub(super) fn memory_text(&self, pages: u64) -> String {
        match self.page_size {
            Some(bytes) => format!("{} MiB", thousands(bytes.saturating_mul(pages) >> 20)),
            None => counted(pages, "page", "pages"),
        }
    }

    /// By how much counters grew, as evidence: `TcpExtListenDrops grew by 8 in 1.0 s`.
    pub(super) fn growth_text(&self, counters: &[Counter]) -> String {
        self.in_window().text(counters)
    }

    /// What the counters grew by in the window.
    pub(super) fn in_window(&self) -> Growth<'_> {
        Growth {
            host: self,
            after: &self.after,
            time: self.window,
        }
    }

    /// What they grew by until suspects were last seen; `None` where none were watched.
    pub(super) fn while_watched(&self) -> Option<Growth<'_>> {
        let (after, time) = self.later.as_ref()?;
        Some(Growth {
            host: self,
            after,
            time: *time,
        })
    }

    /// Whether one of these kinds is examined.
    pub(super) fn selects_any(&self, kinds: KindSet) -> bool {
        kinds.iter().any(|kind| self.kinds.contains(kind))
    }

    /// How many sockets of this kind were examined.
    pub fn sockets_of(&self, kind: Kind) -> u64 {
        let mut others = self.others.iter();
        match kind == Kind::Tcp {
            true => self.sockets,
            false => match others.find(|(other, _)| *other == kind) {
                Some((_, Ok(sockets))) => *sockets,
                Some((_, Err(_))) | None => 0,
            },
        }
    }

    /// Why sockets of these kinds were not read, where that is so.
    pub(super) fn unread(&self, kinds: KindSet) -> Option<String> {
        let others = self.others.iter();
        let failures = others.filter_map(|(kind, read)| Some((kind, read.as_ref().err()?)));
        let of_these = failures.filter(|(kind, _)| kinds.contains(**kind));
        let reasons: Vec<String> = of_these
            .map(|(kind, reason)| format!("{} sockets were not read: {reason}", kind.title()))
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Why nothing is concluded from what did not move, where that is so.
    pub fn held_up_text(&self) -> Option<String> {
        if self.is_brief {
            let window = self.window_text();
            return Some(format!(
                "that nothing moved in a window of only {window} proves nothing"
            ));
        }
        let time = self.held_up?.as_secs_f64();
        Some(format!(
            "the machine was suspended or overloaded, or this program stopped, for {time:.1} s of the measurement: that nothing moved proves nothing"
        ))
    }

    /// Where this listener listens; without what `others` on the same address do not share.
    pub(super) fn listen_address(&self, first: &Listener, others: &[&Listener]) -> ListenAddress {
        let is_common =
            |has: fn(&Listener) -> Option<u32>| others.iter().all(|one| has(one) == has(first));
        let interface = first.bound_to().filter(|_| is_common(Listener::bound_to));
        let v6only = first
            .v6only
            .filter(|_| is_common(|one| one.v6only.map(u32::from)));
        ListenAddress {
            local: first.local,
            interface: interface.and_then(|index| self.interfaces.get(&index).cloned()),
            v6only,
        }
    }

    /// Whether findings may be about this listener.
    pub(super) fn selects(&self, listener: &Listener) -> bool {
        let selected = self.selected.as_ref();
        selected.is_none_or(|selected| selected.0.contains(&listener_identity(listener)))
    }

    /// The window: `1.0 s`.
    pub(super) fn window_text(&self) -> String {
        self.in_window().time_text()
    }

    /// A setting that is one number, where it is known.
    pub(super) fn setting(&self, setting: Setting) -> Option<u64> {
        self.settings.number(setting).ok()
    }

    /// The same where MPTCP sockets were not read.
    pub(super) fn mptcp_unread(&self) -> Option<String> {
        let was_read = |(kind, _): &(Kind, _)| *kind == Kind::Mptcp;
        let is_examined = self.others.iter().any(was_read) || !self.kinds.contains(Kind::Mptcp);
        self.mptcp().filter(|_| !is_examined)
    }

    /// Why the tables of TCP do not show all there is to a rule: a connection of Multipath TCP is
    /// ESTABLISHED there with empty queues, whatever the state and queues of the socket that the
    /// program holds (net/mptcp/protocol.c).
    pub(super) fn mptcp(&self) -> Option<String> {
        match &self.unlisted.mptcp {
            Ok(0) => None,
            Ok(sockets) => Some(format!(
                "{} not in the TCP table, which shows their connections as ESTABLISHED with empty queues",
                counted(*sockets, "MPTCP socket is", "MPTCP sockets are")
            )),
            Err(reason) => Some(format!("the number of MPTCP sockets is unknown: {reason}")),
        }
    }
}

/// What the counters of a host grew by from the begin of the window on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth<'a> {
    host: &'a Host,
    after: &'a Counters,
    pub(super) time: Duration,
}

impl Growth<'_> {
    /// By how much one grew.
    ///
    /// # Errors
    /// Those of [`Host::growth`].
    pub(super) fn of(&self, counter: Counter) -> Result<u64, String> {
        if let Some(still) = self.host.still {
            return Err(format!("counters do not grow in {still}"));
        }
        self.after.grown_since(&self.host.before, counter)
    }

    /// The segments that were sent, and how many of them again, without those of handshakes.
    ///
    /// # Errors
    /// Those of [`Growth::of`].
    pub(super) fn segments(&self) -> Result<Segments, String> {
        self.of(Counter::RetransSegs)?;
        self.after.segments_since(&self.host.before)
    }

    /// By how much some grew, as evidence.
    pub(super) fn text(&self, counters: &[Counter]) -> String {
        let texts = counters.iter().map(|counter| match self.of(*counter) {
            Ok(growth) => format!("{} grew by {}", counter.name(), thousands(growth)),
            Err(reason) => format!("the growth of {} is unknown ({reason})", counter.name()),
        });
        let texts: Vec<String> = texts.collect();
        format!("{} in {}", texts.join(", "), self.time_text())
    }

    /// The time: `1.0 s`.
    pub(super) fn time_text(&self) -> String {
        format!("{:.1} s", self.time.as_secs_f64())
    }
}

/// What TCP measures of a few connections.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    by_ends: HashMap<InetEnds, Option<TcpInfo>>,
}

impl Measures {
    /// Takes the measures of these connections from the sockets that follow.
    pub fn of(suspects: &[InetEnds]) -> Measures {
        Measures {
            by_ends: suspects.iter().map(|ends| (*ends, None)).collect(),
        }
    }

    /// One measure of a connection; `None` where it was not requested, or the connection has ended.
    pub(super) fn get(&self, ends: InetEnds, metric: Metric) -> Option<u64> {
        self.by_ends.get(&ends)?.as_ref()?.get(metric)
    }

    /// With a measure of a connection.
    #[cfg(test)]
    pub(super) fn with(mut self, ends: InetEnds, metric: Metric, value: u64) -> Measures {
        let info = self.by_ends.entry(ends).or_default();
        info.get_or_insert_default().set(metric, value);
        self
    }
}

impl Sink for Measures {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        let known = socket
            .internet()
            .and_then(|ends| self.by_ends.get_mut(ends));
        if let (Some(known), Some(info)) = (known, &socket.info) {
            *known = Some(**info);
        }
        ControlFlow::Continue(())
    }
}
