//! From a sample to the page: which number is in which series. Pure; what is unknown is left out.

#[cfg(test)]
mod tests;

use super::namespaces::Divided;
use super::sampler::{Kernel, Queues, Sampled};
use super::walk::Found;
use crate::command::doctor::{Findings, SEVERITIES};
use crate::command::sample::Sample;
use crate::diagnose::{OutgoingPorts, Unanswered};
use crate::model::page::{Family, Page};
use crate::model::{Counter, Counts, Kind, Setting, SourceName, State};
use crate::tally::FullestQueues;

/// The sources that are on every page.
const SOURCES: [SourceName; 3] = [
    SourceName::Netlink,
    SourceName::NetlinkAndCounters,
    SourceName::Proc,
];

impl Sampled {
    /// The page of this sample.
    pub(super) fn page(&self) -> Page {
        let mut page = Page::default();
        page.add(Family::Build, [env!("CARGO_PKG_VERSION")], Some(1));
        for (part, is_complete, took) in self.parts() {
            page.add(Family::Complete, [part], Some(is_complete));
            page.add(Family::SampleDuration, [part], took);
        }
        page.add(Family::SampleTimestamp, [], Some(self.time));
        if let Some(sample) = self.found() {
            let kind = self.named_kinds.map(|_| Kind::Tcp);
            add_sockets(&mut page, sample, kind);
            add_groups(&mut page, &sample.found);
            if let Some(findings) = &sample.found.findings {
                add_findings(&mut page, findings);
            }
        }
        if let Some(Ok(sample)) = &self.kinds {
            page.add(Family::SampleDuration, ["kinds"], Some(sample.took));
            for one in &sample.found {
                let divided = one.namespaces.as_ref();
                add_states(&mut page, one.kind, Some(one.kind), &one.counts, divided);
                let others = divided.map(|divided| divided.others as u64);
                page.add(Family::SeriesDropped, [one.kind.name()], others);
            }
        }
        for one in &self.belongs {
            let labels = [
                &*one.name,
                &*one.pod_namespace,
                &*one.pod_name,
                &*one.container,
            ];
            page.add(Family::NetnsInfo, labels, Some(1));
        }
        if let Some((queues, ..)) = self.queues() {
            let shown = self.listeners.iter().flatten().next();
            add_queues(&mut page, queues, shown.map(|sample| &sample.found));
        }
        if let Some(kernel) = &self.kernel {
            add_kernel(&mut page, kernel);
        }
        page
    }
}

/// The name of a state as a label: `fin_wait1`, `unknown_13`.
fn state_label(state: State) -> String {
    let name = state.to_string().to_lowercase();
    name.replace('(', "_").replace(')', "")
}

/// The sockets of a kind in every state that it can have, and in those without a name that were seen; those
/// of network namespaces without series of their own have an empty label.
fn add_states(
    page: &mut Page,
    kind: Kind,
    label: Option<Kind>,
    counts: &Counts,
    divided: Option<&Divided>,
) {
    let states: Vec<State> = kind.states().iter().chain(counts.unknown()).collect();
    let mut add = |netns: Option<&str>, counts: &Counts| {
        for state in &states {
            let labels = [label.map(Kind::name), netns, Some(&*state_label(*state))];
            page.add_some(Family::Sockets, labels, Some(counts.get(*state)));
        }
    };
    let Some(divided) = divided else {
        return add(None, counts);
    };
    for (one, counts) in &divided.shown {
        add(Some(&one.name), counts);
    }
    add(Some(""), &divided.other);
}

fn add_sockets(page: &mut Page, sample: &Sample<Found>, kind: Option<Kind>) {
    let (report, found) = (&sample.report, &sample.found);
    for source in SOURCES {
        let answered = report.source == source;
        page.add(Family::Source, [source.name()], Some(answered));
    }
    let divided = found.namespaces.as_ref();
    add_states(page, Kind::Tcp, kind, &found.counts, divided);
    let others = divided.map(|divided| divided.others as u64);
    page.add(Family::SeriesDropped, ["netns"], others);
    if let Some(namespaces) = report.completeness.namespaces() {
        let number = |number: usize| Some(number as u64);
        page.add(Family::NetnsRead, [], number(namespaces.read.len()));
        page.add(Family::NetnsUnread, [], number(namespaces.unseen.len()));
    }
    for state in [State::Established, State::TimeWait] {
        let spread = report.spread.get(state);
        page.add(Family::SocketsSpread, [&*state_label(state)], Some(spread));
    }
    for state in Unanswered::STATES.iter() {
        let sockets = found.unanswered.get(state);
        page.add(
            Family::SocketsUnanswered,
            [&*state_label(state)],
            Some(sockets),
        );
    }
}

