//! Names of the protocols of RAW, PACKET and NETLINK sockets, as ss(8) and the kernel's headers have
//! them.

use std::fmt;

use super::Kind;

/// What a socket receives, by the number that its kind of sockets has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol {
    /// Whose numbers they are.
    pub kind: Kind,
    /// The number: of an internet protocol (protocols(5)), of frames (linux/if_ether.h), or of netlink
    /// (linux/netlink.h).
    pub number: u16,
}

/// The kinds, with their names; further names are synonyms.
const NAMES: [(Kind, &[(u16, &str)]); 3] = [
    (Kind::Raw, INTERNET),
    (Kind::Packet, FRAMES),
    (Kind::Netlink, NETLINK),
];

const INTERNET: &[(u16, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (6, "tcp"),
    (17, "udp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (58, "icmpv6"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (132, "sctp"),
    (255, "raw"),
];

const FRAMES: &[(u16, &str)] = &[
    (0x0003, "all"),
    (0x0800, "ip"),
    (0x0806, "arp"),
    (0x8100, "802.1q"),
    (0x86dd, "ipv6"),
    (0x888e, "eapol"),
    (0x88cc, "lldp"),
];

const NETLINK: &[(u16, &str)] = &[
    (0, "rtnl"),
    (0, "route"),
    (2, "usersock"),
    (3, "fw"),
    (4, "tcpdiag"),
    (4, "sock-diag"),
    (6, "xfrm"),
    (7, "selinux"),
    (8, "iscsi"),
    (9, "audit"),
    (10, "fiblookup"),
    (11, "connector"),
    (12, "nft"),
    (12, "netfilter"),
    (15, "uevent"),
    (16, "genl"),
    (16, "generic"),
    (18, "scsi-trans"),
    (19, "ecryptfs"),
    (20, "rdma"),
    (21, "crypto"),
    (22, "smc"),
];

impl Protocol {
    /// Its name; `None` for one that has none here.
    pub fn name(self) -> Option<&'static str> {
        let (_, names) = NAMES.iter().find(|(kind, _)| *kind == self.kind)?;
        let name = names.iter().find(|(number, _)| *number == self.number);
        name.map(|(_, name)| *name)
    }

    /// The protocols with this name, of one kind or more.
    pub fn parse(name: &str) -> Vec<Protocol> {
        let of_kind = |(kind, names): &(Kind, &'static [(u16, &str)])| {
            let kind = *kind;
            let mut names = names.iter();
            let found = names.find(|(_, known)| known.eq_ignore_ascii_case(name))?;
            let number = found.0;
            Some(Protocol { kind, number })
        };
        NAMES.iter().filter_map(of_kind).collect()
    }

    /// Every name.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, name) in NAMES.iter().flat_map(|(_, names)| *names) {
            if !names.contains(name) {
                names.push(name);
            }
        }
        names
    }
}

impl fmt::Display for Protocol {
    /// The name, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_to_its_number_and_a_name_of_two_kinds_to_both() {
        for (kind, names) in NAMES {
            for (number, name) in names {
                let (kind, number) = (kind, *number);
                assert!(
                    Protocol::parse(&name.to_uppercase()).contains(&Protocol { kind, number }),
                    "{name}"
                );
            }
        }
        assert_eq!(Protocol::parse("ipv6").len(), 2);
        assert!(Protocol::parse("ipx").is_empty());
    }

    #[test]
    fn a_protocol_without_a_name_is_its_number() {
        let shown = |kind, number| Protocol { kind, number }.to_string();
        assert_eq!(shown(Kind::Raw, 1), "icmp");
        assert_eq!(shown(Kind::Raw, 200), "200");
        assert_eq!(shown(Kind::Netlink, 0), "rtnl");
        assert_eq!(shown(Kind::Packet, 0x86dd), "ipv6");
    }
}
