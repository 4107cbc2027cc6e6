//! HOST of ss(8): `[FAMILY:]ADDRESS[/PREFIX][:PORT]`, with IPv6 in brackets, `*` for any address,
//! and names.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, ipv4_mask_to_prefix};

use super::lookup::Lookup;
use super::test::FamilyTest;
use super::value::{Ports, parse_interface, parse_number, parse_ports};

/// A host as typed, its names looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The family required by `inet:` or `inet6:`.
    pub(super) family: Option<FamilyTest>,
    /// Any of these; empty for any at all.
    pub(super) addresses: Vec<IpNet>,
    /// The interface behind `%`, by its index.
    pub(super) interface: Option<u32>,
    pub(super) ports: Ports,
}

/// Families of ss(8) that have no TCP sockets.
const OTHER_FAMILIES: [&str; 4] = ["unix", "link", "netlink", "vsock"];

/// Every address, in the words of ss(8).
pub(super) const ANY: [&str; 5] = ["", "*", "any", "all", "default"];

/// Takes `inet:` or `inet6:` off a word.
pub(super) fn split_family(word: &str) -> Result<(Option<FamilyTest>, &str), String> {
    match word.split_once(':') {
        Some(("inet", rest)) => Ok((Some(FamilyTest::Inet), rest)),
        Some(("inet6", rest)) => Ok((Some(FamilyTest::Inet6), rest)),
        Some((other, _)) if OTHER_FAMILIES.contains(&other) => Err(format!(
            "{other} has no TCP sockets; allowed are inet and inet6"
        )),
        _ => Ok((None, word)),
    }
}

/// Parses a host.
pub(super) fn parse_host(word: &str, lookup: &mut impl Lookup) -> Result<Host, String> {
    let (family, rest) = split_family(word)?;
    let (rest, interface) = split_interface(rest, lookup)?;
    let (address, port) = split_port(&rest)?;
    let addresses = if ANY.contains(&&*address) {
        Vec::new()
    } else {
        parse_addresses(&address, family, lookup)?
    };
    let ports = parse_ports(port, lookup)?;
    Ok(Host {
        family,
        addresses,
        interface,
        ports,
    })
}

/// Takes the interface out of `fe80::1%eth0`, `[fe80::1%eth0]:22` or `0.0.0.0%lo:6666`.
fn split_interface<'a>(
    word: &'a str,
    lookup: &mut impl Lookup,
) -> Result<(Cow<'a, str>, Option<u32>), String> {
    let Some((address, rest)) = word.split_once('%') else {
        return Ok((word.into(), None));
    };
    let (name, rest) = rest.split_at(rest.find([']', '/', ':']).unwrap_or(rest.len()));
    if name.is_empty() {
        return Err("the interface behind % is missing".to_owned());
    }
    let index = parse_interface(name, lookup)?;
    Ok((format!("{address}{rest}").into(), Some(index)))
}

/// The address, its brackets taken off, and the port behind it with its colon, if there is one.
fn split_port(word: &str) -> Result<(Cow<'_, str>, &str), String> {
    if let Some(inside) = word.strip_prefix('[') {
        return split_brackets(inside);
    }
    let after_prefix = word.find('/').unwrap_or(0);
    let colon = word.rfind(':').filter(|colon| *colon >= after_prefix);
    let Some((address, port)) = colon.and_then(|colon| word.split_at_checked(colon)) else {
        return Ok((word.into(), ""));
    };
    if word.parse::<Ipv6Addr>().is_err() {
        return Ok((address.into(), port));
    }
    let is_also_a_port = port.trim_start_matches(':').parse::<u16>().is_ok();
    if is_also_a_port && address.parse::<Ipv6Addr>().is_ok() {
        let number = port.trim_start_matches(':');
        return Err(format!(
            "is {number} a part of the address or the port? Write [{word}] or [{address}]:{number}"
        ));
    }
    Ok((word.into(), ""))
}

