//! The kernel's counters about TCP, MPTCP and UDP, by the names of nstat(8). Reads none of them.

use std::collections::BTreeMap;

use super::Kind;

table! {
    /// One counter. All but those of `sockstat` only grow, and are of one network namespace.
    Counter
    /// The word its line begins with, without the colon, and the name of its column.
    place: (&'static str, &'static str)
    {
        /// Connections begun by this host (RFC 4022, tcpActiveOpens).
        ActiveOpens = ("Tcp", "ActiveOpens"),
        /// Connections that listeners of this host took (RFC 4022, tcpPassiveOpens).
        PassiveOpens = ("Tcp", "PassiveOpens"),
        /// Connections that ended by a reset, sent or received (RFC 4022, tcpEstabResets).
        EstabResets = ("Tcp", "EstabResets"),
        /// Segments received (RFC 4022, tcpInSegs).
        InSegs = ("Tcp", "InSegs"),
        /// Segments sent with a reset (RFC 4022, tcpOutRsts).
        OutRsts = ("Tcp", "OutRsts"),
        /// Segments sent, without retransmitted ones (RFC 4022, tcpOutSegs).
        OutSegs = ("Tcp", "OutSegs"),
        /// Retransmitted segments (RFC 4022, tcpRetransSegs).
        RetransSegs = ("Tcp", "RetransSegs"),
        /// Connections that failed before they were established (RFC 4022, tcpAttemptFails).
        AttemptFails = ("Tcp", "AttemptFails"),
        /// Half-open requests that the client reset; AttemptFails counts them too.
        EmbryonicRsts = ("TcpExt", "EmbryonicRsts"),
        /// SYN cookies sent.
        SyncookiesSent = ("TcpExt", "SyncookiesSent"),
        /// Valid SYN cookies received.
        SyncookiesRecv = ("TcpExt", "SyncookiesRecv"),
        /// Requests dropped because the queue of half-open ones was full and cookies are off.
        ReqQFullDrop = ("TcpExt", "TCPReqQFullDrop"),
        /// Requests answered with a cookie because the queue of half-open ones was full.
        ReqQFullDoCookies = ("TcpExt", "TCPReqQFullDoCookies"),
        /// Connections dropped because their listener's accept queue was full.
        ListenOverflows = ("TcpExt", "ListenOverflows"),
        /// Connections dropped on their way into an accept queue, for any reason.
        ListenDrops = ("TcpExt", "ListenDrops"),
        /// Connections that ended without TIME_WAIT for lack of room for it.
        TimeWaitOverflow = ("TcpExt", "TCPTimeWaitOverflow"),
        /// Connections reset for lack of memory, or because there were too many orphans.
        AbortOnMemory = ("TcpExt", "TCPAbortOnMemory"),
        /// Connections reset because data arrived after the program had closed them, or because the
        /// program discards what is unsent when it closes (SO_LINGER of 0 s).
        AbortOnData = ("TcpExt", "TCPAbortOnData"),
        /// Connections reset because the program closed them with unread data in their queue.
        AbortOnClose = ("TcpExt", "TCPAbortOnClose"),
        /// Connections given up because the peer acknowledged nothing for too long.
        AbortOnTimeout = ("TcpExt", "TCPAbortOnTimeout"),
        /// How often the queues of a socket that used all its memory were pruned.
        PruneCalled = ("TcpExt", "PruneCalled"),
        /// How often there was no room even then, and received data was dropped.
        RcvPruned = ("TcpExt", "RcvPruned"),
        /// How often data received out of order was dropped to make room.
        OfoPruned = ("TcpExt", "OfoPruned"),
        /// Segments that were merged with others in receive queues to make room.
        RcvCollapsed = ("TcpExt", "TCPRcvCollapsed"),
        /// Segments dropped because there was no room in the receive queue.
        RcvQDrop = ("TcpExt", "TCPRcvQDrop"),
        /// How often TCP came under memory pressure.
        MemoryPressures = ("TcpExt", "TCPMemoryPressures"),
        /// How often a retransmission timer expired.
        Timeouts = ("TcpExt", "TCPTimeouts"),
        /// Segments that peers report to have received twice (RFC 2883).
        DsackRecv = ("TcpExt", "TCPDSACKRecv"),
        /// Retransmitted SYNs and SYN-ACKs.
        SynRetrans = ("TcpExt", "TCPSynRetrans"),
        /// Connections that this host began with the option MP_CAPABLE (RFC 8684).
        MpCapableSynTx = ("MPTcpExt", "MPCapableSYNTX"),
        /// Those that became plain TCP because the SYN-ACK had no such option.
        MpCapableFallback = ("MPTcpExt", "MPCapableFallbackSYNACK"),
        /// UDP datagrams over IPv4 that programs read (RFC 4113, udpInDatagrams).
        UdpInDatagrams = ("Udp", "InDatagrams"),
        /// Those dropped because the receive buffer of their socket was full.
        UdpRcvbufErrors = ("Udp", "RcvbufErrors"),
        /// Those dropped because all UDP sockets of the host together used too much memory; since 5.11.
        UdpMemErrors = ("Udp", "MemErrors"),
        /// Those dropped because of a wrong checksum.
        UdpChecksumErrors = ("Udp", "InCsumErrors"),
        /// UDP datagrams over IPv6 that programs read.
        Udp6InDatagrams = ("Udp6", "InDatagrams"),
        /// Those dropped because the receive buffer of their socket was full.
        Udp6RcvbufErrors = ("Udp6", "RcvbufErrors"),
        /// Those dropped because all UDP sockets of the host together used too much memory; since 5.11.
        Udp6MemErrors = ("Udp6", "MemErrors"),
        /// Those dropped because of a wrong checksum.
        Udp6ChecksumErrors = ("Udp6", "InCsumErrors"),
        /// Pages of memory that UDP sockets use. Host-wide, also in a child namespace.
        UdpMemoryPages = ("UDP", "mem"),
        /// Tracked packets dropped because their connection could not be given an entry.
        ConntrackDrop = ("nf_conntrack", "drop"),
        /// Entries ended before their time to make room in a full table.
        ConntrackEarlyDrop = ("nf_conntrack", "early_drop"),
        /// Entries that could not be inserted, and whose packet was dropped.
        ConntrackInsertFailed = ("nf_conntrack", "insert_failed"),
        /// Orphans: closing sockets that no process holds. Host-wide, also in a child namespace.
        Orphans = ("TCP", "orphan"),
        /// Pages of memory that TCP sockets use. Host-wide, also in a child namespace.
        MemoryPages = ("TCP", "mem"),
    }
}

