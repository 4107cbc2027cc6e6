//! The kernel's counters about TCP, by the names of nstat(8).

use std::collections::BTreeMap;

/// One counter. All but those of `sockstat` only grow, and are of one network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Segments sent, those sent again left out (RFC 4022, tcpOutSegs).
    OutSegs,
    /// Segments sent again (RFC 4022, tcpRetransSegs).
    RetransSegs,
    /// Connections that failed before they were established (RFC 4022, tcpAttemptFails).
    AttemptFails,
    /// SYN cookies sent.
    SyncookiesSent,
    /// SYN cookies received that were right.
    SyncookiesRecv,
    /// Requests dropped because the queue of half-open ones was full and cookies are off.
    ReqQFullDrop,
    /// Requests answered by a cookie because the queue of half-open ones was full.
    ReqQFullDoCookies,
    /// Connections dropped because their listener's accept queue was full.
    ListenOverflows,
    /// Connections dropped on their way into an accept queue, for whatever reason.
    ListenDrops,
    /// Connections that ended without TIME_WAIT for want of room for it.
    TimeWaitOverflow,
    /// Connections reset for want of memory, or because there were too many orphans.
    AbortOnMemory,
    /// How often room was made in the queues of a socket that had taken all its memory.
    PruneCalled,
    /// How often there was no room even then, and what came was thrown away.
    RcvPruned,
    /// How often a queue of what came out of order was thrown away, or a part of it, to make room.
    OfoPruned,
    /// Segments that were joined with others in receive queues to make room.
    RcvCollapsed,
    /// Segments dropped because there was no room in the receive queue.
    RcvQDrop,
    /// How often TCP came under memory pressure.
    MemoryPressures,
    /// SYNs and SYN-ACKs sent again.
    SynRetrans,
    /// Retransmission timers that fired.
    Timeouts,
    /// Orphans: sockets no process holds, on their way out. Host-wide, also in a namespace.
    Orphans,
    /// TIME_WAIT sockets of this namespace, those in FIN_WAIT2 without a process included.
    TimeWaits,
    /// Pages of memory that TCP's sockets use. Host-wide, also in a namespace.
    MemoryPages,
}

/// Each counter with the line and the column it stands in.
const TABLE: [(Counter, &str, &str); 22] = [
    (Counter::OutSegs, "Tcp", "OutSegs"),
    (Counter::RetransSegs, "Tcp", "RetransSegs"),
    (Counter::AttemptFails, "Tcp", "AttemptFails"),
    (Counter::SyncookiesSent, "TcpExt", "SyncookiesSent"),
    (Counter::SyncookiesRecv, "TcpExt", "SyncookiesRecv"),
    (Counter::ReqQFullDrop, "TcpExt", "TCPReqQFullDrop"),
    (Counter::ReqQFullDoCookies, "TcpExt", "TCPReqQFullDoCookies"),
    (Counter::ListenOverflows, "TcpExt", "ListenOverflows"),
    (Counter::ListenDrops, "TcpExt", "ListenDrops"),
    (Counter::TimeWaitOverflow, "TcpExt", "TCPTimeWaitOverflow"),
    (Counter::AbortOnMemory, "TcpExt", "TCPAbortOnMemory"),
    (Counter::PruneCalled, "TcpExt", "PruneCalled"),
    (Counter::RcvPruned, "TcpExt", "RcvPruned"),
    (Counter::OfoPruned, "TcpExt", "OfoPruned"),
    (Counter::RcvCollapsed, "TcpExt", "TCPRcvCollapsed"),
    (Counter::RcvQDrop, "TcpExt", "TCPRcvQDrop"),
    (Counter::MemoryPressures, "TcpExt", "TCPMemoryPressures"),
    (Counter::SynRetrans, "TcpExt", "TCPSynRetrans"),
    (Counter::Timeouts, "TcpExt", "TCPTimeouts"),
    (Counter::Orphans, "TCP", "orphan"),
    (Counter::TimeWaits, "TCP", "tw"),
    (Counter::MemoryPages, "TCP", "mem"),
];

impl Counter {
    /// Every counter.
    pub fn all() -> impl Iterator<Item = Counter> {
        TABLE.iter().map(|(counter, _, _)| *counter)
    }

    /// The word its line begins with, without the colon, and the name of its column.
    pub fn place(self) -> (&'static str, &'static str) {
        TABLE
            .iter()
            .find(|(counter, _, _)| *counter == self)
            .map_or(("", ""), |(_, line, column)| (line, column))
    }

    /// The file of proc(5) it is in.
    pub fn file(self) -> &'static str {
        match self.place().0 {
            "Tcp" => "snmp",
            "TcpExt" => "netstat",
            _ => "sockstat",
        }
    }

    /// Its name, as nstat(8) writes it: `TcpExtListenOverflows`; `sockstat TCP orphan` for those that
    /// it does not know.
    pub fn name(self) -> String {
        match self.place() {
            ("TCP", column) => format!("sockstat TCP {column}"),
            (line, column) => format!("{line}{column}"),
        }
    }
}

/// The counters at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What each was, or why it is not known.
    values: BTreeMap<Counter, Result<u64, String>>,
}

impl Counters {
    /// Notes what a counter is, or why that is not known.
    pub fn set(&mut self, counter: Counter, value: Result<u64, String>) {
        self.values.insert(counter, value);
    }

    /// What a counter was.
    ///
    /// # Errors
    /// Why it is not known: a sentence without a full stop.
    pub fn get(&self, counter: Counter) -> Result<u64, String> {
        let value = self.values.get(&counter).cloned();
        value.unwrap_or_else(|| Err(format!("{} was not read", counter.name())))
    }

    /// By how much a counter has grown since `before`.
    ///
    /// # Errors
    /// Why that is not known; a counter that went back was reset.
    pub fn grown_since(&self, before: &Counters, counter: Counter) -> Result<u64, String> {
        let (before, now) = (before.get(counter)?, self.get(counter)?);
        now.checked_sub(before)
            .ok_or_else(|| format!("{} went back from {before} to {now}", counter.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_one_place_of_its_own() {
        let names: std::collections::BTreeSet<_> = Counter::all().map(Counter::name).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(Counter::ListenDrops.name(), "TcpExtListenDrops");
        assert_eq!(Counter::ListenDrops.file(), "netstat");
        assert_eq!(Counter::RetransSegs.file(), "snmp");
        assert_eq!(Counter::Orphans.name(), "sockstat TCP orphan");
        assert_eq!(Counter::Orphans.file(), "sockstat");
    }

    #[test]
    fn a_counter_that_went_back_or_was_not_read_has_not_grown_by_anything() {
        let (mut before, mut now) = (Counters::default(), Counters::default());
        before.set(Counter::OutSegs, Ok(7));
        now.set(Counter::OutSegs, Ok(9));
        assert_eq!(now.grown_since(&before, Counter::OutSegs), Ok(2));
        let back = before.grown_since(&now, Counter::OutSegs).unwrap_err();
        assert_eq!(back, "TcpOutSegs went back from 9 to 7");
        now.set(Counter::Timeouts, Err("gone".to_owned()));
        assert!(now.grown_since(&before, Counter::Timeouts).is_err());
    }
}
