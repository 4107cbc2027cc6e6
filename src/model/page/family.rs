//! The families of the page: name, type, labels and help of each, as one table. The help is the doc
//! comment. Names and labels never change their meaning; families are only ever added.
//!
//! Names follow "Metric and label naming" of Prometheus and OpenMetrics 1.0; states have the names that
//! node_exporter's `tcpstat` uses.

use crate::model::Counter;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number that goes up and down.
    Gauge,
    /// A total that only grows, until it is reset.
    Counter,
    /// Labels only; the value is 1.
    Info,
}

/// A family without its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name of its samples: `tcpstates_build_info`, `tcpstates_kernel_listen_drops_total`.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence without a full stop.
    pub help: &'static str,
}

macro_rules! families {
    ($(#[doc = $help:literal] $family:ident = $shape:ident $name:literal $labels:tt,)+) => {
        /// A family of the page, in the order of the page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Family {
            $(#[doc = $help] $family,)+
        }

        impl Family {
            /// Every family.
            pub const ALL: &[Family] = &[$(Family::$family,)+];

            /// Its name, type, labels and help.
            pub const fn definition(self) -> Definition {
                match self {
                    $(Family::$family => Definition {
                        name: $name,
                        shape: Shape::$shape,
                        labels: &$labels,
                        help: $help.trim_ascii(),
                    },)+
                }
            }
        }
    };
}

families! {
    /// The version of tcpstates that answers
    Build = Info "tcpstates_build_info" ["version"],
    /// 1 if everything that the kernel sent of this part was counted, 0 if something was lost or nothing answered in time
    Complete = Gauge "tcpstates_complete" ["part"],
    /// When the first request of this sample was sent to the kernel, in seconds since 1970 UTC
    SampleTimestamp = Gauge "tcpstates_sample_timestamp_seconds" [],
    /// How long this part of the sample took
    SampleDuration = Gauge "tcpstates_sample_duration_seconds" ["part"],
    /// 1 for the source of the numbers of sockets, 0 for the others
    Source = Gauge "tcpstates_source" ["source"],
    /// Sockets by state: TCP sockets, or those of a kind (--kind), of one network namespace or of each (--netns)
    Sockets = Gauge "tcpstates_sockets" ["kind", "netns", "state"],
    /// By how much tcpstates_sockets may be off where it is derived from kernel counters, 0 where every socket was listed
    SocketsSpread = Gauge "tcpstates_sockets_spread" ["state"],
    /// Sockets whose SYN was retransmitted twice, or whose FIN or data three times, without an answer
    SocketsUnanswered = Gauge "tcpstates_sockets_unanswered" ["state"],
    /// Sockets by group and state, of the groups that have series (--by)
    SocketsBy = Gauge "tcpstates_sockets_by_KEYS" ["state"],
    /// Sockets by state of all other groups of these keys
    SocketsByOther = Gauge "tcpstates_sockets_by_other" ["by", "state"],
    /// How many groups of these keys there are
    Groups = Gauge "tcpstates_groups" ["by"],
    /// What a network namespace with series of its own belongs to, empty where that is unknown (several of --netns)
    NetnsInfo = Info "tcpstates_netns_info" ["netns", "pod_namespace", "pod_name", "container_name"],
    /// Network namespaces that were read (several of --netns)
    NetnsRead = Gauge "tcpstates_netns_read" [],
    /// Network namespaces that exist and were not read (several of --netns)
    NetnsUnread = Gauge "tcpstates_netns_unread" [],
    /// Connections that wait to be accepted, in the fullest accept queue at this address and port
    AcceptQueueLength = Gauge "tcpstates_accept_queue_length" ["netns", "local_addr", "local_port"],
    /// How many connections may wait in that accept queue; if more do, it is full and connections are dropped
    AcceptQueueLimit = Gauge "tcpstates_accept_queue_limit" ["netns", "local_addr", "local_port"],
    /// What the kernel dropped that was meant for the listeners at this address and port, since they were created
    ListenerDrops = Counter "tcpstates_listener_drops_total" ["netns", "local_addr", "local_port"],
    /// How many entries of this part have no series of their own, because the number of series is limited
    SeriesDropped = Gauge "tcpstates_series_dropped" ["part"],
    /// Ports that the kernel chooses from for outgoing connections: net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports
    EphemeralPorts = Gauge "tcpstates_ephemeral_ports" [],
    /// Ports that connections to this destination take, of the destinations that take most (--ports)
    EphemeralPortsUsed = Gauge "tcpstates_ephemeral_ports_used" ["local_addr", "remote_addr", "remote_port"],
    /// The most ports that connections to one destination take (--ports)
    EphemeralPortsUsedMost = Gauge "tcpstates_ephemeral_ports_used_most" [],
    /// Findings of each rule of tcpstates doctor and severity; info is no fault (--doctor)
    Findings = Gauge "tcpstates_findings" ["rule", "severity"],
    /// 1 if this rule was applied completely, 0 if something that it needs was not read (--doctor)
    RuleExamined = Gauge "tcpstates_rule_examined" ["rule"],
    /// The time between the two samples that the rules compared (--doctor)
    FindingsWindow = Gauge "tcpstates_findings_window_seconds" [],
    /// The most sockets in TIME_WAIT: net.ipv4.tcp_max_tw_buckets
    TimeWaitLimit = Gauge "tcpstates_time_wait_limit" [],
    /// Orphans, closing sockets that no process holds, of the whole host (TCP: orphan of /proc/net/sockstat)
    Orphans = Gauge "tcpstates_orphans" [],
    /// The most orphans of the whole host: net.ipv4.tcp_max_orphans
    OrphansLimit = Gauge "tcpstates_orphans_limit" [],
    /// Memory that the TCP sockets of the whole host use (TCP: mem of /proc/net/sockstat)
    Memory = Gauge "tcpstates_memory_bytes" [],
    /// The memory from which on TCP saves memory: the second number of net.ipv4.tcp_mem
    MemoryPressure = Gauge "tcpstates_memory_pressure_bytes" [],
    /// The most memory that TCP may use: the third number of net.ipv4.tcp_mem
    MemoryLimit = Gauge "tcpstates_memory_limit_bytes" [],
    /// Entries of the connection tracking table of this network namespace: net.netfilter.nf_conntrack_count
    ConntrackEntries = Gauge "tcpstates_conntrack_entries" [],
    /// The most entries of that table: net.netfilter.nf_conntrack_max
    ConntrackEntriesLimit = Gauge "tcpstates_conntrack_entries_limit" [],
    /// Connections dropped because an accept queue was full (TcpExtListenOverflows of nstat)
    ListenOverflows = Counter "tcpstates_kernel_listen_overflows_total" [],
    /// Connections dropped on their way into an accept queue, for any reason (TcpExtListenDrops of nstat)
    ListenDrops = Counter "tcpstates_kernel_listen_drops_total" [],
    /// Connection requests dropped because the queue of half-open ones was full (TcpExtTCPReqQFullDrop of nstat)
    RequestQueueDrops = Counter "tcpstates_kernel_request_queue_drops_total" [],
    /// Connection requests answered with a SYN cookie because the queue of half-open ones was full (TcpExtTCPReqQFullDoCookies of nstat)
    RequestQueueCookies = Counter "tcpstates_kernel_request_queue_cookies_total" [],
    /// SYN cookies sent (TcpExtSyncookiesSent of nstat)
    SynCookiesSent = Counter "tcpstates_kernel_syn_cookies_sent_total" [],
    /// Valid SYN cookies received (TcpExtSyncookiesRecv of nstat)
    SynCookiesReceived = Counter "tcpstates_kernel_syn_cookies_received_total" [],
    /// Segments sent, without retransmitted ones (TcpOutSegs of nstat)
    SegmentsSent = Counter "tcpstates_kernel_segments_sent_total" [],
    /// Segments retransmitted, SYNs and SYN-ACKs included (TcpRetransSegs of nstat)
    SegmentsRetransmitted = Counter "tcpstates_kernel_segments_retransmitted_total" [],
    /// SYNs and SYN-ACKs retransmitted (TcpExtTCPSynRetrans of nstat)
    SynsRetransmitted = Counter "tcpstates_kernel_syns_retransmitted_total" [],
    /// Retransmission timeouts (TcpExtTCPTimeouts of nstat)
    RetransmissionTimeouts = Counter "tcpstates_kernel_retransmission_timeouts_total" [],
    /// Connections that failed before they were established (TcpAttemptFails of nstat)
    AttemptFailures = Counter "tcpstates_kernel_attempt_failures_total" [],
    /// Connections that ended without TIME_WAIT because there was no room for it (TcpExtTCPTimeWaitOverflow of nstat)
    TimeWaitOverflows = Counter "tcpstates_kernel_time_wait_overflows_total" [],
    /// Connections reset because memory was short or there were too many orphans (TcpExtTCPAbortOnMemory of nstat)
    AbortsOnMemory = Counter "tcpstates_kernel_aborts_on_memory_total" [],
    /// How often TCP came under memory pressure (TcpExtTCPMemoryPressures of nstat)
    MemoryPressures = Counter "tcpstates_kernel_memory_pressures_total" [],
    /// How often the queues of a socket that used all its memory were pruned (TcpExtPruneCalled of nstat)
    ReceiveQueuePrunes = Counter "tcpstates_kernel_receive_queue_prunes_total" [],
    /// How often pruning did not help, and received data was dropped (TcpExtRcvPruned of nstat)
    ReceiveQueuePruneFailures = Counter "tcpstates_kernel_receive_queue_prune_failures_total" [],
    /// How often data received out of order was dropped to make room (TcpExtOfoPruned of nstat)
    OutOfOrderQueuePrunes = Counter "tcpstates_kernel_out_of_order_queue_prunes_total" [],
    /// Segments dropped because there was no room in the receive queue (TcpExtTCPRcvQDrop of nstat)
    ReceiveQueueDrops = Counter "tcpstates_kernel_receive_queue_drops_total" [],
    /// Segments merged with others in receive queues to make room (TcpExtTCPRcvCollapsed of nstat)
    ReceiveQueueCollapses = Counter "tcpstates_kernel_receive_queue_collapses_total" [],
    /// Connections to this server that were closed to make room for others, or refused because there was none
    HttpRejected = Counter "tcpstates_http_connections_rejected_total" [],
    /// CPU time of this server, user and system
    ProcessCpu = Counter "process_cpu_seconds_total" [],
    /// Resident memory of this server
    ProcessMemory = Gauge "process_resident_memory_bytes" [],
    /// Open file descriptors of this server
    ProcessOpenDescriptors = Gauge "process_open_fds" [],
    /// The most open file descriptors of this server (RLIMIT_NOFILE)
    ProcessMostDescriptors = Gauge "process_max_fds" [],
    /// When this server was started, in seconds since 1970 UTC
    ProcessStart = Gauge "process_start_time_seconds" [],
}

impl Family {
    /// The families of kernel counters, each with its counter.
    pub const KERNEL: [(Family, Counter); 19] = [
        (Family::ListenOverflows, Counter::ListenOverflows),
        (Family::ListenDrops, Counter::ListenDrops),
        (Family::RequestQueueDrops, Counter::ReqQFullDrop),
        (Family::RequestQueueCookies, Counter::ReqQFullDoCookies),
        (Family::SynCookiesSent, Counter::SyncookiesSent),
        (Family::SynCookiesReceived, Counter::SyncookiesRecv),
        (Family::SegmentsSent, Counter::OutSegs),
        (Family::SegmentsRetransmitted, Counter::RetransSegs),
        (Family::SynsRetransmitted, Counter::SynRetrans),
        (Family::RetransmissionTimeouts, Counter::Timeouts),
        (Family::AttemptFailures, Counter::AttemptFails),
        (Family::TimeWaitOverflows, Counter::TimeWaitOverflow),
        (Family::AbortsOnMemory, Counter::AbortOnMemory),
        (Family::MemoryPressures, Counter::MemoryPressures),
        (Family::ReceiveQueuePrunes, Counter::PruneCalled),
        (Family::ReceiveQueuePruneFailures, Counter::RcvPruned),
        (Family::OutOfOrderQueuePrunes, Counter::OfoPruned),
        (Family::ReceiveQueueDrops, Counter::RcvQDrop),
        (Family::ReceiveQueueCollapses, Counter::RcvCollapsed),
    ];
}
