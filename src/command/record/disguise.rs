//! `--anonymize`: other addresses and names in the place of those of the host, for sending a record to
//! others. Each one is replaced by the same in all that one run records.
//!
//! Two addresses have as many leading bits in common as those that they replace, as in Xu, Fan, Ammar and Moon,
//! "Prefix-preserving IP address anonymization" (2002), with SipHash under a random key in the place of
//! their cipher. Paths are replaced part by part. Ports, numbers, sizes and times stay. The key is never
//! written, so that a later run cannot have it.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::model::{Ends, InetEnds, KeyPart, ProcessName, Service, Socket, UnixEnds, UnixName};

/// How many addresses, names and paths are kept, since a run may have no end.
const MOST: usize = 65_536;

/// What is put in the place of what.
#[derive(Debug, Default)]
pub(super) struct Disguise {
    key: RandomState,
    addresses: HashMap<IpAddr, IpAddr>,
    names: HashMap<String, String>,
    paths: HashMap<String, String>,
    /// The name of a network namespace, until the next one.
    shown: String,
    /// The last name beyond those that are kept.
    further: String,
}

impl Disguise {
    /// The socket with other addresses, or another name.
    pub(super) fn socket(&mut self, socket: &Socket) -> Socket {
        let ends = match &socket.ends {
            Ends::Internet(ends) => Ends::Internet(InetEnds {
                local: self.end(ends.local),
                remote: self.end(ends.remote),
                ..*ends
            }),
            Ends::Unix(ends) => Ends::Unix(UnixEnds {
                name: self.unix_name(&ends.name),
                ..ends.clone()
            }),
            Ends::Packet(_) | Ends::Netlink(_) => socket.ends.clone(),
        };
        Socket {
            ends,
            ..socket.clone()
        }
    }

    fn end(&mut self, end: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.address(end.ip()), end.port())
    }

    /// Another address of the same family. Those that mean every address or this host stay.
    fn address(&mut self, address: IpAddr) -> IpAddr {
        let (key, mapped) = match address {
            IpAddr::V6(ip) => (&self.key, ip.to_ipv4_mapped()),
            IpAddr::V4(_) => (&self.key, None),
        };
        let meant = mapped.map_or(address, IpAddr::V4);
        if meant.is_unspecified() || meant.is_loopback() {
            return address;
        }
        if self.addresses.len() >= MOST {
            // Each is computed again.
            self.addresses.clear();
        }
        let other = *self.addresses.entry(meant).or_insert_with(|| match meant {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(replaced(key, ip.to_bits())).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(replaced(key, ip.to_bits())).into(),
        });
        match (other, mapped) {
            (IpAddr::V4(ip), Some(_)) => ip.to_ipv6_mapped().into(),
            (other, _) => other,
        }
    }

    /// A name that is a whole: of a user, a process, a unit.
    pub(super) fn name(&mut self, name: &str) -> &str {
        let number = self.names.len() + 1;
        if number > MOST && !self.names.contains_key(name) {
            // No longer than the name of a process.
            self.further.clear();
            let hash = self.key.hash_one(name) >> 24;
            let _ = write!(self.further, "name-{hash:010x}");
            return &self.further;
        }
        let known = self.names.entry(name.to_owned());
        known.or_insert_with(|| format!("name{number}"))
    }

    /// What groups have in common, with other addresses and names.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "samples have no other groups"
    )]
    pub(super) fn key_part(&mut self, part: KeyPart) -> KeyPart {
        match part {
            KeyPart::Addr(Some(net)) => {
                let other = IpNet::new(self.address(net.addr()), net.prefix_len());
                KeyPart::Addr(other.ok().map(|net| net.trunc()))
            }
            KeyPart::Service(Some(Service::Used(end))) => {
                KeyPart::Service(Some(Service::Used(self.end(end))))
            }
            KeyPart::Process(Some(name)) => {
                let other = ProcessName::new(self.name(&name.text()).as_bytes());
                KeyPart::Process(Some(other))
            }
            part => part,
        }
    }

    /// The name of a network namespace. What it is the name of stays: `container:`, `pod:`, `pid:7/`, and the
    /// number that makes it unique.
    pub(super) fn namespace(&mut self, name: &str) -> &str {
        const OF: [&str; 6] = ["pod:", "container:", "machine:", "lxc:", "unit:", "pid:"];
        if name == "host" || name.starts_with("net:") {
            self.shown = name.to_owned();
            return &self.shown;
        }
        if name.starts_with('/') {
            return self.path(name);
        }
        let is_number = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit());
        let unique = name.rsplit_once('@').filter(|(_, inode)| is_number(inode));
        let (rest, inode) = unique.map_or((name, None), |(rest, inode)| (rest, Some(inode)));
        let mut of = OF.iter().filter_map(|of| {
            rest.split_at_checked(of.len())
                .filter(|(start, _)| start == of)
        });
        let (mut of, mut own) = of.next().unwrap_or(("", rest));
        if of == "pid:" {
            let end = rest.find('/').map_or(rest.len(), |slash| slash + 1);
            (of, own) = rest.split_at_checked(end).unwrap_or(("", rest));
        }
        let mut shown = of.to_owned();
        if !own.is_empty() {
            shown.push_str(self.name(own));
        }
        if let Some(inode) = inode {
            shown.push('@');
            shown.push_str(inode);
        }
        self.shown = shown;
        &self.shown
    }

    /// The path of a file or a control group: each part is replaced as a name.
    pub(super) fn path(&mut self, path: &str) -> &str {
        if !self.paths.contains_key(path) {
            if self.paths.len() >= MOST {
                self.paths.clear();
            }
            let parts: Vec<String> = path
                .split('/')
                .map(|part| match part {
                    "" => String::new(),
                    part => self.name(part).to_owned(),
                })
                .collect();
            self.paths.insert(path.to_owned(), parts.join("/"));
        }
        self.paths.get(path).map_or("", String::as_str)
    }

    fn unix_name(&mut self, name: &UnixName) -> UnixName {
        let mut other = |bytes: &[u8]| {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            Box::from(self.path(&text).as_bytes())
        };
        match name {
            UnixName::Unnamed => UnixName::Unnamed,
            UnixName::Path(bytes) => UnixName::Path(other(bytes)),
            UnixName::Abstract(bytes) => UnixName::Abstract(other(bytes)),
        }
    }
}