/// `ADDRESS]:PORT`, `ADDRESS/64]:PORT` or `ADDRESS]/64:PORT`.
fn split_brackets(inside: &str) -> Result<(Cow<'_, str>, &str), String> {
    let (address, after) = inside
        .split_once(']')
        .ok_or("the bracket is not closed; write [ADDRESS] or [ADDRESS]:PORT")?;
    let (prefix, port) = after.split_at(after.find(':').unwrap_or(after.len()));
    if !prefix.is_empty() && !prefix.starts_with('/') {
        return Err("only /PREFIX and :PORT may follow the bracket".to_owned());
    }
    Ok((format!("{address}{prefix}").into(), port))
}

fn parse_addresses(
    address: &str,
    family: Option<FamilyTest>,
    lookup: &mut impl Lookup,
) -> Result<Vec<IpNet>, String> {
    let mut found: Vec<IpNet> = match address.split_once('/') {
        Some((address, length)) => vec![parse_prefix(address, length)?],
        None => match address.parse::<IpAddr>() {
            Ok(address) => vec![address.into()],
            Err(_) if is_name(address) => {
                let addresses = lookup.host(address)?;
                addresses.into_iter().map(IpNet::from).collect()
            }
            Err(_) => return Err(NO_ADDRESS.to_owned()),
        },
    };
    found.retain(|net| match family {
        Some(FamilyTest::Inet) => matches!(net, IpNet::V4(_)),
        Some(FamilyTest::Inet6) => matches!(net, IpNet::V6(_)),
        Some(FamilyTest::V4Mapped) | None => true,
    });
    if found.is_empty() {
        return Err("it has no address of this family".to_owned());
    }
    Ok(found)
}

const NO_ADDRESS: &str = "not an address; write 192.0.2.1, 192.0.2.0/24, [2001:db8::1] or [2001:db8::/32]; * and names need \
     `host =`, `src` or `dst`";

/// Whether it could be the name of a host: not a number that is short of an address.
fn is_name(word: &str) -> bool {
    let is_part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    word.chars().all(is_part_of_name) && word.chars().any(char::is_alphabetic)
}

fn parse_prefix(address: &str, length: &str) -> Result<IpNet, String> {
    let address = address
        .parse()
        .ok()
        .or_else(|| parse_short(address))
        .ok_or(NO_ADDRESS)?;
    let (most, family) = match address {
        IpAddr::V4(_) => (32, "IPv4"),
        IpAddr::V6(_) => (128, "IPv6"),
    };
    parse_number(length)
        .or_else(|| parse_mask(address, length))
        .and_then(|length| IpNet::new(address, length).ok())
        .map(|net| net.trunc())
        .ok_or_else(|| {
            format!("/{length} is not a prefix of an {family} address; allowed are /0 to /{most}")
        })
}

/// The length of a prefix written as a mask: `255.0.0.0`.
fn parse_mask(address: IpAddr, mask: &str) -> Option<u8> {
    let mask: Ipv4Addr = mask.parse().ok().filter(|_| address.is_ipv4())?;
    ipv4_mask_to_prefix(mask).ok()
}

