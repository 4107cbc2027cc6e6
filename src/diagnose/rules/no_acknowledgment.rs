//! Connections on which the peer acknowledges nothing: what was sent is retransmitted until the kernel
//! gives up, and the program that waits for an answer gets none.
//!
//! The kernel gives up after `tcp_retries2` (`retransmits_timed_out`, net/ipv4/tcp_timer.c;
//! ip-sysctl.rst), a connection with TCP_USER_TIMEOUT after that.

#[cfg(test)]
mod tests;

use super::path_mtu::{self, Lost, Retransmission};
use crate::diagnose::stalled::{
    Scattered, Stalled, StalledService, Suspect, Waited, is_retransmitting,
};
use crate::diagnose::subject::{
    address_word, counted_connections, seconds, service_subject, service_test,
};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule, Sampled, Suspects};
use crate::model::Setting::Retries2;
use crate::model::{
    Command, Finding, InetEnds, Metric, Service, Severity, Socket, State, StateSet, counted,
    thousands,
};

/// From this many retransmissions in a row on a path counts as suspect: R1 of RFC 9293, 3.8.3, and
/// `tcp_retries1`, 3 by default.
const IN_A_ROW: u32 = 3;

/// How many services have findings of their own.
const REPORTED: usize = 5;

/// How many peers are named.
const NAMED: usize = 3;

/// The timeout with which the kernel computes when to give up (`TCP_RTO_MIN`, include/net/tcp.h), and
/// the longest one (`TCP_RTO_MAX`), in milliseconds.
const FIRST_TIMEOUT: u64 = 200;
const LONGEST_TIMEOUT: u64 = 120_000;

const WHY: &str = "Nothing that was sent is acknowledged: the host is down, the path drops packets, or a firewall or NAT has forgotten the connection while it was idle. A program that waits for an answer waits until the kernel gives up.";

const REMEDY: [&str; 3] = [
    "Check the path to the peer and whether its host is up; look for a firewall, NAT or load balancer that forgets idle connections.",
    "Let the program give up sooner: a timeout for each answer, or TCP_USER_TIMEOUT; then connect again.",
    "Against devices that forget: SO_KEEPALIVE with a period shorter than their idle timeout, or a shorter idle time of the connection pool.",
];

/// Those that retransmit before the window.
#[derive(Debug, Default)]
pub(super) struct Before(Waited);

impl FirstPass for Before {
    const STATES: StateSet = NoAcknowledgment::STATES;

    const WATCHED: Option<fn(&Self) -> Vec<InetEnds>> = Some(|before| before.0.some());

    fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if is_retransmitting(socket, 1) {
            self.0.add(socket, ends);
        }
    }
}

/// Those that have retransmitted several times in a row after it.
#[derive(Debug, Default)]
pub(super) struct NoAcknowledgment(Stalled);

impl Rule for NoAcknowledgment {
    const ID: &'static str = "no-acknowledgment";

    const IS_STALL: bool = true;

    // Connections that are being closed, or not connected yet, are other rules'.
    const STATES: StateSet = StateSet::NONE
        .with(State::Established)
        .with(State::CloseWait);

    type Before = Before;

    const WATCHED: Option<Suspects<Self>> = Some(|rule, host| rule.0.watched(host));

    fn begin(&mut self, before: Before, host: &Host) {
        self.0 = Stalled::after(before.0, &host.listeners);
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let is_suspect = is_retransmitting(sampled.socket, IN_A_ROW);
        self.0.add(sampled, is_suspect);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if let Some(still) = host.still {
            return Examined::lacking(format!("{still} cannot show what is acknowledged"));
        }
        let (services, scattered) = self.0.found(host, REPORTED, |_| false);
        let further = services.len().saturating_sub(REPORTED) as u64;
        let reported = services.iter().take(REPORTED);
        let mut findings: Vec<Finding> = reported.map(|one| finding(one, host)).collect();
        if let (true, Some(last)) = (further > 0, findings.last_mut()) {
            let further = counted(further, "more service gets", "more services get");
            last.evidence.push(format!("{further} no acknowledgment"));
        }
        findings.extend(scattered.as_ref().map(|found| to_many(found, host)));
        let lacking = self.0.lacking(host);
        Examined::found(findings).without(lacking.filter(|_| scattered.is_none()))
    }
}

/// Shows connections that retransmit, the most retransmissions first.
const LIST: &str =
    "-p --state established,close-wait --sort retransmits:desc --columns timer,retransmits";

/// The connections to many destinations.
fn to_many(found: &Scattered, host: &Host) -> Finding {
    let title = format!("no acknowledgment on {}", found.connections());
    let list = Command::list(&format!("{LIST} --limit 20"));
    let (value, inodes) = (found.all as f64, found.inodes.clone());
    Finding::new(Severity::Warning, title, value, inodes, WHY)
        .with_evidence([acknowledged(&found.stalled, host)])
        .with_commands([list.of(format!("retransmits ge {IN_A_ROW}"))])
        .with_remedy(REMEDY)
        .with_causes(&["path-mtu"])
}

