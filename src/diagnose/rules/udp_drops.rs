//! Datagrams dropped because a program does not read them in time.
//!
//! The kernel counts for each UDP socket what it dropped (`sk_drops`, include/net/sock.h): mostly what
//! its receive buffer had no room for (`__udp_enqueue_schedule_skb`, net/ipv4/udp.c), but also wrong
//! checksums and what a socket filter rejects. Sockets at one address and port, as workers with
//! SO_REUSEPORT have, are one service.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::diagnose::bounded::{EarlierDrops, TopCounts};
use crate::diagnose::subject::{address_word, kind_label};
use crate::diagnose::{Case, Examined, Host, Rule, Sampled};
use crate::model::Counter::{
    Udp6ChecksumErrors, Udp6InDatagrams, Udp6MemErrors, Udp6RcvbufErrors, UdpChecksumErrors,
    UdpInDatagrams, UdpMemErrors, UdpRcvbufErrors,
};
use crate::model::{
    Command, Field, Finding, Kind, KindSet, Label, Setting, Severity, StateSet, counted, thousands,
};

/// From this many on in the window, if they are a part of all datagrams.
const WARNING: u64 = 10;

/// That part: of those that programs read and those that were dropped.
const PART: f64 = 0.001;

/// From this part on too much is lost for what resends, as most protocols over UDP do.
const CRITICAL_PART: f64 = 0.05;

/// How many services have findings of their own.
const REPORTED: usize = 5;

const WHY: &str = "A datagram that finds no room in the receive buffer of its socket is lost, and its sender gets no error (udp(7)): queries time out, calls and streams have gaps, and what resends becomes slow.";

/// What to do where others at the same address and port drop nothing.
const ONE_HANGS: &str = "Find out what the reader of that socket waits for: the others are read, but the kernel keeps assigning the same senders to this one (SO_REUSEPORT).";

/// The sockets at one address and port.
#[derive(Clone, Debug, Default)]
struct Service {
    dropped: u64,
    /// How many of them dropped some.
    dropping: u64,
    /// Those that a process holds.
    inodes: Vec<u64>,
    /// The memory of what is unread, and its limit, of the one that dropped most.
    fullest: (u64, u32, Option<u32>),
}

/// What was dropped in the window.
#[derive(Debug, Default)]
pub(super) struct UdpDrops {
    earlier: EarlierDrops,
    services: BTreeMap<SocketAddr, Service>,
    /// How many sockets there are at each address and port; 2 MB.
    sockets: TopCounts<SocketAddr, 50_000>,
}

impl Rule for UdpDrops {
    const ID: &'static str = "udp-drops";

    const KINDS: KindSet = KindSet::NONE.with(Kind::Udp);

    const STATES: StateSet = Kind::Udp.states();

    type Before = EarlierDrops;

    fn begin(&mut self, before: EarlierDrops, _: &Host) {
        self.earlier = before;
    }

    fn add(&mut self, sampled: &Sampled<'_>) {
        let Sampled { socket, ends, .. } = *sampled;
        self.sockets.add(ends.local);
        let grown = self.earlier.grown(socket);
        if grown == 0 {
            return;
        }
        let service = self.services.entry(ends.local).or_default();
        service.dropped += grown;
        service.dropping += 1;
        service.inodes.extend(socket.held_inode());
        let this = (grown, socket.receive_queue, socket.receive_limit);
        service.fullest = service.fullest.max(this);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        if let Some(still) = host.still {
            return Examined::lacking(format!("{still} cannot show what is dropped"));
        }
        let dropped: u64 = self.services.values().map(|one| one.dropped).sum();
        // Without the counter, every number is a large part.
        let read = host.known_growth(&[UdpInDatagrams, Udp6InDatagrams]);
        let all = read.saturating_add(dropped).max(1) as f64;
        let mut services: Vec<_> = self.services.iter().collect();
        services.retain(|(_, one)| one.dropped >= WARNING && one.dropped as f64 / all >= PART);
        services.sort_by_key(|(_, one)| std::cmp::Reverse(one.dropped));
        services.truncate(REPORTED);
        let findings = services.into_iter();
        let findings = findings.map(|(local, one)| {
            let sockets = self.sockets.of(local);
            finding(*local, one, sockets, one.dropped as f64 / all, host)
        });
        Examined::found(findings.collect::<Vec<_>>()).without(self.earlier.limit_note("UDP"))
    }
}

