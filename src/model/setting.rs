//! The kernel's settings that limit TCP and UDP, by the names of sysctl(8). Reads none of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::{Kind, KindSet};

table! {
    /// One setting; tcp(7), ip(7) and Documentation/networking/ip-sysctl.rst describe each.
    Setting
    /// Its name: `net.ipv4.tcp_max_tw_buckets`.
    name: &'static str
    {
        /// The ports that the kernel chooses from, first and last.
        LocalPortRange = "net.ipv4.ip_local_port_range",
        /// Ports of that range that it does not choose.
        LocalReservedPorts = "net.ipv4.ip_local_reserved_ports",
        /// Whether a new connection may replace one in TIME_WAIT: 0 never, 1 always, 2 (the default since
        /// 4.19) between loopback addresses.
        TwReuse = "net.ipv4.tcp_tw_reuse",
        /// How long TIME_WAIT must have lasted for that, in milliseconds; since 6.14, one second before.
        TwReuseDelay = "net.ipv4.tcp_tw_reuse_delay",
        /// Whether TCP timestamps are used; reuse of TIME_WAIT needs them.
        Timestamps = "net.ipv4.tcp_timestamps",
        /// The most sockets in TIME_WAIT.
        MaxTwBuckets = "net.ipv4.tcp_max_tw_buckets",
        /// The most orphans; of the host, absent in a child namespace.
        MaxOrphans = "net.ipv4.tcp_max_orphans",
        /// How long an orphan stays in FIN_WAIT2, in seconds.
        FinTimeout = "net.ipv4.tcp_fin_timeout",
        /// The largest limit of an accept queue that listen() can request.
        Somaxconn = "net.core.somaxconn",
        /// Whether SYN cookies are used: 0 never, 1 when the queue is full, 2 always.
        Syncookies = "net.ipv4.tcp_syncookies",
        /// The most half-open requests of a listener, where SYN cookies are off.
        MaxSynBacklog = "net.ipv4.tcp_max_syn_backlog",
        /// How often a SYN is retransmitted.
        SynRetries = "net.ipv4.tcp_syn_retries",
        /// How often it is retransmitted after one second each before that; since 6.5.
        SynLinearTimeouts = "net.ipv4.tcp_syn_linear_timeouts",
        /// How often a SYN-ACK is retransmitted.
        SynackRetries = "net.ipv4.tcp_synack_retries",
        /// After how many retransmissions a connection is given up.
        Retries2 = "net.ipv4.tcp_retries2",
        /// How often an orphan retransmits before it is given up; 0 means 8.
        OrphanRetries = "net.ipv4.tcp_orphan_retries",
        /// Whether TCP tries smaller segments where full ones are lost: 0 never, 1 after some
        /// retransmissions, 2 always.
        MtuProbing = "net.ipv4.tcp_mtu_probing",
        /// Pages of memory: low, pressure, high; of the host, absent in a child namespace.
        Mem = "net.ipv4.tcp_mem",
        /// The size of the receive buffer of one socket: least, default, most.
        ReceiveMemory = "net.ipv4.tcp_rmem",
        /// The same of the send buffer.
        SendMemory = "net.ipv4.tcp_wmem",
        /// Pages of memory that all UDP sockets may use for received data, and two numbers without effect;
        /// of the host, absent in a child namespace.
        UdpMem = "net.ipv4.udp_mem",
        /// The largest receive buffer that a program can request (SO_RCVBUF), in bytes.
        RmemMax = "net.core.rmem_max",
        /// The entries of the connection tracking table of this namespace.
        ConntrackCount = "net.netfilter.nf_conntrack_count",
        /// The most entries of it.
        ConntrackMax = "net.netfilter.nf_conntrack_max",
        /// How long an idle established connection stays in it, in seconds.
        ConntrackEstablished = "net.netfilter.nf_conntrack_tcp_timeout_established",
        /// How long one stays in it whose connection has closed, in seconds.
        ConntrackTimeWait = "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Setting {
    /// The kinds of sockets without which it is not read: limits of the whole host always are.
    pub fn kinds(self) -> KindSet {
        match self == Setting::RmemMax {
            true => KindSet::NONE.with(Kind::Udp).with(Kind::Netlink),
            false => KindSet::TCP,
        }
    }

    /// Its file below `/proc/sys`: `net/ipv4/tcp_max_tw_buckets`.
    pub fn path(self) -> String {
        self.name().replace('.', "/")
    }
}

/// The values of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The text of each, or why it is unknown.
    values: BTreeMap<Setting, Result<String, String>>,
}

impl Settings {
    /// Sets the text of a setting, or why it is unknown.
    pub fn set(&mut self, setting: Setting, value: Result<String, String>) {
        self.values.insert(setting, value);
    }

    fn text(&self, setting: Setting) -> Result<&str, String> {
        match self.values.get(&setting) {
            Some(Ok(text)) => Ok(text),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(format!("{setting} was not read")),
        }
    }

    /// A setting of `N` numbers.
    ///
    /// # Errors
    /// Why it is unknown: a sentence without a full stop.
    pub fn numbers<const N: usize>(&self, setting: Setting) -> Result<[u64; N], String> {
        let text = self.text(setting)?;
        let numbers: Option<Vec<u64>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers.ok_or_else(|| format!("{setting} is `{text}`, not {N} numbers"))
    }

    /// A setting of one number.
    ///
    /// # Errors
    /// Why it is unknown.
    pub fn number(&self, setting: Setting) -> Result<u64, String> {
        self.numbers(setting).map(|[number]| number)
    }

    /// A setting that lists ports: `8080,9000-9010`; empty where it lists none.
    ///
    /// # Errors
    /// Why it is unknown.
    pub fn ports(&self, setting: Setting) -> Result<Vec<RangeInclusive<u16>>, String> {
        let text = self.text(setting)?;
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let ranges: Option<Vec<_>> = words
            .map(|word| {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                Some(first.parse().ok()?..=last.parse().ok()?)
            })
            .collect();
        ranges.ok_or_else(|| format!("{setting} is `{text}`, not a list of ports"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(setting: Setting, text: &str) -> Settings {
        let mut settings = Settings::default();
        settings.set(setting, Ok(text.to_owned()));
        settings
    }

    #[test]
    fn numbers_and_ports_are_read_and_anything_else_is_quoted() {
        let range = settings(Setting::LocalPortRange, "32768\t60999");
        assert_eq!(range.numbers(Setting::LocalPortRange), Ok([32_768, 60_999]));
        let error = range.number(Setting::LocalPortRange).unwrap_err();
        assert_eq!(
            error,
            "net.ipv4.ip_local_port_range is `32768\t60999`, not 1 numbers"
        );
        let ports = settings(Setting::LocalReservedPorts, "8080,9000-9010");
        let ports = ports.ports(Setting::LocalReservedPorts).unwrap();
        assert_eq!(ports, [8080..=8080, 9000..=9010]);
        let none = settings(Setting::LocalReservedPorts, "");
        assert_eq!(none.ports(Setting::LocalReservedPorts), Ok(Vec::new()));
        let broken = settings(Setting::LocalReservedPorts, "80-x");
        assert!(broken.ports(Setting::LocalReservedPorts).is_err());
        assert!(broken.number(Setting::Mem).is_err());
    }

    #[test]
    fn every_setting_has_a_file_below_proc_sys() {
        assert_eq!(Setting::Somaxconn.path(), "net/core/somaxconn");
        assert!(
            Setting::ALL
                .iter()
                .all(|setting| setting.path().starts_with("net/"))
        );
    }
}
