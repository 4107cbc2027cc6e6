//! Connections whose peers have acknowledged nothing since before the window, by service.
//!
//! A timer that runs in both samples makes a suspect. Suspects are watched, and those on which
//! anything is acknowledged are none.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::host::Host;
use super::rule::Sampled;
use super::watch::{Watched, reversed};
use crate::model::{
    InetEnds, Kind, Listeners, Netns, Service, Socket, TimerKind, counted, thousands,
};

/// Suspects beyond this many are only counted; 2 MB in either sample.
const ROOM: usize = 20_000;

/// How many suspects are watched: of one service, and of all.
const WATCHED_OF_ONE: usize = 16;
const WATCHED: usize = 64;

/// A service warns if this many connections are all that it has and all of them are stalled: single
/// peers vanish everywhere.
const ALL_OF: u64 = 2;

/// Else it takes several connections, and this part of those of their service: of the many clients of
/// a listener single ones vanish or pause at any time.
const SEVERAL: u64 = 3;
const PART: f64 = 0.1;

/// Fewer are information if they are this part of all connections.
const SHARE: f64 = 0.01;

/// The least number of watched connections from which those that were not watched are judged.
const ENOUGH: usize = 10;

/// So much of them must be stalled.
const HALF: f64 = 0.5;

/// Whether the timer for probes of a closed window runs.
pub(super) fn is_probing(socket: &Socket) -> bool {
    socket
        .timer
        .is_some_and(|timer| timer.kind == TimerKind::Persist)
}

/// Whether it has retransmitted `least` times or more in a row.
pub(super) fn is_retransmitting(socket: &Socket, least: u32) -> bool {
    let runs = socket
        .timer
        .is_some_and(|timer| timer.kind == TimerKind::Retransmit);
    runs && socket.retransmits.is_some_and(|times| times >= least)
}

/// What identifies a connection in both samples: the cookie, or from /proc the inode.
pub(super) fn key(socket: &Socket) -> Option<u64> {
    socket.cookie.or_else(|| socket.held_inode())
}

/// The suspects before the window.
#[derive(Debug, Default)]
pub(super) struct Waited {
    by_key: HashMap<u64, (Netns, InetEnds)>,
    beyond: u64,
}

impl Waited {
    /// Takes one.
    pub(super) fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        if self.by_key.len() >= ROOM {
            self.beyond += 1;
        } else if let Some(key) = key(socket) {
            self.by_key.insert(key, (socket.netns, *ends));
        }
    }

    /// Some of them.
    pub(super) fn some(&self) -> Vec<InetEnds> {
        let ends = self.by_key.values().map(|(_, ends)| *ends);
        ends.take(WATCHED).collect()
    }
}

/// A connection that was a suspect before the window and is one after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    pub(super) ends: InetEnds,
    pub(super) inode: u64,
    /// What the peer has not acknowledged.
    pub(super) bytes: u64,
    pub(super) retransmits: u32,
}

/// The connections of one service.
#[derive(Clone, Debug, Default)]
struct OfService {
    all: u64,
    suspects: Vec<Suspect>,
}

/// The suspects after the window, and the connections of their services.
#[derive(Debug, Default)]
pub(super) struct Stalled {
    before: HashSet<u64>,
    /// Connections of any service.
    connections: u64,
    /// Those that had suspects before the window.
    services: HashMap<Service, OfService>,
    beyond: u64,
    /// The suspects after the window at services elsewhere, whether they were kept before it or not.
    elsewhere: u64,
}

/// Connections that are stalled, with many destinations that have few each.
#[derive(Clone, Debug)]
pub(super) struct Scattered {
    /// How many may be stalled; a part of them was watched.
    pub(super) all: u64,
    pub(super) destinations: u64,
    pub(super) watched: u64,
    /// Those of the watched ones on which nothing moved.
    pub(super) stalled: Vec<Suspect>,
    /// The inodes of those that processes hold, as far as they were kept.
    pub(super) inodes: Vec<u64>,
}

impl Scattered {
    /// How many of how many, for a title: `64 of 64 connections watched, out of 24,750 to at least
    /// 20,000 destinations`.
    pub(super) fn connections(&self) -> String {
        let stalled = thousands(self.stalled.len());
        // Only as many are kept.
        let least = if self.destinations >= ROOM as u64 {
            "at least "
        } else {
            ""
        };
        let destinations = counted(self.destinations, "destination", "destinations");
        let destinations = format!("{least}{destinations}");
        let watched = counted(self.watched, "connection", "connections");
        match self.all == self.watched {
            true => format!("{stalled} of {watched} to {destinations}"),
            false => format!(
                "{stalled} of {watched} watched, out of {} to {destinations}",
                thousands(self.all)
            ),
        }
    }
}

/// A service with connections that are stalled.
#[derive(Clone, Debug)]
pub(super) struct StalledService {
    pub(super) service: Service,
    /// How many connections it has.
    pub(super) all: u64,
    pub(super) stalled: Vec<Suspect>,
}

