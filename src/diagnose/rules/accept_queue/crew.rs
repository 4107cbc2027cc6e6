//! Who should accept at a listener: all processes that hold it, with the connections that each has
//! accepted, and the other listeners at the same address (SO_REUSEPORT, socket(7)).

use super::progress::Pace;
use crate::diagnose::{Case, Host, descriptors};
use crate::model::Setting::Somaxconn;
use crate::model::{Culprit, Descriptors, Listener, counted, thousands};

/// How many processes are named.
const NAMED: usize = 5;

/// The processes of a listener, and its siblings.
#[derive(Debug)]
pub(super) struct Crew {
    /// Each with the number of connections that it has accepted there.
    holders: Vec<Culprit>,
    /// Those of them without a descriptor left.
    exhausted: Vec<(Culprit, Descriptors)>,
    /// How many other listeners at the same address have room, and how many connections wait at all
    /// of these.
    siblings: u64,
    waiting_there: u64,
}

impl Crew {
    /// That of a listener, at whose port the connections with these inodes were accepted.
    pub(super) fn of(listener: &Listener, accepted: &[u64], case: &Case<'_>) -> Crew {
        let accepted = accepted.iter().copied();
        let holders = case.holders.all_of(listener.inode, accepted);
        let exhausted = holders.iter().filter_map(|process| {
            let descriptors = case.holders.descriptors(process.pid).ok()?;
            let are_used_up = descriptors.are_used_up();
            are_used_up.then(|| (process.clone(), descriptors))
        });
        let place = |one: &Listener| (one.netns, one.local, one.interface);
        let others = case.host.listeners.iter();
        let siblings: Vec<&Listener> = others
            .filter(|one| {
                let is_other = (one.inode, one.cookie) != (listener.inode, listener.cookie);
                is_other && place(one) == place(listener) && !one.is_at_limit()
            })
            .collect();
        Crew {
            exhausted: exhausted.collect(),
            siblings: siblings.len() as u64,
            waiting_there: siblings.iter().map(|one| u64::from(one.waiting)).sum(),
            holders,
        }
    }

    /// The processes, each of which holds the listener.
    pub(super) fn processes(&self) -> Vec<Culprit> {
        let holders = self.holders.iter().cloned();
        holders
            .map(|process| Culprit {
                sockets: 1,
                ..process
            })
            .collect()
    }

    /// What each process has accepted, where there are several, and which has no descriptor left.
    pub(super) fn evidence(&self) -> Vec<String> {
        let exhausted = self.exhausted.iter().take(NAMED);
        let mut evidence: Vec<String> = exhausted
            .map(|(process, descriptors)| descriptors::text(process, *descriptors))
            .collect();
        // Those with most connections first: they are busy, or hang.
        let mut holders: Vec<&Culprit> = self.holders.iter().collect();
        holders.sort_unstable_by_key(|process| (std::cmp::Reverse(process.sockets), process.pid));
        evidence.extend(holders.iter().take(NAMED).map(|process| {
            let accepted = counted(
                process.sockets,
                "accepted connection",
                "accepted connections",
            );
            format!("{process} holds the listener, and {accepted}")
        }));
        let further = holders.len().saturating_sub(NAMED) as u64;
        if further > 0 {
            let further = counted(further, "more process holds", "more processes hold");
            evidence.push(format!("{further} the listener"));
        }
        if self.siblings > 0 {
            let others = counted(
                self.siblings,
                "other listener at this address has",
                "other listeners at this address have",
            );
            let waiting = thousands(self.waiting_there);
            evidence.push(format!(
                "{others} room (SO_REUSEPORT): {waiting} wait there"
            ));
        }
        evidence
    }

    /// Whether a process has no descriptor left.
    pub(super) fn is_exhausted(&self) -> bool {
        !self.exhausted.is_empty()
    }

    /// What to do about a queue with this limit, from which connections leave at this pace if it is not
    /// as it should be.
    pub(super) fn remedy(&self, limit: u64, pace: Option<Pace>, host: &Host) -> Vec<String> {
        let mut remedy = Vec::new();
        if let Some((process, _)) = self.exhausted.first() {
            remedy.push(format!(
                "Close what {process} does not need, or raise its limit of open files (`LimitNOFILE=` of systemd, `worker_rlimit_nofile` of nginx): until then each accept() fails."
            ));
        }
        let does = match pace.is_some_and(|pace| !pace.is_still()) {
            true => "accepts so late",
            false => "does not accept",
        };
        remedy.push(match (&self.holders[..], self.siblings) {
            (_, 1..) => "Find out why the process of this listener does not accept while others at the address do: the kernel gives each listener its share of the connections and moves none (SO_REUSEPORT). Restart that process alone.".to_owned(),
            ([], _) => why(&format!("the process that listens there {does}")),
            ([one], _) => why(&format!("{one} {does}")),
            (several, _) => {
                let busy = several.iter().filter(|process| process.sockets > 0);
                match busy.count() {
                    0 => why("none of the processes that hold the listener accepts"),
                    _ => "Find out what the processes with accepted connections are busy with: those without may only supervise. If all of them have enough to do, start more.".to_owned(),
                }
            }
        });
        // A larger backlog would only let more connections wait for a process that hangs or is slow.
        if self.siblings == 0 && self.exhausted.is_empty() && pace.is_none() {
            remedy.push(larger(limit, host));
        }
        remedy
    }
}

fn why(who: &str) -> String {
    format!(
        "Find out why {who}: blocked, out of workers or threads, or out of descriptors (EMFILE)."
    )
}

fn larger(limit: u64, host: &Host) -> String {
    let most = host.setting(Somaxconn);
    let which_is = most.map_or_else(String::new, |most| {
        format!(", which is {}", thousands(most))
    });
    match most.is_some_and(|most| limit >= most) {
        true => format!(
            "For bursts, raise {Somaxconn}, then give listen() a larger backlog (`listen ... backlog=` of nginx): both need a new listen(), which means a restart of most servers."
        ),
        false => format!(
            "For bursts, give listen() a larger backlog (`listen ... backlog=` of nginx), up to {Somaxconn}{which_is}; this needs a new listen(), which means a restart of most servers."
        ),
    }
}
