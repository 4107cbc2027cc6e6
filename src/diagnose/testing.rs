//! Evidence for the tests of rules.

use std::collections::HashMap;
use std::time::Duration;

use super::rule::Case;
use super::rule::{Examined, FirstPass, Rule, Sampled};
use super::watch::{Sightings, Watch};
use super::{Host, Measures};
use crate::model::testing::ends;
use crate::model::{
    Counter, Counters, Finding, Holders, Kind, KindSet, Listeners, Metric, Namespaces, Setting,
    Settings, Severity, Sink, Socket, SourceName, State, TcpInfo, Unlisted, Where,
};

/// A host without values; tests add what they are about.
pub(super) fn host() -> Host {
    Host {
        place: Where::Here,
        source: SourceName::Netlink,
        kinds: KindSet::ALL,
        sockets: 0,
        others: Vec::new(),
        unknown_states: 0,
        window: Duration::from_secs(1),
        held_up: None,
        is_brief: false,
        before: Counters::default(),
        after: Counters::default(),
        later: None,
        settings: Settings::default(),
        listeners: Listeners::default(),
        interfaces: HashMap::new(),
        drops_unknown: None,
        unlisted: Unlisted {
            mptcp: Ok(0),
            namespaces: Namespaces::default(),
        },
        measures: Measures::default(),
        survey: None,
        watch: Watch::default(),
        page_size: Some(4_096),
        still: None,
        filter: None,
        selected: None,
    }
}

impl Host {
    /// With a counter that grew in the window.
    pub(super) fn with_growth(mut self, counter: Counter, from: u64, to: u64) -> Host {
        self.before.set(counter, Ok(from));
        self.after.set(counter, Ok(to));
        self
    }

    /// With these listeners.
    pub(super) fn with_listeners(mut self, listeners: &[Socket]) -> Host {
        for listener in listeners {
            assert!(self.listeners.socket(listener).is_continue());
        }
        self
    }

    /// With listeners at these addresses.
    pub(super) fn listening_at(self, addresses: &[&str]) -> Host {
        let at = |address: &&str| listener(address, 0, 1, 1);
        let listeners: Vec<Socket> = addresses.iter().map(at).collect();
        self.with_listeners(&listeners)
    }

    /// With a setting.
    pub(super) fn with_setting(mut self, setting: Setting, text: &str) -> Host {
        self.settings.set(setting, Ok(text.to_owned()));
        self
    }

    /// Sees what a rule watches: each of these sockets that it wants, or none where it has ended.
    pub(super) fn see<R: Rule>(&mut self, rule: &R, sockets: &[Socket]) {
        let over = match self.watch.over {
            Duration::ZERO => Duration::from_millis(1),
            _ => Duration::from_secs(5),
        };
        self.see_after(rule, sockets, over);
    }

    /// The same so long after the begin of the window.
    pub(super) fn see_after<R: Rule>(&mut self, rule: &R, sockets: &[Socket], over: Duration) {
        for (kind, watched) in [(Kind::Tcp, R::WATCHED), (Kind::Mptcp, R::WATCHED_MPTCP)] {
            let wanted = watched.map_or(Vec::new(), |of| of(rule, self));
            let mut seen = Sightings::of(&wanted);
            for socket in sockets.iter().filter(|socket| socket.kind == kind) {
                assert!(seen.socket(socket).is_continue());
            }
            self.watch.see(kind, seen, over);
        }
    }

    /// A rule that has read these sockets before the window, and these after it.
    pub(super) fn read<R: Rule>(&self, before: &[Socket], after: &[Socket]) -> R {
        let mut earlier = R::Before::default();
        let seen = before.iter();
        for socket in seen.filter(|one| R::Before::STATES.contains(one.state)) {
            match socket.internet() {
                Some(ends) => earlier.add(socket, ends),
                None => earlier.add_local(socket),
            }
        }
        let mut rule = R::default();
        rule.begin(earlier, self);
        after.iter().for_each(|socket| self.add(&mut rule, socket));
        rule
    }

    /// Adds one after the window.
    pub(super) fn add<R: Rule>(&self, rule: &mut R, socket: &Socket) {
        if !R::STATES.contains(socket.state) {
            return;
        }
        match socket.internet() {
            None => rule.add_local(socket),
            Some(_) => rule.add(&sampled(socket, &self.listeners)),
        }
    }

    /// What a rule finds without holders.
    pub(super) fn examine<R: Rule>(&self, rule: &R) -> Examined {
        self.examine_with(rule, &Holders::default())
    }

    /// What it finds with them.
    pub(super) fn examine_with<R: Rule>(&self, rule: &R, holders: &Holders) -> Examined {
        let host = self;
        let case = Case { host, holders };
        let Examined {
            findings,
            lacking,
            searched,
        } = rule.examine(&case).in_scope(R::SCOPE);
        let findings = findings.into_iter();
        let complete = findings.map(|finding| case.complete(R::ID, finding));
        Examined::found(complete)
            .with_searched(searched)
            .without(lacking)
    }
}

/// An internet socket after the window, on a host with these listeners.
pub(super) fn sampled<'a>(socket: &'a Socket, listeners: &Listeners) -> Sampled<'a> {
    let ends = socket.internet().unwrap();
    Sampled {
        socket,
        ends,
        service: listeners.service(socket.kind, socket.netns, ends),
    }
}

/// A socket with these measures.
pub(super) fn seen(socket: Socket, measures: &[(Metric, u64)]) -> Socket {
    let mut info = TcpInfo::default();
    for (metric, value) in measures {
        info.set(*metric, *value);
    }
    let info = Some(Box::new(info));
    Socket { info, ..socket }
}

/// A finding with nothing in it.
pub(super) fn finding(id: &'static str) -> Finding {
    Finding {
        id,
        ..Finding::new(Severity::Warning, String::new(), 0.0, Vec::new(), "")
    }
}

/// A socket in `state` between two addresses that no process holds.
pub(super) fn socket(state: State, local: &str, remote: &str) -> Socket {
    Socket {
        full: Some(state != State::TimeWait),
        interface: Some(0),
        cookie: Some(0),
        ..Socket::bare(Kind::Tcp, state, ends(local, remote))
    }
}

/// A listener at `local` with this queue, its limit, and `number` as cookie and inode.
pub(super) fn listener(local: &str, waiting: u32, limit: u32, number: u64) -> Socket {
    let any = match local.starts_with('[') {
        true => "[::]:0",
        false => "0.0.0.0:0",
    };
    Socket {
        receive_queue: waiting,
        send_queue: limit,
        cookie: Some(number),
        inode: number,
        ..socket(State::Listen, local, any)
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
            Setting::ALL.iter().any(|setting| setting.name() == name),
            "{name} in {finding:?}"
        );
    }
}
