//! One destination that takes most of the ports there are for it.

use super::pool::Reuse;
use super::seen::{Destination, Outgoing, Uses};
use super::{ID, severity};
use crate::model::{Culprit, Field, Finding, Label, Setting, thousands};
use std::net::SocketAddr;

const WHY: &str = "A connection is told from others by its addresses and ports (RFC 9293, 4), so a source address has no more connections to one address and port than it has ports. Without a free one connect() fails with EADDRNOTAVAIL, and with few it searches long.";

/// The destinations that are short of ports, worst first, with their numbers.
pub(super) fn short(outgoing: &Outgoing) -> Vec<(Destination, u32, Uses)> {
    let limit = outgoing.pool.usable.len();
    let mut short: Vec<_> = outgoing
        .destinations()
        .filter(|(_, _, uses)| severity(uses.taken(), limit).is_some())
        .collect();
    short.sort_unstable_by_key(|(destination, _, uses)| {
        (std::cmp::Reverse(uses.taken()), *destination)
    });
    short
}

/// What there is to say of one.
pub(super) fn finding(
    (destination, _, uses): (Destination, u32, Uses),
    outgoing: &Outgoing,
    processes: Vec<Culprit>,
) -> Option<Finding> {
    let limit = outgoing.pool.usable.len();
    let Destination {
        source,
        address,
        port,
    } = destination;
    let peer = SocketAddr::new(address, port);
    let (first, last) = outgoing.pool.range;
    let mut evidence = vec![
        format!(
            "{} of these connections are open, {} in TIME_WAIT, which lasts 60 s",
            thousands(uses.open),
            thousands(uses.waiting)
        ),
        of_the_range(outgoing),
    ];
    evidence.extend(of_reuse(destination, uses, outgoing));
    Some(Finding {
        id: ID,
        severity: severity(uses.taken(), limit)?,
        title: format!(
            "{} of {} ports for connections from {source} to {peer} are taken",
            thousands(uses.taken()),
            thousands(limit)
        ),
        subject: vec![
            (Field::LocalAddr, Label::Text(source.to_string())),
            (Field::RemoteAddr, Label::Text(address.to_string())),
            (Field::RemotePort, Label::Number(port.into())),
        ],
        value: Some(uses.taken() as f64),
        limit: Some(limit as f64),
        evidence,
        processes,
        commands: vec![format!(
            "tcpstates 'src {source} and dst {peer} and sport ge {first} and sport le {last}'"
        )],
        why: WHY,
        remedy: remedy(destination, uses, outgoing.reuse.as_ref().ok()),
        causes: &[],
    })
}

/// Where the limit comes from.
pub(super) fn of_the_range(outgoing: &Outgoing) -> String {
    let (first, last) = outgoing.pool.range;
    let whole = u64::from(last) - u64::from(first) + 1;
    format!(
        "{} is {first} to {last}: {} ports, of which {} are reserved and {} have listeners",
        Setting::LocalPortRange.name(),
        thousands(whole),
        thousands(whole - outgoing.pool.size),
        thousands(outgoing.pool.listening.len())
    )
}

/// What becomes of those in TIME_WAIT.
fn of_reuse(to: Destination, uses: Uses, outgoing: &Outgoing) -> Option<String> {
    let name = Setting::TwReuse.name();
    let reuse = match &outgoing.reuse {
        Ok(reuse) => reuse,
        Err(reason) => {
            return Some(format!(
                "whether TIME_WAIT is cut short is not known: {reason}"
            ));
        }
    };
    let delay = reuse.delay.as_millis();
    if uses.reusable > 0 {
        return Some(format!(
            "{} more are in TIME_WAIT for at least {delay} ms, and a new connection may take their place ({name})",
            thousands(uses.reusable)
        ));
    }
    (uses.waiting > 0).then(|| match reuse.reaches(to.source, to.address) {
        true => format!(
            "a new connection may take the place of one that is in TIME_WAIT for {delay} ms ({name}), and none is yet"
        ),
        false => format!(
            "{name} and {} let no new connection take the place of these in TIME_WAIT",
            Setting::Timestamps.name()
        ),
    })
}

/// What to do: use connections again, then have more of what tells them apart, then more ports.
fn remedy(to: Destination, uses: Uses, reuse: Option<&Reuse>) -> Vec<String> {
    let peer = SocketAddr::new(to.address, to.port);
    let first = match uses.waiting >= uses.open {
        true => format!(
            "Keep connections to {peer} open and use them again: `keepalive` in an nginx upstream, a connection pool in an application."
        ),
        false => format!(
            "Send more over fewer connections to {peer}: a pool with a limit, or a protocol that carries several requests at once."
        ),
    };
    let mut remedy = vec![
        first,
        "Let the destination have more addresses or ports, or bind to several source addresses (with IP_BIND_ADDRESS_NO_PORT): each pair has all ports for itself.".to_owned(),
        format!(
            "Widen {}; put the ports of services that fall into it on {}.",
            Setting::LocalPortRange.name(),
            Setting::LocalReservedPorts.name()
        ),
    ];
    let helps = |reuse: &Reuse| reuse.timestamps && !reuse.reaches(to.source, to.address);
    if uses.waiting >= uses.open && reuse.is_some_and(helps) {
        remedy.push(format!(
            "Where the destination uses TCP timestamps as this host does, set {} to 1: connections that go out may then take the place of those in TIME_WAIT after a second.",
            Setting::TwReuse.name()
        ));
    }
    remedy
}