impl StalledService {
    /// Whether no connection of the service works, and it has more than one.
    pub(super) fn is_dead(&self) -> bool {
        self.all >= ALL_OF && self.stalled.len() as u64 >= self.all
    }

    /// Whether several connections are stalled, and a part of the service with them.
    pub(super) fn are_several(&self) -> bool {
        let stalled = self.stalled.len() as u64;
        stalled >= SEVERAL && stalled as f64 >= self.all as f64 * PART
    }

    /// What is not acknowledged on all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.stalled.iter().map(|suspect| suspect.bytes).sum()
    }

    /// The inodes of those that processes hold.
    pub(super) fn inodes(&self) -> Vec<u64> {
        let inodes = self.stalled.iter().map(|suspect| suspect.inode);
        inodes.filter(|inode| *inode != 0).collect()
    }

    /// The addresses of most peers, and how many connections each has.
    pub(super) fn peers(&self, most: usize) -> Vec<(IpAddr, u64)> {
        let mut counts: HashMap<IpAddr, u64> = HashMap::new();
        for suspect in &self.stalled {
            let peer = suspect.ends.remote.ip().to_canonical();
            *counts.entry(peer).or_default() += 1;
        }
        let mut peers: Vec<(IpAddr, u64)> = counts.into_iter().collect();
        peers.sort_unstable_by_key(|(peer, sockets)| (std::cmp::Reverse(*sockets), *peer));
        peers.truncate(most);
        peers
    }

    /// What was seen of those that were watched.
    pub(super) fn watched<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'a Watched> {
        let stalled = self.stalled.iter();
        stalled.filter_map(|suspect| host.watch.of(&suspect.ends))
    }
}

impl Stalled {
    /// None yet after the window.
    pub(super) fn after(waited: Waited, listeners: &Listeners) -> Stalled {
        let mut stalled = Stalled {
            beyond: waited.beyond,
            ..Stalled::default()
        };
        for (key, (netns, ends)) in waited.by_key {
            stalled.before.insert(key);
            let service = listeners.service(Kind::Tcp, netns, &ends);
            stalled.services.entry(service).or_default();
        }
        stalled
    }

    /// Takes a connection after the window, which `is_suspect` or not.
    pub(super) fn add(&mut self, sampled: &Sampled<'_>, is_suspect: bool) {
        self.connections += 1;
        let is_elsewhere = is_suspect && matches!(sampled.service, Service::Used(_));
        self.elsewhere += u64::from(is_elsewhere);
        // Only hosts with suspects take the time.
        let service = self.services.get_mut(&sampled.service);
        let Some(of_service) = service else {
            return;
        };
        of_service.all += 1;
        let socket = sampled.socket;
        let was_suspect = key(socket).is_some_and(|key| self.before.contains(&key));
        if is_suspect && was_suspect {
            of_service.suspects.push(Suspect {
                ends: *sampled.ends,
                inode: socket.inode,
                bytes: socket.send_queue.into(),
                retransmits: socket.retransmits.unwrap_or(0),
            });
        }
    }

