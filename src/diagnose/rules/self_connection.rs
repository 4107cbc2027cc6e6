//! Connections of a socket to itself: both ends are the same address and port.
//!
//! The kernel may choose the port of an outgoing connection (`net.ipv4.ip_local_port_range`) so that it
//! equals the destination of the same host. Its SYN then arrives at the socket that sent it, and both
//! are connected without a listener (simultaneous open, RFC 9293, 3.5).

use std::net::SocketAddr;

use crate::diagnose::subject::peer_subject;
use crate::diagnose::{Case, Examined, Host, Inodes, Rule, Sampled};
use crate::model::Setting::{LocalPortRange, LocalReservedPorts};
use crate::model::{Command, Finding, Severity, State, StateSet, counted};

/// How many have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "A client that repeats its connects while no service listens on a port of this range gets such a connection in the end: it reads what it writes, and the service cannot bind the port.";

/// The connections, by their only address.
#[derive(Debug, Default)]
pub(super) struct SelfConnection {
    connections: u64,
    first: Vec<SocketAddr>,
    inodes: Inodes<SocketAddr, REPORTED>,
}

impl Rule for SelfConnection {
    const ID: &'static str = "self-connection";

    const STATES: StateSet = StateSet::NONE.with(State::Established);

    type Before = ();

    fn add(&mut self, sampled: &Sampled<'_>) {
        let (socket, ends) = (sampled.socket, sampled.ends);
        if ends.local != ends.remote {
            return;
        }
        self.connections += 1;
        if self.first.len() < REPORTED {
            self.first.push(ends.local);
            self.inodes.add(ends.local, socket.inode);
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let found = self.first.iter();
        Examined::found(found.map(|address| self.finding(*address, case.host)))
    }
}

impl SelfConnection {
    fn finding(&self, socket: SocketAddr, host: &Host) -> Finding {
        let address = SocketAddr::new(socket.ip().to_canonical(), socket.port());
        let port = address.port();
        let inodes = self.inodes.of(|kept| *kept == socket).collect();
        let range = host.settings.numbers::<2>(LocalPortRange);
        let range = range.map(|[first, last]| {
            let is_in = match (first..=last).contains(&port.into()) {
                true => "is",
                false => "is not",
            };
            format!("port {port} {is_in} in {LocalPortRange}, {first} to {last}")
        });
        let number = counted(self.connections, "connection has", "connections have");
        let all = format!("{number} the same address and port at both ends");
        let title = format!("a socket is connected to itself at {address}");
        Finding::new(Severity::Warning, title, 1.0, inodes, WHY)
            .with_subject(peer_subject(address))
            .with_evidence([all])
            .with_evidence(range)
            .with_commands([
                Command::list("--process").of(format!("src {address} and dst {address}"))
            ])
            .with_remedy([
                "End this connection, by a restart of the process that holds it, so that the service can bind its port.".to_owned(),
                "Let the client compare both ends after connect(), and close a connection whose ends are equal.".to_owned(),
                format!("Let services of this host use ports outside {LocalPortRange}, or add theirs to {LocalReservedPorts}."),
            ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host, socket};
    use crate::model::{Setting, Socket};

    fn found(sockets: &[Socket]) -> Vec<Finding> {
        let host = host().with_setting(Setting::LocalPortRange, "32768 60999");
        let rule: SelfConnection = host.read(&[], sockets);
        host.examine(&rule).findings
    }

    #[test]
    fn only_a_connection_with_equal_ends_is_reported() {
        let between = |local, remote| socket(State::Established, local, remote);
        let others = [
            between("127.0.0.1:40000", "127.0.0.1:40001"),
            between("127.0.0.1:40000", "127.0.0.2:40000"),
            socket(State::TimeWait, "127.0.0.1:40000", "127.0.0.1:40000"),
        ];
        assert!(found(&others).is_empty());
        let own = between("[::ffff:127.0.0.1]:40000", "[::ffff:127.0.0.1]:40000");
        let found = found(&[own]);
        let [finding] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            finding.title,
            "a socket is connected to itself at 127.0.0.1:40000"
        );
        let range = "port 40000 is in net.ipv4.ip_local_port_range, 32768 to 60999";
        assert_eq!(finding.evidence[1], range);
        assert_names_settings(finding);
    }

    #[test]
    fn the_first_five_have_findings_and_all_are_counted() {
        let sockets = (40_000..40_007).map(|port| {
            let at = format!("[::1]:{port}");
            socket(State::Established, &at, &at)
        });
        let found = found(&sockets.collect::<Vec<_>>());
        assert_eq!(found.len(), 5);
        let all = "7 connections have the same address and port at both ends";
        assert_eq!(found[4].evidence[0], all);
    }
}