fn finding(found: &StalledService, host: &Host) -> Finding {
    let stalled = found.stalled.len() as u64;
    let connections = counted_connections(found.all, found.service);
    let title = format!(
        "no acknowledgment on {} of {connections}",
        thousands(stalled)
    );
    let now = format!("retransmits ge {IN_A_ROW}");
    let test = service_test(found.service);
    let full = full_segments(found, host);
    let finding = Finding::new(severity(found), title, stalled as f64, found.inodes(), WHY)
        .with_subject(service_subject(found.service))
        .with_evidence(evidence(found, host))
        .with_evidence(full_text(&full))
        .with_commands([Command::list(LIST).of(test).of(now)])
        .with_remedy(REMEDY)
        .with_causes(&["path-mtu", "no-answer"]);
    // Single clients vanish between a request and its answer at any time.
    let is_path = matches!(found.service, Service::Used(_)) || found.are_several();
    match is_path && path_mtu::small_get_through(&full) {
        true => path_mtu::of_service(finding, found, host),
        false => finding,
    }
}

/// Clients vanish, single ones at any time; that a whole destination is gone means that what needs it
/// fails, even if that is one connection.
fn severity(found: &StalledService) -> Severity {
    let is_destination = matches!(found.service, Service::Used(_));
    let are_all = found.stalled.len() as u64 >= found.all;
    match is_destination && are_all {
        true => Severity::critical_if(found.is_dead()),
        false if found.are_several() => Severity::Warning,
        false => Severity::Info,
    }
}

/// That nothing was acknowledged on these.
fn acknowledged(stalled: &[Suspect], host: &Host) -> String {
    let times = stalled.iter().map(|suspect| suspect.retransmits);
    let (least, most) = (times.clone().min(), times.max());
    let bytes = stalled.iter().map(|suspect| suspect.bytes).sum();
    let bytes = counted(bytes, "byte", "bytes");
    format!(
        "nothing was acknowledged in {}: {bytes} in all, retransmitted {} times in a row",
        host.watch.text(),
        span(thousands(least.unwrap_or(0)), thousands(most.unwrap_or(0)))
    )
}

fn evidence(found: &StalledService, host: &Host) -> Vec<String> {
    let mut evidence = vec![acknowledged(&found.stalled, host)];
    let heard = found.watched(host);
    let heard: Vec<u64> = heard
        .filter_map(|watched| watched.last(Metric::LastAckReceived))
        .collect();
    if let (Some(least), Some(most)) = (heard.iter().min(), heard.iter().max()) {
        let (measured, ago) = (heard.len(), span(seconds(*least), seconds(*most)));
        evidence.push(format!(
            "of {measured} measured, the peer was last heard from {ago} s ago"
        ));
    }
    if matches!(found.service, Service::Served(_)) {
        let peers = found.peers(NAMED).into_iter();
        evidence.extend(peers.map(|(peer, sockets)| {
            format!("{} of them to {}", thousands(sockets), address_word(peer))
        }));
    }
    evidence.extend(host.setting(Retries2).map(|retries| {
        let seconds = given_up_after(retries) / 1_000;
        format!(
            "{Retries2} is {retries}: the kernel gives up about {} s after the first retransmission",
            thousands(seconds)
        )
    }));
    evidence
}

/// The full segments that are lost, one of each connection, if they are on all that were measured.
fn full_segments(found: &StalledService, host: &Host) -> Vec<Lost> {
    let lost = found.watched(host).map(|watched| {
        let retransmission = Retransmission::of(&watched.last);
        retransmission.lost(|metric| watched.last(metric)).flatten()
    });
    lost.collect::<Option<Vec<Lost>>>().unwrap_or_default()
}

/// That no full segment was acknowledged on these, as evidence.
fn full_text(lost: &[Lost]) -> Option<String> {
    let size = thousands(lost.iter().map(|one| one.segment).max()?);
    let connections = counted(lost.len() as u64, "connection", "connections");
    let then = match path_mtu::small_get_through(lost) {
        true => "get through: the path loses",
        false => "got through before: if the peer answers `ping PEER`, the path may lose",
    };
    Some(format!(
        "on {connections} measured, no segment of up to {size} bytes was ever acknowledged, and small ones {then} full segments; `ping -M do -s SIZE PEER` shows from which SIZE on"
    ))
}

/// `3 to 5`, or `3`.
fn span(least: String, most: String) -> String {
    match least == most {
        true => least,
        false => format!("{least} to {most}"),
    }
}

/// After how many milliseconds of retransmissions the kernel gives up: timeouts double up to the
/// longest one.
fn given_up_after(retries: u64) -> u64 {
    let doubled = |times: u64| {
        let factor = 1_u64.checked_shl(u32::try_from(times).unwrap_or(u32::MAX));
        let timeout = factor.and_then(|factor| factor.checked_mul(FIRST_TIMEOUT));
        timeout.map_or(LONGEST_TIMEOUT, |ms| ms.min(LONGEST_TIMEOUT))
    };
    // Beyond these nothing is gained, and the number may be any.
    (0..=retries.min(1_000)).map(doubled).sum()
}