    /// Those that are watched as long as nothing moves: some of each service.
    pub(super) fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let selected = self.selected().into_iter();
        let still = selected.filter(|suspect| !has_moved(suspect, host));
        still.map(|suspect| suspect.ends).collect()
    }

    /// Half of them of the services with most suspects, the others spread over the rest.
    fn selected(&self) -> Vec<&Suspect> {
        let some = self.largest().into_iter();
        let some = some.flat_map(|(_, of)| of.suspects.iter().take(WATCHED_OF_ONE));
        let mut some: Vec<&Suspect> = some.collect();
        let rest = some.split_off(some.len().min(WATCHED / 2));
        let step = rest.len().div_ceil(WATCHED / 2).max(1);
        some.extend(rest.into_iter().step_by(step));
        some
    }

    /// The services with suspects, most first.
    fn largest(&self) -> Vec<(Service, &OfService)> {
        let services = self.services.iter().map(|(service, of)| (*service, of));
        let mut services: Vec<(Service, &OfService)> =
            services.filter(|(_, of)| !of.suspects.is_empty()).collect();
        services
            .sort_unstable_by_key(|(service, of)| (std::cmp::Reverse(of.suspects.len()), *service));
        services
    }

    /// The services with connections that are stalled, without those that `excludes`: the worst first,
    /// if they are all or a part of a service, or many. And what is scattered over many destinations,
    /// besides the `most` services with more than that.
    pub(super) fn found(
        &self,
        host: &Host,
        most: usize,
        excludes: impl Fn(&InetEnds) -> bool,
    ) -> (Vec<StalledService>, Option<Scattered>) {
        let services = self.services(host, &excludes);
        let is_of_one = |one: &&StalledService| {
            let is_served = matches!(one.service, Service::Served(_));
            is_served || one.is_dead() || one.are_several()
        };
        let of_one = services.iter().filter(is_of_one).take(most);
        let of_one: Vec<StalledService> = of_one.cloned().collect();
        let is_reported = |service| of_one.iter().any(|one| one.service == service);
        match self.scattered(host, is_reported, excludes) {
            Some(scattered) => (of_one, Some(scattered)),
            None => (services, None),
        }
    }

    fn services(&self, host: &Host, excludes: impl Fn(&InetEnds) -> bool) -> Vec<StalledService> {
        let largest = self.largest().into_iter();
        let mut found: Vec<StalledService> = largest
            .map(|(service, of)| StalledService {
                service,
                all: of.all,
                stalled: still(&of.suspects, host)
                    .into_iter()
                    .filter(|suspect| !excludes(&suspect.ends))
                    .collect(),
            })
            .filter(|one| !one.stalled.is_empty())
            .collect();
        let sockets: usize = found.iter().map(|one| one.stalled.len()).sum();
        let are_many = sockets as f64 >= self.connections as f64 * SHARE;
        found.retain(|one| are_many || one.is_dead() || one.are_several());
        found
    }

    /// The connections of services elsewhere that `is_reported` does not name, if this many of them may be
    /// stalled that it is no single peer's fault, and those that were watched are.
    fn scattered(
        &self,
        host: &Host,
        is_reported: impl Fn(Service) -> bool,
        excludes: impl Fn(&InetEnds) -> bool,
    ) -> Option<Scattered> {
        let (reported, others): (Vec<_>, Vec<_>) = self
            .largest()
            .into_iter()
            .filter(|(service, _)| matches!(service, Service::Used(_)))
            .partition(|(service, _)| is_reported(*service));
        let known = others.iter().flat_map(|(_, of)| &of.suspects);
        let (excluded, known): (Vec<&Suspect>, Vec<&Suspect>) =
            known.partition(|suspect| excludes(&suspect.ends));
        let reported: usize = reported.iter().map(|(_, of)| of.suspects.len()).sum();
        let seen = known
            .iter()
            .filter(|one| host.watch.of(&one.ends).is_some());
        let (stalled, moved): (Vec<&Suspect>, Vec<&Suspect>) =
            seen.partition(|suspect| !has_moved(suspect, host));
        let watched = stalled.len() + moved.len();
        let left_out = (reported + excluded.len()) as u64;
        let all = self
            .elsewhere
            .saturating_sub(left_out)
            .max(known.len() as u64);
        let part = stalled.len() as f64 / watched.max(1) as f64;
        let are_many = all as f64 * part >= self.connections as f64 * SHARE;
        let inodes = known.iter().map(|suspect| suspect.inode);
        (watched >= ENOUGH && part >= HALF && are_many).then(|| Scattered {
            all,
            destinations: others.len() as u64,
            watched: watched as u64,
            stalled: stalled.into_iter().copied().collect(),
            inodes: inodes.filter(|inode| *inode != 0).collect(),
        })
    }

    /// What could not be judged.
    pub(super) fn lacking(&self, host: &Host) -> Option<String> {
        let services = self.services.values();
        let unknown = services.map(|of| {
            let watched = of
                .suspects
                .iter()
                .filter(|one| host.watch.of(&one.ends).is_some());
            let (watched, moved) = (watched.count(), moved(&of.suspects, host));
            let is_known = watched > 0 && moved == 0;
            if is_known {
                0
            } else {
                of.suspects.len() - watched
            }
        });
        let unknown = unknown.sum::<usize>() as u64 + self.beyond;
        let connections = counted(unknown, "connection", "connections");
        (unknown > 0).then(|| {
            format!("whether the peers of {connections} acknowledge anything was not measured")
        })
    }
}

/// Those on which nothing moved: all, if it moved on none of those that were watched.
fn still(suspects: &[Suspect], host: &Host) -> Vec<Suspect> {
    let is_watched = |suspect: &&Suspect| host.watch.of(&suspect.ends).is_some();
    let watched: Vec<&Suspect> = suspects.iter().filter(is_watched).collect();
    if !watched.is_empty() && moved(suspects, host) == 0 {
        return suspects.to_vec();
    }
    let still = watched.into_iter().filter(|one| !has_moved(one, host));
    still.copied().collect()
}

/// On how many of them something moved.
fn moved(suspects: &[Suspect], host: &Host) -> usize {
    let moved = suspects.iter().filter(|one| has_moved(one, host));
    moved.count()
}

/// Whether it ended, or its peer acknowledged or, on this host, read anything.
fn has_moved(suspect: &Suspect, host: &Host) -> bool {
    let other_end = host.watch.of(&reversed(&suspect.ends));
    let watched = host.watch.of(&suspect.ends);
    watched.is_some_and(|one| one.has_ended || one.was_acknowledged())
        || other_end.is_some_and(|other| other.was_read())
}