fn add_groups(page: &mut Page, found: &Found) {
    let states = |counts: &Counts| -> Vec<(String, u64)> {
        let states = counts.present();
        states
            .map(|(state, sockets)| (state_label(state), sockets))
            .collect()
    };
    for groups in found.groups.iter().flatten() {
        for (labels, counts) in &groups.shown {
            for (state, sockets) in states(counts) {
                let labels = labels.iter().cloned().chain([("state".to_owned(), state)]);
                page.add_group(&groups.name, labels.collect(), sockets);
            }
        }
        let by = &*groups.name;
        for (state, sockets) in states(&groups.other) {
            page.add(Family::SocketsByOther, [by, &*state], Some(sockets));
        }
        let dropped = groups.number - groups.shown.len();
        page.add(Family::Groups, [by], Some(groups.number as u64));
        page.add(Family::SeriesDropped, [by], Some(dropped as u64));
    }
    if let Some(ports) = &found.ports {
        for one in &ports.fullest {
            let peer = (one.peer.ip().to_string(), one.peer.port().to_string());
            let labels = [&*one.source.to_string(), &*peer.0, &*peer.1];
            page.add(Family::EphemeralPortsUsed, labels, Some(one.taken));
        }
        page.add(Family::EphemeralPortsUsedMost, [], Some(ports.most));
        page.add(Family::SeriesDropped, ["ports"], Some(ports.others));
    }
}

fn add_findings(page: &mut Page, findings: &Findings) {
    for rule in &findings.rules {
        for (severity, number) in SEVERITIES.iter().zip(rule.findings) {
            let severity = severity.name().to_lowercase();
            page.add(Family::Findings, [rule.id, &*severity], Some(number));
        }
        page.add(Family::RuleExamined, [rule.id], Some(rule.is_examined));
    }
    page.add(Family::FindingsWindow, [], Some(findings.window));
}

/// The accept queues; `shown` has the names of network namespaces, if there are several.
fn add_queues(page: &mut Page, queues: &FullestQueues, shown: Option<&Queues>) {
    for queue in &queues.queues {
        let (address, port) = (queue.local.ip().to_string(), queue.local.port().to_string());
        let mut shown = shown.iter().flat_map(|queues| &queues.shown);
        let netns = shown.find(|one| one.netns == queue.netns);
        let netns = netns.map(|one| &*one.name);
        let labels = [netns, Some(&*address), Some(&*port)];
        let mut add = |family, value: Option<u64>| page.add_some(family, labels, value);
        add(Family::AcceptQueueLength, Some(queue.waiting.into()));
        add(Family::AcceptQueueLimit, queue.limit.map(u64::from));
        add(Family::ListenerDrops, queue.drops);
    }
    page.add(Family::SeriesDropped, ["listeners"], Some(queues.others));
}

fn add_kernel(page: &mut Page, kernel: &Kernel) {
    let Kernel {
        counters, settings, ..
    } = kernel;
    let mut add = |family, value: Option<u64>| page.add(family, [], value);
    let setting = |setting| settings.number(setting).ok();
    let counter = |counter| counters.get(counter).ok();
    let bytes = |pages: Option<u64>| pages?.checked_mul(kernel.page_size?);
    let [_, pressure, limit] = settings
        .numbers(Setting::Mem)
        .map_or([None; 3], |numbers| numbers.map(Some));
    add(Family::Orphans, counter(Counter::Orphans));
    add(Family::OrphansLimit, setting(Setting::MaxOrphans));
    add(Family::Memory, bytes(counter(Counter::MemoryPages)));
    add(Family::MemoryPressure, bytes(pressure));
    add(Family::MemoryLimit, bytes(limit));
    if kernel.is_of_host {
        return;
    }
    add(
        Family::EphemeralPorts,
        OutgoingPorts::all_ports(settings).ok(),
    );
    add(Family::TimeWaitLimit, setting(Setting::MaxTwBuckets));
    add(Family::ConntrackEntries, setting(Setting::ConntrackCount));
    add(
        Family::ConntrackEntriesLimit,
        setting(Setting::ConntrackMax),
    );
    for (family, name) in Family::KERNEL {
        add(family, counter(name));
    }
}
