//! How findings are made: the one constructor, what they are about, and the commands that show their
//! sockets.

use std::net::{IpAddr, SocketAddr};

use super::host::Host;
use crate::model::{Command, Field, Finding, Holders, Label, Service, Severity};

/// What a rule examines besides its own sockets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) host: &'a Host,
    /// The processes that hold sockets; none when the rules are applied for the first time.
    pub(super) holders: &'a Holders,
}

/// What every finding has. The id is that of the rule; subject, limit and causes are none.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) value: f64,
    pub(super) evidence: Vec<String>,
    /// The sockets whose holders it names.
    pub(super) inodes: Vec<u64>,
    pub(super) show: Vec<Show>,
    pub(super) why: &'static str,
    pub(super) remedy: Vec<String>,
}

impl Case<'_> {
    /// Makes a finding.
    pub(super) fn finding(&self, draft: Draft) -> Finding {
        let show = draft.show.into_iter();
        Finding {
            id: "",
            severity: draft.severity,
            title: draft.title,
            subject: Vec::new(),
            value: draft.value,
            limit: None,
            evidence: draft.evidence,
            processes: self.holders.of(draft.inodes.iter().copied()),
            inodes: draft.inodes,
            commands: show.map(|show| show.command(self.host)).collect(),
            why: draft.why,
            remedy: draft.remedy,
            causes: &[],
        }
    }
}

/// A command that shows sockets, without the options that select where they are.
#[derive(Debug)]
pub(super) struct Show {
    verb: Option<&'static str>,
    options: String,
    tests: Vec<String>,
}

impl Show {
    /// `tcpstates list` with these options, which need no quotes.
    pub(super) fn list(options: impl Into<String>) -> Show {
        Show {
            verb: Some("list"),
            ..Show::count(options)
        }
    }

    /// `tcpstates` with these options, which need no quotes.
    pub(super) fn count(options: impl Into<String>) -> Show {
        Show {
            verb: None,
            options: options.into(),
            tests: Vec::new(),
        }
    }

    /// Of the sockets that pass this filter, too.
    pub(super) fn of(mut self, test: impl Into<String>) -> Show {
        self.tests.push(test.into());
        self
    }

    /// The command, with all that selects the sockets that `doctor` read.
    fn command(self, host: &Host) -> Command {
        let mut words = vec!["tcpstates".to_owned()];
        words.extend(self.verb.map(str::to_owned));
        words.extend(host.place.options());
        let options = self.options.split_whitespace();
        words.extend(options.map(str::to_owned));
        Command {
            words,
            filter: (!self.tests.is_empty()).then(|| self.tests.join(" and ")),
        }
    }
}

/// An address as a filter takes it: an IPv6 address needs brackets, or its end may be a port.
pub(super) fn address_word(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The filter for the connections of a service.
pub(super) fn service_test(service: Service) -> String {
    match service {
        Service::Served(port) => format!("sport = {port}"),
        Service::Used(peer) => format!("dst {peer}"),
    }
}

/// The connections of a service, in a title: `inbound connections to port 80`.
pub(super) fn service_text(service: Service) -> String {
    match service {
        Service::Served(port) => format!("inbound connections to port {port}"),
        Service::Used(peer) => format!("outbound connections to {peer}"),
    }
}

/// The subject of a finding about a service.
pub(super) fn service_subject(service: Service) -> Vec<(Field, Label)> {
    match service {
        Service::Served(port) => vec![(Field::LocalPort, Label::Number(port.into()))],
        Service::Used(peer) => peer_subject(peer),
    }
}

/// The subject of a finding about a listener.
pub(super) fn listener_subject(local: SocketAddr) -> Vec<(Field, Label)> {
    vec![
        (Field::LocalAddr, Label::Text(local.ip().to_string())),
        (Field::LocalPort, Label::Number(local.port().into())),
    ]
}

/// The subject of a finding about a destination.
pub(super) fn peer_subject(peer: SocketAddr) -> Vec<(Field, Label)> {
    vec![
        (Field::RemoteAddr, Label::Text(peer.ip().to_string())),
        (Field::RemotePort, Label::Number(peer.port().into())),
    ]
}
