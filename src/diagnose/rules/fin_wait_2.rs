//! Connections that are closed here and not by the peer, which a process still holds: FIN_WAIT2.
//!
//! FIN_WAIT2 without a process ends after `tcp_fin_timeout`; one that a process holds has no timer
//! (`__tcp_close`, net/ipv4/tcp.c, starts it).

use crate::diagnose::lingering::{Change, GROWTH, Lingering, Standing};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled};
use crate::model::Setting::FinTimeout;
use crate::model::{Command, Finding, InetEnds, Severity, Socket, State, StateSet, counted};

/// From this many on that stay through the window they are reported, as information unless their
/// number grows: to close one direction and wait for an answer is what shutdown(2) is for.
const REPORTED_FROM: u64 = 100;

/// How many services have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "This side has closed its direction; the peer has acknowledged that and not closed (RFC 9293, 3.6). While a process holds such a connection, it may wait for an answer, and is no orphan: the kernel runs no timer, so it stays until one side closes it.";

const REMEDY: [&str; 2] = [
    "Let the program close() after shutdown(SHUT_WR), once the peer has answered or a timeout of its own has expired.",
    "Set SO_KEEPALIVE on these sockets, so that at least those whose peers have vanished end.",
];

/// FIN_WAIT2 that a process holds, before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier(Standing);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::FinWait2);

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if socket.inode != 0 {
            self.0.add(socket, ends);
        }
    }
}

/// FIN_WAIT2, held and not.
#[derive(Debug, Default)]
pub(super) struct FinWait2 {
    held: Lingering,
    /// How many no process holds.
    closed: u64,
}

impl Rule for FinWait2 {
    const ID: &'static str = "fin-wait-2";

    const STATES: StateSet = Earlier::STATES;

    type Before = Earlier;

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.held = Lingering::after(before.0);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        match sampled.socket.inode {
            0 => self.closed += 1,
            _ => self.held.add(sampled),
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if let Some(still) = host.still {
            let reason = format!("{still} cannot show which connections stay");
            return Examined::lacking(reason.to_owned());
        }
        let stayed = self.held.changes(&host.listeners, REPORTED_FROM);
        let stayed = stayed.iter().take(REPORTED);
        let findings: Vec<_> = stayed.map(|change| self.finding(change, host)).collect();
        Examined::found(findings).without(host.mptcp())
    }
}

impl FinWait2 {
    /// A program that closes one direction and no more.
    fn finding(&self, change: &Change, host: &Host) -> Finding {
        let timeout = host.setting(FinTimeout);
        let timeout = timeout.map_or_else(String::new, |seconds| format!(" ({seconds} s)"));
        let others = counted(
            self.closed,
            "more in FIN_WAIT2 belongs to no process and ends",
            "more in FIN_WAIT2 belong to no process and end",
        );
        let mut evidence = vec![
            change.text(host),
            format!("{others} after {FinTimeout}{timeout}; these do not end"),
        ];
        evidence.extend(self.held.limit_note());
        let show = Command::list("--process --state fin-wait-2").of("inode gt 0");
        let title = format!(
            "{} are held in FIN_WAIT2 by their processes",
            change.connections()
        );
        let inodes = self.held.inodes(&change.groups);
        let sockets = change.counts.sockets as f64;
        let severity = match change.growth() >= Some(GROWTH) {
            true => Severity::Warning,
            false => Severity::Info,
        };
        Finding::new(severity, title, sockets, inodes, WHY)
            .with_subject(change.subject())
            .with_evidence(evidence)
            .with_commands([change.select(show)])
            .with_remedy(REMEDY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{host, socket};
    use crate::model::{Holders, ProcessName};

    #[test]
    fn held_ones_are_information_from_100_on_and_warn_if_they_grow() {
        let found_after = |before: usize, number: u64, inode: u64| {
            let mut holders = Holders::default();
            let sockets: Vec<Socket> = (1..=number)
                .map(|cookie| {
                    holders.set(cookie * inode, ProcessName::new(b"half"), 7);
                    Socket {
                        cookie: Some(cookie),
                        inode: cookie * inode,
                        ..socket(State::FinWait2, "192.0.2.9:40000", "192.0.2.1:80")
                    }
                })
                .collect();
            let host = host();
            let rule: FinWait2 = host.read(&sockets[..before], &sockets);
            host.examine_with(&rule, &holders).findings
        };
        let found =
            |number: u64, inode| found_after(usize::try_from(number).unwrap(), number, inode);
        assert!(found(99, 1).is_empty());
        let held = found(100, 1);
        assert_eq!((held.len(), held[0].severity), (1, Severity::Info));
        for (number, severity) in [(109, Severity::Info), (110, Severity::Warning)] {
            assert_eq!(found_after(100, number, 1)[0].severity, severity);
        }
        assert_eq!(
            (held[0].processes[0].pid, held[0].processes[0].sockets),
            (7, 100)
        );
        assert!(found(1000, 0).is_empty(), "no process holds these");
    }
}
