//! Messages that the kernel dropped because the receive buffer of a netlink socket was full: its
//! program has missed events.
//!
//! The kernel counts them for each socket (`netlink_overrun`, net/netlink/af_netlink.c), and lets the
//! next recv() fail with ENOBUFS, unless the program has set NETLINK_NO_ENOBUFS (netlink(7)).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::diagnose::bounded::EarlierDrops;
use crate::diagnose::subject::kind_label;
use crate::diagnose::{Case, Examined, Host, Rule};
use crate::model::{
    Command, Field, Finding, Kind, KindSet, Label, Protocol, Setting, Severity, Socket, StateSet,
    counted, thousands,
};

/// How many sockets of one protocol are described, and selected by the command.
const DESCRIBED: usize = 5;

/// How many protocols have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "A message that finds no room in the receive buffer of its socket is lost, and the next recv() fails with ENOBUFS, unless the program has set NETLINK_NO_ENOBUFS (netlink(7)). The program has missed events: what it has recorded of links, routes, rules or devices is out of date.";

/// The names of linux/netlink.h, with what the messages are about.
const PROTOCOLS: [(u16, &str, &str); 12] = [
    (
        0,
        "NETLINK_ROUTE",
        "links, addresses, neighbours and routes",
    ),
    (2, "NETLINK_USERSOCK", "programs"),
    (4, "NETLINK_SOCK_DIAG", "sockets"),
    (6, "NETLINK_XFRM", "IPsec"),
    (7, "NETLINK_SELINUX", "SELinux"),
    (8, "NETLINK_ISCSI", "iSCSI"),
    (9, "NETLINK_AUDIT", "audit events"),
    (11, "NETLINK_CONNECTOR", "processes"),
    (
        12,
        "NETLINK_NETFILTER",
        "connection tracking, rules and logged packets",
    ),
    (15, "NETLINK_KOBJECT_UEVENT", "devices"),
    (16, "NETLINK_GENERIC", "families of generic netlink"),
    (20, "NETLINK_RDMA", "RDMA"),
];

/// A socket for which messages were dropped in the window.
#[derive(Clone, Debug)]
struct Dropping {
    dropped: u64,
    socket: Socket,
}

/// Those of each protocol.
#[derive(Debug, Default)]
pub(super) struct NetlinkDrops {
    earlier: EarlierDrops,
    by_protocol: BTreeMap<Protocol, Vec<Dropping>>,
}

impl Rule for NetlinkDrops {
    const ID: &'static str = "netlink-drops";

    const KINDS: KindSet = KindSet::NONE.with(Kind::Netlink);

    const STATES: StateSet = Kind::Netlink.states();

    type Before = EarlierDrops;

    fn begin(&mut self, before: EarlierDrops, _: &Host) {
        self.earlier = before;
    }

    fn add_local(&mut self, socket: &Socket) {
        let dropped = self.earlier.grown(socket);
        if let Some(protocol) = socket.protocol().filter(|_| dropped > 0) {
            let socket = socket.clone();
            let sockets = self.by_protocol.entry(protocol).or_default();
            sockets.push(Dropping { dropped, socket });
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        if let Some(still) = case.host.still {
            return Examined::lacking(format!("{still} cannot show what is dropped"));
        }
        let sum = |sockets: &[Dropping]| sockets.iter().map(|one| one.dropped).sum::<u64>();
        let mut protocols: Vec<_> = self.by_protocol.iter().collect();
        protocols.sort_by_key(|(_, sockets)| std::cmp::Reverse(sum(sockets)));
        protocols.truncate(REPORTED);
        let findings = protocols.into_iter().map(|(protocol, sockets)| {
            let mut sockets: Vec<&Dropping> = sockets.iter().collect();
            sockets.sort_by_key(|one| std::cmp::Reverse(one.dropped));
            finding(*protocol, &sockets, case.host)
        });
        Examined::found(findings).without(self.earlier.limit_note("NETLINK"))
    }
}

/// The name of a protocol in linux/netlink.h, and what its messages are about.
fn names(protocol: Protocol) -> (String, String) {
    let known = PROTOCOLS
        .iter()
        .find(|(number, ..)| *number == protocol.number);
    match known {
        Some((_, name, about)) => ((*name).to_owned(), format!(" about {about}")),
        None => (format!("netlink protocol {protocol}"), String::new()),
    }
}

fn finding(protocol: Protocol, sockets: &[&Dropping], host: &Host) -> Finding {
    let dropped: u64 = sockets.iter().map(|one| one.dropped).sum();
    let (name, about) = names(protocol);
    let title = format!(
        "{name}: {} missed {}{about} in {}",
        counted(sockets.len() as u64, "socket", "sockets"),
        counted(dropped, "message", "messages"),
        host.window_text()
    );
    let described: Vec<&&Dropping> = sockets.iter().take(DESCRIBED).collect();
    let tests = described
        .iter()
        .map(|one| format!("inode = {}", one.socket.inode));
    let tests: Vec<String> = tests.collect();
    let inodes = sockets.iter().filter_map(|one| one.socket.held_inode());
    let command = Command::list("--process --columns drops,receive-limit,groups");
    let command = command.of_kind(Kind::Netlink);
    let command = match tests.as_slice() {
        [one] => command.of(one.clone()),
        several => command.of(format!("({})", several.join(" or "))),
    };
    let protocol = (Field::Protocol, Label::Text(protocol.to_string()));
    Finding::new(
        Severity::Warning,
        title,
        dropped as f64,
        inodes.collect(),
        WHY,
    )
    .with_subject(
        kind_label(Kind::Netlink)
            .into_iter()
            .chain([protocol])
            .collect(),
    )
    .with_evidence(described.iter().map(|one| evidence(one)))
    .with_commands([command])
    .with_remedy(remedy(host))
}

/// One socket: `port 4242 missed 7 messages; its receive queue takes 4,352 of 4,608 bytes`.
fn evidence(one: &Dropping) -> String {
    let port = one.socket.number(Field::PortId).unwrap_or_default();
    let limit = match one.socket.receive_limit {
        Some(limit) => format!("of {} bytes", thousands(limit)),
        None => "bytes; /proc does not report the limit".to_owned(),
    };
    format!(
        "port {port} missed {}; its receive queue takes {} {limit}",
        counted(one.dropped, "message", "messages"),
        thousands(one.socket.receive_queue)
    )
}

fn remedy(host: &Host) -> [String; 3] {
    let name = Setting::RmemMax;
    let most = match host.setting(name) {
        Some(most) => format!("{} bytes by {name}", thousands(most)),
        None => name.to_string(),
    };
    [
        "Let the program read all messages as soon as there are any, and do the work on them elsewhere than in the reading thread; let it join fewer multicast groups.".to_owned(),
        format!("If they come in bursts, let it request a larger receive buffer: SO_RCVBUF up to {most}, or SO_RCVBUFFORCE with CAP_NET_ADMIN."),
        "Let it read the whole state again (a dump, NLM_F_DUMP) when recv() fails with ENOBUFS; until it does, or is restarted, its record is out of date.".to_owned(),
    ]
}
