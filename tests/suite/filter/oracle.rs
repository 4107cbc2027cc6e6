//! The test oracle: a filter evaluated as the manual defines it, from the rows of a plain list.
//!
//! Must not share code with the program: a common mistake would not be found.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::tree::{Compare, Ends, Host, Inet, Number, Port, Test, Tree};
use crate::list::row::Listed;

/// Whether a socket passes; `autobound` has the cookies of sockets with a port the kernel chose.
pub(super) fn passes(tree: &Tree, row: &Listed, autobound: &BTreeSet<u64>) -> bool {
    match tree {
        Tree::Test(test) => passes_test(test, row, autobound),
        Tree::Not(inner) => !passes(inner, row, autobound),
        Tree::And(left, right) => passes(left, row, autobound) && passes(right, row, autobound),
        Tree::Or(left, right) => passes(left, row, autobound) || passes(right, row, autobound),
    }
}

fn passes_test(test: &Test, row: &Listed, autobound: &BTreeSet<u64>) -> bool {
    match test {
        Test::State { states, differs } => states.contains(&row.state) != *differs,
        Test::Host(host) => passes_host(host, row),
        Test::Port(port) => passes_port(port, row),
        Test::Family { name, differs } => {
            let is_it = match *name {
                "inet6" => row.family != "ipv4",
                "inet" => row.family == "ipv4",
                name => row.family == name,
            };
            is_it != *differs
        }
        Test::V6Only { only, differs } => (row.v6only == Some(*only)) != *differs,
        Test::Device { name, differs } => (row.interface == *name) != *differs,
        Test::Mark {
            value,
            mask,
            differs,
        } => {
            let mask = mask.unwrap_or(u32::MAX);
            row.mark.is_some_and(|mark| mark & mask == *value) != *differs
        }
        Test::Cgroup { path, differs } => (row.cgroup.as_ref() == Some(path)) != *differs,
        Test::Number {
            field,
            compare,
            value,
        } => {
            // A socket without the number passes only `!=`.
            let number = number(*field, row);
            number.map_or(*compare == Compare::Differs, |number| {
                holds(number, *compare, *value)
            })
        }
        Test::User { name, differs } => (row.user.as_ref() == Some(name)) != *differs,
        Test::Autobound => autobound.contains(&row.cookie.unwrap()),
    }
}

fn passes_host(host: &Host, row: &Listed) -> bool {
    let interface = host.interface.as_ref();
    let is_it = is_of(host.family, row)
        && interface.is_none_or(|name| row.interface.as_ref() == Some(name))
        && any_end(host.ends, row, |address, port| {
            host.net.is_none_or(|net| is_within(address, net))
                && host
                    .port
                    .is_none_or(|wanted| wanted == port || is_in(host.further.as_slice(), port))
        });
    is_it != host.differs
}

fn passes_port(port: &Port, row: &Listed) -> bool {
    let passes = |compare| {
        is_of(port.family, row)
            && any_end(port.ends, row, |_, its_port| {
                holds(its_port.into(), compare, port.port.into()) || is_in(&port.further, its_port)
            })
    };
    if port.compare == Compare::Differs {
        !passes(Compare::Equal)
    } else {
        passes(port.compare)
    }
}

fn is_in(ranges: &[(u16, u16)], port: u16) -> bool {
    let mut ranges = ranges.iter();
    ranges.any(|(first, last)| (*first..=*last).contains(&port))
}

fn is_of(family: Option<Inet>, row: &Listed) -> bool {
    match family {
        None => true,
        Some(Inet::Inet) => row.family == "ipv4",
        Some(Inet::Inet6) => row.family != "ipv4",
    }
}

fn any_end(ends: Ends, row: &Listed, passes: impl Fn(IpAddr, u16) -> bool) -> bool {
    let local = || passes(row.local_addr.parse().unwrap(), row.local_port);
    let remote = || passes(row.remote_addr.parse().unwrap(), row.remote_port);
    match ends {
        Ends::Local => local(),
        Ends::Remote => remote(),
        Ends::Either => local() || remote(),
    }
}

fn is_within(address: IpAddr, (net, length): (IpAddr, u8)) -> bool {
    let address = match (address, net) {
        (IpAddr::V6(address), IpAddr::V4(_)) => match address.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] => {
                IpAddr::from(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            _ => return false,
        },
        (address, _) => address,
    };
    address.is_ipv4() == net.is_ipv4() && common_bits(address, net) >= length.into()
}

/// The number of equal leading bits of two addresses, whatever their families.
fn common_bits(left: IpAddr, right: IpAddr) -> u32 {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    (bits(left) ^ bits(right)).leading_zeros()
}

/// Whether an address is within a prefix of the other family by its bits alone.
pub(super) fn confuses_families(test: &Test, row: &Listed) -> bool {
    let Test::Host(Host {
        net: Some((net, length)),
        ..
    }) = *test
    else {
        return false;
    };
    any_end(Ends::Either, row, |address, _| {
        address.is_ipv4() != net.is_ipv4() && common_bits(address, net) >= length.into()
    })
}

fn holds(left: u64, compare: Compare, right: u64) -> bool {
    match compare {
        Compare::Equal => left == right,
        Compare::Differs => left != right,
        Compare::Less => left < right,
        Compare::AtMost => left <= right,
        Compare::Greater => left > right,
        Compare::AtLeast => left >= right,
    }
}

pub(super) fn number(field: Number, row: &Listed) -> Option<u64> {
    match field {
        Number::Uid => row.uid.map(u64::from),
        Number::ReceiveQueue => row.receive_queue.map(u64::from),
        Number::SendQueue => row.send_queue.map(u64::from),
        Number::AcceptQueue => row.accept_queue.map(u64::from),
        Number::AcceptLimit => row.accept_limit.map(u64::from),
        Number::Retransmits => row.retransmits.map(u64::from),
        Number::Inode => row.inode,
        Number::Cookie => row.cookie,
    }
}