/// An IPv4 address whose last numbers are left out, as ss(8) takes it before a prefix: `10/8`.
fn parse_short(address: &str) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut places = octets.iter_mut();
    for number in address.split('.') {
        *places.next()? = parse_number(number)?;
    }
    Some(Ipv4Addr::from(octets).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::testing::Hosts;

    fn host(word: &str) -> Result<Host, String> {
        parse_host(word, &mut Hosts)
    }

    fn addresses(word: &str) -> Vec<String> {
        let host = host(word).unwrap_or_else(|error| panic!("{word}: {error}"));
        host.addresses.iter().map(IpNet::to_string).collect()
    }

    #[test]
    fn the_interface_of_an_address_is_read_in_and_after_the_brackets() {
        for (word, port) in [
            ("fe80::1%lo", Ports::Any),
            ("[fe80::1%lo]:22", Ports::In(vec![22..=22])),
            ("[fe80::1]%lo:22", Ports::In(vec![22..=22])),
            ("[fe80::1%1/64]", Ports::Any),
        ] {
            let host = host(word).unwrap();
            assert_eq!((host.interface, host.ports), (Some(1), port), "{word}");
            assert!(host.addresses[0].addr().to_string().starts_with("fe80::"));
        }
    }

    #[test]
    fn addresses_are_read_in_every_form_of_ss() {
        for (word, expected) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10/8", "10.0.0.0/8"),
            ("192.168/16:*", "192.168.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.1.2.3/255.255.0.0", "10.1.0.0/16"),
            ("[::1]", "::1/128"),
            ("::1", "::1/128"),
            ("[2001:db8::/32]:443", "2001:db8::/32"),
            ("[2001:db8::]/32:443", "2001:db8::/32"),
            ("2001:db8::/32:443", "2001:db8::/32"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1/128"),
            ("inet:10.0.0.1", "10.0.0.1/32"),
            ("inet6:[fe80::1]", "fe80::1/128"),
        ] {
            assert_eq!(addresses(word), [expected], "{word}");
        }
        for any in ["*", ":443", "*:443", "any", "inet:*", "inet6:", "[*]"] {
            assert!(addresses(any).is_empty(), "{any}");
        }
    }

    #[test]
    fn the_port_is_what_follows_the_address() {
        for (word, port) in [
            ("10.0.0.1:443", Ports::In(vec![443..=443])),
            ("10.0.0.0/8:https", Ports::In(vec![443..=443])),
            ("[::1]:0x1bb", Ports::In(vec![443..=443])),
            ("*:443", Ports::In(vec![443..=443])),
            (":443", Ports::In(vec![443..=443])),
            ("inet6::443", Ports::In(vec![443..=443])),
            ("2001:db8::/32:443", Ports::In(vec![443..=443])),
            ("10.0.0.1:*", Ports::Any),
            ("10.0.0.1:", Ports::Any),
            ("[::1]", Ports::Any),
            ("::1", Ports::Any),
        ] {
            assert_eq!(host(word).unwrap().ports, port, "{word}");
        }
    }

    #[test]
    fn a_name_means_all_its_addresses_or_those_of_the_family() {
        assert_eq!(addresses("both:80"), ["192.0.2.1/32", "2001:db8::1/128"]);
        assert_eq!(addresses("inet:both"), ["192.0.2.1/32"]);
        assert_eq!(addresses("inet6:both"), ["2001:db8::1/128"]);
    }

    #[test]
    fn an_invalid_host_is_refused_with_the_reason() {
        for (word, expected) in [
            (
                "10.0.0.0/33",
                "/33 is not a prefix of an IPv4 address; allowed are /0 to /32",
            ),
            (
                "[::1/129]",
                "/129 is not a prefix of an IPv6 address; allowed are /0 to /128",
            ),
            ("10.0.0.0/-1", "/-1 is not a prefix"),
            ("10.0.0.0/+8", "/+8 is not a prefix"),
            ("10.0.0.0/", "/ is not a prefix"),
            ("10.0.0.0/010", "/010 is not a prefix"),
            ("10.0.0.0/255.0.255.0", "/255.0.255.0 is not a prefix"),
            ("[::1/255.0.0.0]", "/255.0.0.0 is not a prefix"),
            ("010.9.0.0/16", "not an address"),
            ("+10/8", "not an address"),
            ("[::1", "the bracket is not closed"),
            ("[::1]443", "only /PREFIX and :PORT"),
            (
                "2001:db8::1:443",
                "Write [2001:db8::1:443] or [2001:db8::1]:443",
            ),
            ("10.0.0", "not an address; write 192.0.2.1"),
            ("1234", "not an address"),
            ("10.0.0.1.2/8", "not an address"),
            ("fe80::1%nosuch0", "no such interface"),
            ("[fe80::1%]:22", "the interface behind % is missing"),
            ("10.0.0.1:70000", "not a port"),
            ("nowhere", "no such host"),
            ("unix:/run/x", "unix has no TCP sockets"),
            ("inet:[::1]", "no address of this family"),
        ] {
            let error = host(word).unwrap_err();
            assert!(error.contains(expected), "{word}: {error}");
        }
    }
}
