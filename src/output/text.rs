//! Numbers and addresses as bytes, without allocating.
//!
//! The spelling is that of the standard library's `Display` (RFC 5952 for IPv6), at a third of its
//! cost: a list of 400,000 sockets has 800,000 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::State;

/// Appends a number in decimal.
pub(super) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an address without brackets.
pub(super) fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => push_v4(out, ip),
        IpAddr::V6(ip) => push_v6(out, ip),
    }
}

/// Appends an address as written before a port: IPv6 in brackets.
pub(super) fn push_host(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => push_v4(out, ip),
        IpAddr::V6(ip) => {
            out.push(b'[');
            push_v6(out, ip);
            out.push(b']');
        }
    }
}

/// Appends `:80`; port 0, which is none, as `:*`.
pub(super) fn push_port(out: &mut Vec<u8>, port: u16) {
    out.push(b':');
    match port {
        0 => out.push(b'*'),
        port => push_number(out, port),
    }
}

fn push_v4(out: &mut Vec<u8>, ip: Ipv4Addr) {
    let [a, b, c, d] = ip.octets();
    push_number(out, a);
    for octet in [b, c, d] {
        out.push(b'.');
        push_number(out, octet);
    }
}

fn push_v6(out: &mut Vec<u8>, ip: Ipv6Addr) {
    if let Some(ip) = ip.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return push_v4(out, ip);
    }
    let groups = ip.segments();
    let (zeros, length) = longest_zeros(&groups);
    let mut at = 0;
    while let Some(group) = groups.get(at) {
        if length > 0 && at == zeros {
            out.extend_from_slice(b"::");
            at += length;
            continue;
        }
        let is_after_colon = at == 0 || at == zeros + length;
        if !is_after_colon {
            out.push(b':');
        }
        push_group(out, *group);
        at += 1;
    }
}

/// Where the zeros that are spelt `::` begin, and how many they are: the longest run, the first of
/// several, but never a single one (RFC 5952, 4.2); 0 for none.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut length = 0;
    for (at, group) in groups.iter().enumerate() {
        length = if *group == 0 { length + 1 } else { 0 };
        if length > 1 && length > longest.1 {
            longest = (at + 1 - length, length);
        }
    }
    longest
}

/// A group of four hexadecimal digits without leading zeros.
fn push_group(out: &mut Vec<u8>, group: u16) {
    for shift in [12, 8, 4, 0] {
        if shift == 0 || group >> shift != 0 {
            let digit = char::from_digit(u32::from(group >> shift & 0xf), 16);
            out.push(digit.map_or(b'0', |digit| u8::try_from(digit).unwrap_or(b'0')));
        }
    }
}

/// The name of a state, or `all` where it is the sum of all.
pub(super) fn state_name(state: Option<State>, all: &str) -> String {
    state.map_or(all.to_owned(), |state| state.to_string())
}

/// Appends the state's name.
pub(super) fn push_state(out: &mut Vec<u8>, state: State) {
    match state.name() {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => out.extend_from_slice(state.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_pattern_of_zeros_is_spelt_as_the_standard_library_does() {
        for pattern in 0..=u8::MAX {
            for value in [1u16, 0xf, 0x10, 0x100, 0xabc, 0xffff] {
                let groups = std::array::from_fn::<u16, 8, _>(|at| {
                    if pattern >> at & 1 == 1 { value } else { 0 }
                });
                let ip = Ipv6Addr::from(groups);
                assert_eq!(text(|out| push_ip(out, ip.into())), ip.to_string());
            }
        }
    }

    #[test]
    fn ipv6_addresses_are_in_brackets_and_no_port_is_a_star() {
        for (address, expected) in [
            ("192.0.2.255:80", "192.0.2.255:80"),
            ("0.0.0.0:0", "0.0.0.0:*"),
            ("[::]:443", "[::]:443"),
            ("[::ffff:10.0.0.1]:65535", "[::ffff:10.0.0.1]:65535"),
            ("[2001:db8::1:0:0:1]:0", "[2001:db8::1:0:0:1]:*"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let text = text(|out| {
                push_host(out, address.ip());
                push_port(out, address.port());
            });
            assert_eq!(text, expected);
        }
    }
}