/// The bits of an address.
trait Bits: Copy {
    const WIDTH: u32;
    /// The first bits, followed by zeros.
    fn first(self, bits: u32) -> u128;
    /// With the bit behind the first ones changed.
    fn flipped(self, bits: u32) -> Self;
}

impl Bits for u32 {
    const WIDTH: u32 = u32::BITS;

    fn first(self, bits: u32) -> u128 {
        u128::from(self) >> (u32::BITS - bits)
    }

    fn flipped(self, bits: u32) -> u32 {
        self ^ 1 << (u32::BITS - 1 - bits)
    }
}

impl Bits for u128 {
    const WIDTH: u32 = u128::BITS;

    fn first(self, bits: u32) -> u128 {
        self.checked_shr(u128::BITS - bits).unwrap_or(0)
    }

    fn flipped(self, bits: u32) -> u128 {
        self ^ 1 << (u128::BITS - 1 - bits)
    }
}

/// An address with each bit changed or not as the bits before it, and nothing else, decide.
fn replaced<A: Bits>(key: &RandomState, address: A) -> A {
    (0..A::WIDTH).fold(address, |other, bits| {
        let before = (A::WIDTH, bits, address.first(bits));
        match key.hash_one(before) & 1 {
            0 => other,
            _ => other.flipped(bits),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::ends;
    use crate::model::{Kind, State};

    fn common(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => 0,
        }
    }

    #[test]
    fn addresses_keep_their_common_prefixes_and_differ_as_before() {
        let mut disguise = Disguise::default();
        let addresses = [
            "10.0.0.1",
            "10.0.0.2",
            "10.0.7.1",
            "192.0.2.1",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8:1::1",
            "fe80::1",
        ];
        let addresses = addresses.map(|text| text.parse::<IpAddr>().unwrap());
        for a in addresses {
            for b in addresses {
                let others = [a, b].map(|address| disguise.address(address));
                assert_eq!(common(others[0], others[1]), common(a, b), "{a} {b}");
                assert_eq!(others[0].is_ipv4(), a.is_ipv4());
            }
        }
        let kept = [
            "0.0.0.0",
            "::",
            "127.0.0.1",
            "127.3.0.1",
            "::1",
            "::ffff:127.0.0.1",
        ];
        for address in kept.map(|text| text.parse::<IpAddr>().unwrap()) {
            assert_eq!(disguise.address(address), address);
        }
        let mapped = disguise.address("::ffff:10.0.0.1".parse().unwrap());
        let IpAddr::V6(mapped) = mapped else { panic!() };
        let plain = disguise.address(addresses[0]);
        assert_eq!(mapped.to_ipv4_mapped().map(IpAddr::V4), Some(plain));
    }

    #[test]
    fn names_and_parts_of_paths_are_replaced_by_the_same_each_time() {
        let mut disguise = Disguise::default();
        let first = disguise.name("nginx").to_owned();
        assert_ne!(disguise.name("postgres"), first);
        assert_eq!(disguise.name("nginx"), first);
        assert_eq!(disguise.path("/"), "/");
        let slice = disguise.path("/system.slice/nginx").to_owned();
        let other = disguise.path("/system.slice/postgres").to_owned();
        assert!(slice.ends_with(&format!("/{first}")), "{slice}");
        assert_eq!(
            slice.rsplit_once('/').unwrap().0,
            other.rsplit_once('/').unwrap().0
        );
    }

    #[test]
    fn however_many_there_are_each_name_and_address_is_replaced_by_the_same() {
        let mut disguise = Disguise::default();
        let first = disguise.address("10.0.0.1".parse().unwrap());
        let name = disguise.name("nginx").to_owned();
        for number in 0..70_000_u32 {
            disguise.address(Ipv4Addr::from_bits(0x0b00_0000 + number).into());
            disguise.name(&number.to_string());
            disguise.path(&format!("/{number}"));
        }
        assert_eq!(disguise.address("10.0.0.1".parse().unwrap()), first);
        assert_eq!(disguise.name("nginx"), name);
        let later = disguise.name("postgres").to_owned();
        assert!(later.len() <= 15 && later.starts_with("name-"), "{later}");
        assert_ne!(disguise.name("redis"), later);
        assert_eq!(disguise.name("postgres"), later);
        let kept = [
            disguise.addresses.len(),
            disguise.names.len(),
            disguise.paths.len(),
        ];
        assert!(kept.iter().all(|kept| *kept <= MOST), "{kept:?}");
    }

    #[test]
    fn the_name_of_a_namespace_keeps_what_it_is_the_name_of() {
        let mut disguise = Disguise::default();
        let cart = disguise.name("shop/cart").to_owned();
        let web = disguise.name("web").to_owned();
        for (name, other) in [
            ("host", "host".to_owned()),
            ("net:4026531840", "net:4026531840".to_owned()),
            ("pod:shop/cart", format!("pod:{cart}")),
            ("pod:shop/cart@4026532000", format!("pod:{cart}@4026532000")),
            ("pid:7/web", format!("pid:7/{web}")),
            ("pid:7", "pid:7".to_owned()),
            ("web", web.clone()),
        ] {
            assert_eq!(disguise.namespace(name), other, "{name}");
        }
        assert!(
            disguise
                .namespace("/run/netns/web")
                .ends_with(&format!("/{web}"))
        );
        assert_ne!(disguise.namespace("web@x"), format!("{web}@x"));
    }

    #[test]
    fn nothing_of_a_socket_changes_but_addresses_and_names() {
        let mut disguise = Disguise::default();
        let tcp = Socket {
            inode: 7,
            ..Socket::bare(
                Kind::Tcp,
                State::Established,
                ends("10.0.0.1:80", "10.0.0.2:90"),
            )
        };
        let other = disguise.socket(&tcp);
        let ports = |socket: &Socket| {
            socket
                .internet()
                .map(|ends| (ends.local.port(), ends.remote.port()))
        };
        assert_eq!(ports(&other), ports(&tcp));
        assert_eq!(
            Socket {
                ends: tcp.ends.clone(),
                ..other
            },
            tcp
        );
        let name = UnixName::Path(b"/run/a\xff".as_slice().into());
        let ends = UnixEnds {
            name: name.clone(),
            ..UnixEnds::default()
        };
        let unix = Socket::bare(Kind::UnixStream, State::Listen, ends);
        let other = disguise.socket(&unix).unix().unwrap().name.clone();
        assert!(other != name && other.space() == name.space());
    }
}
