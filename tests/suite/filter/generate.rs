//! Random filters, with values that some socket has, neighbouring values, and values that none has.

use std::net::IpAddr;

use super::random::Rng;
use super::tree::{Compare, Ends, Host, Inet, Number, Port, Test, Tree};
use crate::list::row::Listed;

/// The states of a plain list, whether or not a socket is in them.
const STATES: [&str; 11] = [
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
];

/// The kinds of tests in a filter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kinds {
    /// Any.
    All,
    /// Tests for which the kernel has an operation.
    Kernel,
    /// Tests of fields that /proc has.
    Proc,
    /// Tests that ss can express.
    Ss,
}

/// A random tree of at most so many tests.
pub(super) fn tree(rows: &[Listed], kinds: Kinds, tests: usize, rng: &mut Rng) -> Tree {
    let whole = if tests < 2 {
        Tree::Test(test(rows, kinds, rng))
    } else {
        let left = 1 + rng.below(tests - 1);
        let right = tree(rows, kinds, tests - left, rng).into();
        let left = tree(rows, kinds, left, rng).into();
        if rng.once_in(2) {
            Tree::And(left, right)
        } else {
            Tree::Or(left, right)
        }
    };
    if rng.once_in(5) {
        Tree::Not(whole.into())
    } else {
        whole
    }
}

fn test(rows: &[Listed], kinds: Kinds, rng: &mut Rng) -> Test {
    loop {
        let test = any_test(rng.pick(rows), rng);
        let is_wanted = match kinds {
            Kinds::All => true,
            Kinds::Kernel => test.is_of_the_kernel(),
            Kinds::Proc => test.is_in_proc(),
            Kinds::Ss => super::syntax::to_ss_filter(&Tree::Test(test.clone())).is_some(),
        };
        if is_wanted {
            return test;
        }
    }
}

/// A test that the socket of a row may pass.
fn any_test(row: &Listed, rng: &mut Rng) -> Test {
    let differs = rng.once_in(4);
    match rng.below(15) {
        0..4 => host(row, differs, rng),
        4..8 => port(row, rng),
        8 => states(row, differs, rng),
        9 => Test::Family {
            name: rng.pick::<&str>(&["inet", "inet6", "ipv4", "ipv6", "v4-mapped"]),
            differs,
        },
        10 => Test::Device {
            name: rng
                .pick(&[row.interface.clone(), Some("lo".to_owned()), None])
                .clone(),
            differs,
        },
        11 => Test::Mark {
            value: *rng.pick(&[row.mark.unwrap_or(0), 0, 1, 0x10, u32::MAX]),
            mask: *rng.pick(&[None, Some(u32::MAX), Some(0x10), Some(1), Some(0)]),
            differs,
        },
        13 => Test::V6Only {
            only: row.v6only.unwrap_or(rng.once_in(2)),
            differs,
        },
        12 if rng.once_in(2) => Test::Autobound,
        12 => match (&row.cgroup, &row.user) {
            (Some(path), _) if rng.once_in(2) && path.starts_with('/') => Test::Cgroup {
                path: path.clone(),
                differs,
            },
            (_, Some(name)) => Test::User {
                name: name.clone(),
                differs,
            },
            _ => number(row, rng),
        },
        _ => number(row, rng),
    }
}

fn host(row: &Listed, differs: bool, rng: &mut Rng) -> Test {
    let (address, port) = if rng.once_in(2) {
        (&row.local_addr, row.local_port)
    } else {
        (&row.remote_addr, row.remote_port)
    };
    let address: IpAddr = address.parse().unwrap();
    let address = match address {
        IpAddr::V6(v6) if rng.once_in(3) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(v4) if rng.once_in(5) => v4.to_ipv6_mapped().into(),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match rng.below(5) {
        0 => u8::try_from(rng.below(usize::from(most) + 1)).unwrap(),
        1 => most - u8::try_from(rng.below(9)).unwrap(),
        2 => *rng.pick(&[0, 8, 16, 24]),
        _ => most,
    };
    let net = (!rng.once_in(8)).then_some((address, length));
    let family = match (net, rng.below(8)) {
        (Some((IpAddr::V4(_), _)), 0) => Some(Inet::Inet),
        (Some((IpAddr::V6(_), _)), 0) => Some(Inet::Inet6),
        (None, 0) => Some(*rng.pick(&[Inet::Inet, Inet::Inet6])),
        _ => None,
    };
    let interfaces = [row.interface.clone(), Some("lo".to_owned())];
    let interface = (net.is_some() && rng.once_in(6)).then(|| rng.pick(&interfaces).clone());
    Test::Host(Host {
        ends: ends(rng),
        differs,
        family,
        net,
        interface: interface.flatten(),
        port: rng.once_in(3).then_some(port),
        further: rng.once_in(3).then(|| range(port, rng)),
    })
}

fn ends(rng: &mut Rng) -> Ends {
    *rng.pick(&[
        Ends::Local,
        Ends::Remote,
        Ends::Local,
        Ends::Remote,
        Ends::Either,
    ])
}

fn port(row: &Listed, rng: &mut Rng) -> Test {
    let ports = [
        row.local_port,
        row.remote_port,
        row.local_port.saturating_add(1),
        row.remote_port.saturating_sub(1),
        0,
        443,
        32_768,
        u16::MAX,
    ];
    let compare = *rng.pick(&Compare::ALL);
    let mut further = Vec::new();
    while matches!(compare, Compare::Equal | Compare::Differs) && rng.once_in(2) {
        further.push(range(*rng.pick(&ports), rng));
    }
    Test::Port(Port {
        ends: ends(rng),
        compare,
        further,
        family: *rng.pick(&[None, None, None, None, Some(Inet::Inet), Some(Inet::Inet6)]),
        port: *rng.pick(&ports),
    })
}

/// A range of ports that begins or ends near this one, or is this one.
fn range(port: u16, rng: &mut Rng) -> (u16, u16) {
    let width = *rng.pick(&[0, 1, 2, 100, 40_000]);
    match rng.below(3) {
        0 => (port, port.saturating_add(width)),
        1 => (port.saturating_sub(width), port),
        _ => (
            port.saturating_add(1),
            port.saturating_add(1).saturating_add(width),
        ),
    }
}

fn states(row: &Listed, differs: bool, rng: &mut Rng) -> Test {
    let mut states = vec![row.state.clone()];
    // Naming BOUND also changes which sockets are listed.
    states.retain(|state| state != "BOUND");
    while states.is_empty() || rng.once_in(2) {
        states.push((*rng.pick(&STATES)).to_owned());
    }
    Test::State { states, differs }
}

fn number(row: &Listed, rng: &mut Rng) -> Test {
    let field = *rng.pick(&Number::ALL);
    let own = super::oracle::number(field, row).unwrap_or(0);
    let values = [
        own,
        own,
        own.saturating_add(1),
        own.saturating_sub(1),
        0,
        u64::MAX,
    ];
    Test::Number {
        field,
        compare: *rng.pick(&Compare::ALL),
        value: *rng.pick(&values),
    }
}
