//! Which events the kernel records, and in words.
//!
//! Selects at least what a filter lets pass; the filter itself is evaluated for what is recorded.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::model::{Family, InetEnds};

/// More ranges of ports than this are not selected by the kernel: each costs two comparisons per
/// event.
pub const MOST_PORT_RANGES: usize = 64;

/// Which events the kernel records; the rest costs a comparison each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Of one network namespace, by the inode number of its file; `None` for every one.
    pub netns: Option<u32>,
    /// Of one family.
    pub family: Option<Family>,
    /// With a port in one of these ranges at either end, so that both ends of a connection of this
    /// host are recorded; and sockets that have no local port yet. Empty for every port.
    pub ports: Vec<RangeInclusive<u16>>,
    /// With this address at either end; an IPv4 address on an IPv6 socket too.
    pub address: Option<IpAddr>,
}

impl Selector {
    /// Whether the kernel records the events of a socket between these ends.
    pub fn matches(&self, ends: &InetEnds) -> bool {
        ends.local.port() == 0 && self.selects_addresses(ends) || self.selects(ends)
    }

    /// Whether these ends are selected; ports and addresses that are not known yet are none.
    pub fn selects(&self, ends: &InetEnds) -> bool {
        let both = [ends.local, ends.remote];
        let has_port =
            |range: &RangeInclusive<u16>| both.iter().any(|end| range.contains(&end.port()));
        self.selects_addresses(ends) && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }

    fn selects_addresses(&self, ends: &InetEnds) -> bool {
        let both = [ends.local, ends.remote];
        let has_address = |address: IpAddr| {
            both.iter().any(|end| end.ip() == address)
                || both.iter().any(|end| end.ip().to_canonical() == address)
        };
        self.family.is_none_or(|family| family == ends.family)
            && self.address.is_none_or(has_address)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.netns {
            Some(netns) => write!(f, "network namespace {netns}")?,
            None => f.write_str("every network namespace")?,
        }
        match self.family {
            Some(Family::V4) => f.write_str(", IPv4 sockets")?,
            Some(Family::V6) => f.write_str(", IPv6 sockets")?,
            None => {}
        }
        let ports = self.ports.iter();
        let ports = ports.map(|range| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        });
        let ports: Vec<String> = ports.collect();
        if !ports.is_empty() {
            write!(f, ", port {}", ports.join(","))?;
        }
        match self.address {
            Some(address) => write!(f, ", address {address}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_at_either_end_is_selected_and_one_that_is_not_known_yet_recorded() {
        let ends = |local: &str, remote: &str| InetEnds {
            family: Family::V4,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
        };
        let selector = Selector {
            ports: vec![80..=80, 8000..=8010],
            ..Selector::default()
        };
        for (local, remote, is_recorded, is_selected) in [
            ("10.0.0.1:80", "10.0.0.2:5000", true, true),
            ("10.0.0.1:5000", "10.0.0.2:8010", true, true),
            ("10.0.0.1:5000", "10.0.0.2:8011", false, false),
            ("10.0.0.1:0", "10.0.0.2:8011", true, false),
            ("10.0.0.1:0", "10.0.0.2:80", true, true),
        ] {
            let ends = ends(local, remote);
            assert_eq!(selector.matches(&ends), is_recorded, "{ends:?}");
            assert_eq!(selector.selects(&ends), is_selected, "{ends:?}");
        }
        assert_eq!(
            selector.to_string(),
            "every network namespace, port 80,8000-8010"
        );
    }
}