impl Counter {
    /// The file of proc(5) it is in.
    pub fn file(self) -> &'static str {
        match self.place().0 {
            "Tcp" | "Udp" => "snmp",
            "Udp6" => "snmp6",
            "TcpExt" | "MPTcpExt" => "netstat",
            "nf_conntrack" => "stat/nf_conntrack",
            _ => "sockstat",
        }
    }

    /// The kind of sockets without which its file is not read: the other files are read for TCP too.
    pub fn kind(self) -> Kind {
        match self.file() {
            "snmp6" => Kind::Udp,
            _ => Kind::Tcp,
        }
    }

    /// Its name, as nstat(8) prints it: `TcpExtListenOverflows`; `sockstat TCP orphan` and
    /// `nf_conntrack drop` for those that nstat(8) does not have.
    pub fn name(self) -> String {
        match self.place() {
            (line @ ("TCP" | "UDP"), column) => format!("sockstat {line} {column}"),
            (file @ "nf_conntrack", column) => format!("{file} {column}"),
            (line, column) => format!("{line}{column}"),
        }
    }
}

/// Segments sent in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Those that carried data that was sent before.
    pub again: u64,
    /// All.
    pub all: u64,
}

/// The counters at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The value of each, or why it is unknown.
    values: BTreeMap<Counter, Result<u64, String>>,
}

impl Counters {
    /// Sets the value of a counter, or why it is unknown.
    pub fn set(&mut self, counter: Counter, value: Result<u64, String>) {
        self.values.insert(counter, value);
    }

    /// The value of a counter.
    ///
    /// # Errors
    /// Why it is unknown: a sentence without a full stop.
    pub fn get(&self, counter: Counter) -> Result<u64, String> {
        let value = self.values.get(&counter).cloned();
        value.unwrap_or_else(|| Err(format!("{} was not read", counter.name())))
    }

    /// The segments sent since `before`, and how many of them carried data that was sent before.
    /// TcpRetransSegs counts SYNs and SYN-ACKs too (`tcp_rtx_synack`, net/ipv4/tcp_output.c), which
    /// belong to destinations that do not answer and to unknown clients; TcpOutSegs counts no
    /// retransmission.
    ///
    /// # Errors
    /// Why they are unknown.
    pub fn segments_since(&self, before: &Counters) -> Result<Segments, String> {
        let grown = |counter| self.grown_since(before, counter);
        // In another file, read a moment later.
        let again = grown(Counter::RetransSegs)?.saturating_sub(grown(Counter::SynRetrans)?);
        Ok(Segments {
            again,
            all: again.saturating_add(grown(Counter::OutSegs)?),
        })
    }

    /// By how much a counter has grown since `before`.
    ///
    /// # Errors
    /// Why that is unknown; a counter that went back was reset.
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
        let names: std::collections::BTreeSet<_> =
            Counter::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Counter::ALL.len());
        assert_eq!(Counter::ListenDrops.name(), "TcpExtListenDrops");
        assert_eq!(Counter::ListenDrops.file(), "netstat");
        assert_eq!(Counter::RetransSegs.file(), "snmp");
        assert_eq!(Counter::ConntrackDrop.name(), "nf_conntrack drop");
        assert_eq!(Counter::ConntrackDrop.file(), "stat/nf_conntrack");
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
        now.set(Counter::Orphans, Err("gone".to_owned()));
        assert!(now.grown_since(&before, Counter::Orphans).is_err());
    }
}
