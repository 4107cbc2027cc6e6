//! Evidence for the tests of rules.

use std::time::Duration;

use super::{Facts, Measures};
use crate::model::{
    Counter, Counters, Family, Finding, InetEnds, Listeners, Service, Setting, Settings, Severity,
    Sink, Socket, SourceName, State,
};

/// Facts of a host of which nothing is known; tests add what they are about.
pub(super) fn facts() -> Facts {
    Facts {
        source: SourceName::Netlink,
        window: Duration::from_secs(1),
        before: Counters::default(),
        after: Counters::default(),
        settings: Settings::default(),
        listeners: Listeners::default(),
        drops_unknown: None,
        measures_before: Measures::default(),
        measured_over: Duration::from_secs(1),
        measures: Measures::default(),
        page_size: Some(4_096),
        copied: false,
    }
}

impl Facts {
    /// With a counter that grew in the window.
    pub(super) fn with_growth(mut self, counter: Counter, from: u64, to: u64) -> Facts {
        self.before.set(counter, Ok(from));
        self.after.set(counter, Ok(to));
        self
    }

    /// With these listeners.
    pub(super) fn with_listeners(mut self, listeners: &[Socket]) -> Facts {
        for listener in listeners {
            assert!(self.listeners.socket(listener).is_continue());
        }
        self
    }

    /// With a setting.
    pub(super) fn with_setting(mut self, setting: Setting, text: &str) -> Facts {
        self.settings.set(setting, Ok(text.to_owned()));
        self
    }
}

/// A finding with nothing in it.
pub(super) fn finding(id: &'static str) -> Finding {
    Finding {
        id,
        severity: Severity::Warning,
        title: String::new(),
        subject: Vec::new(),
        value: None,
        limit: None,
        evidence: Vec::new(),
        processes: Vec::new(),
        commands: Vec::new(),
        why: "",
        remedy: Vec::new(),
        causes: &[],
    }
}

/// A socket in `state` between two addresses, held by a process of its own inode.
pub(super) fn socket(state: State, local: &str, remote: &str) -> Socket {
    let local: std::net::SocketAddr = local.parse().unwrap();
    let family = match local.is_ipv4() {
        true => Family::V4,
        false => Family::V6,
    };
    Socket {
        full: Some(state != State::TimeWait),
        interface: Some(0),
        cookie: Some(0),
        ..Socket::bare(
            state,
            InetEnds {
                family,
                local,
                remote: remote.parse().unwrap(),
            },
        )
    }
}

/// What a connection serves or uses on that host.
pub(super) fn service(socket: &Socket, facts: &Facts) -> Service {
    facts
        .listeners
        .service(socket.netns, socket.internet().unwrap())
}

/// A listener at `local` with this queue, its limit, and `number` as cookie and inode.
pub(super) fn listener(local: &str, waiting: u32, limit: u32, number: u64) -> Socket {
    let local: std::net::SocketAddr = local.parse().unwrap();
    let any = match local.is_ipv4() {
        true => "0.0.0.0:0",
        false => "[::]:0",
    };
    Socket {
        receive_queue: waiting,
        send_queue: limit,
        cookie: Some(number),
        inode: number,
        ..socket(State::Listen, &local.to_string(), any)
    }
}

/// Every name of a setting in a finding's remedies is that of a setting that is read.
#[track_caller]
pub(super) fn assert_names_settings(finding: &Finding) {
    let text = finding.remedy.join(" ");
    let names = text.split(|c: char| !(c.is_alphanumeric() || "._".contains(c)));
    for name in names.filter(|name| name.starts_with("net.")) {
        let name = name.trim_end_matches('.');
        assert!(
            Setting::all().any(|setting| setting.name() == name),
            "{name} in {finding:?}"
        );
    }
}

/// A host that listens at these addresses.
pub(super) fn listening_at(addresses: &[&str]) -> Listeners {
    let sockets: Vec<Socket> = addresses
        .iter()
        .map(|address| listener(address, 0, 1, 1))
        .collect();
    facts().with_listeners(&sockets).listeners
}