fn finding(local: SocketAddr, service: &Service, sockets: u64, part: f64, host: &Host) -> Finding {
    let dropped = service.dropped;
    let rate = dropped as f64 / host.window.as_secs_f64().max(f64::EPSILON);
    let datagrams = counted(dropped, "datagram", "datagrams");
    let title = format!(
        "{datagrams} to UDP {local} dropped in {}, {:.1} % of all UDP datagrams",
        host.window_text(),
        part * 100.0
    );
    let (of_one, queue, limit) = service.fullest;
    let limit_text = limit.map_or("/proc does not report the limit".to_owned(), |limit| {
        format!("of {} bytes", thousands(limit))
    });
    let evidence = [
        format!(
            "{rate:.0} dropped per second, {} by one {}",
            thousands(of_one),
            match sockets {
                0..=1 => "socket".to_owned(),
                _ => format!("of {} sockets", thousands(sockets)),
            }
        ),
        format!("its receive queue takes {} {limit_text}", thousands(queue)),
        host.growth_text(&[
            UdpInDatagrams,
            UdpRcvbufErrors,
            UdpMemErrors,
            UdpChecksumErrors,
        ]),
        host.growth_text(&[
            Udp6InDatagrams,
            Udp6RcvbufErrors,
            Udp6MemErrors,
            Udp6ChecksumErrors,
        ]),
    ];
    let port = local.port();
    let test = match local.ip().is_unspecified() {
        true => format!("sport = {port}"),
        false => format!("src {} and sport = {port}", address_word(local.ip())),
    };
    let subject = [
        (Field::LocalAddr, Label::Text(local.ip().to_string())),
        (Field::LocalPort, Label::Number(port.into())),
    ];
    let severity = Severity::critical_if(part >= CRITICAL_PART);
    Finding::new(severity, title, dropped as f64, service.inodes.clone(), WHY)
        .with_subject(kind_label(Kind::Udp).into_iter().chain(subject).collect())
        .with_evidence(evidence)
        .with_commands([Command::list("--process --columns drops,receive-limit")
            .of_kind(Kind::Udp)
            .of(test)])
        .with_remedy(
            (service.dropping == 1 && sockets > 1)
                .then(|| ONE_HANGS.to_owned())
                .into_iter()
                .chain(remedy(limit, host)),
        )
        .with_causes(&["udp-memory"])
}

fn remedy(limit: Option<u32>, host: &Host) -> Vec<String> {
    let most = host.setting(Setting::RmemMax);
    // The kernel doubles what is requested (`sock_setsockopt`, net/core/sock.c).
    let is_at_most = limit
        .zip(most)
        .is_some_and(|(limit, most)| u64::from(limit) >= most * 2);
    let name = Setting::RmemMax;
    let buffer = match (is_at_most, most) {
        (true, Some(most)) => format!(
            "If they come in bursts, raise {name} ({}), which limits the receive buffer, and let the program request more (SO_RCVBUF).",
            thousands(most)
        ),
        (_, Some(most)) => format!(
            "If they come in bursts, let the program request a larger receive buffer (SO_RCVBUF): up to {} bytes by {name}.",
            thousands(most)
        ),
        (_, None) => format!(
            "If they come in bursts, let the program request a larger receive buffer (SO_RCVBUF), up to {name}."
        ),
    };
    let read = "Let the program read faster: several at a time (recvmmsg()), the work on them elsewhere than in the reading thread, several sockets with SO_REUSEPORT.";
    vec![read.to_owned(), buffer]
}

#[cfg(test)]
mod tests;
