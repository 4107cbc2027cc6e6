//! UNIX sockets whose other end was closed, and which a program keeps: the CLOSE_WAIT of UNIX sockets.
//!
//! A stream is shut down in both directions when its other end is closed (`unix_release_sock`,
//! net/unix/af_unix.c), and only close() ends what is left. Those that stayed are watched, so that a
//! program that takes seconds to close is not reported as one that forgets to. A socket for datagrams
//! gets the error when it sends the next one: a few may belong to a program whose receiver was restarted,
//! and that has sent nothing since.

mod group;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use crate::diagnose::{Case, Examined, FirstPass, Host, Rule};
use crate::model::{
    Kind, KindSet, Socket, State, StateSet, UnixEnds, UnixName, UnixPeer, counted, thousands,
};
use group::{Group, Owner};

/// From this many on that stay, as in CLOSE_WAIT.
const WARNING: u64 = 10;

/// How many services and processes have findings of their own.
const REPORTED: usize = 5;

/// More sockets are not compared, in either sample; some 2 MB.
const MOST: usize = 20_000;

/// Those whose other end was closed before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    inodes: HashSet<u64>,
    is_full: bool,
}

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::Established);

    fn add_local(&mut self, socket: &Socket) {
        if ends_if_gone(socket).is_some() {
            self.is_full |= self.inodes.len() >= MOST;
            if !self.is_full {
                self.inodes.insert(socket.inode);
            }
        }
    }
}

/// The ends of a socket whose peer is gone.
fn ends_if_gone(socket: &Socket) -> Option<&UnixEnds> {
    let ends = socket.unix()?;
    (ends.peer == Some(UnixPeer::Gone)).then_some(ends)
}

/// One of them after the window.
#[derive(Clone, Debug)]
struct Member {
    kind: Kind,
    inode: u64,
    /// That of its listener, if the program accepted it.
    name: UnixName,
    unread: u32,
    /// Whether it was one before the window too.
    stayed: bool,
}

/// Those whose other end was closed.
#[derive(Debug, Default)]
pub(super) struct UnixPeerGone {
    earlier: Earlier,
    members: Vec<Member>,
    is_full: bool,
}

impl Rule for UnixPeerGone {
    const ID: &'static str = "unix-peer-gone";

    const IS_STALL: bool = true;

    const KINDS: KindSet = KindSet::UNIX;

    const STATES: StateSet = Earlier::STATES;

    type Before = Earlier;

    const WATCHED_UNIX: Option<fn(&Self, &Host) -> Vec<u64>> = Some(|rule, host| {
        let is_still = |inode| host.still.is_none() && host.watch.is_unix_still(inode);
        rule.stayed(is_still)
    });

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.earlier = before;
    }

    fn add_local(&mut self, socket: &Socket) {
        let Some(ends) = ends_if_gone(socket) else {
            return;
        };
        if self.members.len() >= MOST {
            self.is_full = true;
            return;
        }
        self.members.push(Member {
            kind: socket.kind,
            inode: socket.inode,
            name: ends.name.clone(),
            unread: socket.receive_queue,
            stayed: self.earlier.inodes.contains(&socket.inode),
        });
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        if let Some(still) = case.host.still {
            return Examined::lacking(format!(
                "{still} cannot show which queues of UNIX sockets stay"
            ));
        }
        let is_full = (self.is_full || self.earlier.is_full).then(|| {
            let most = thousands(MOST as u64);
            format!("only the first {most} UNIX sockets whose peers are gone were compared")
        });
        let groups = self.groups(case);
        let unknown: u64 = groups.iter().map(|one| one.unknown()).sum();
        let unknown = (unknown > 0).then(|| {
            let sockets = counted(unknown, "UNIX socket", "UNIX sockets");
            let reason = case.holders.unknown.as_deref();
            let reason = reason.unwrap_or("no process was found that holds them");
            format!("which programs keep {sockets} whose peers are gone is unknown: {reason}")
        });
        let mut kept: Vec<&Group> = groups.iter().filter(|one| one.is_kept()).collect();
        kept.sort_by_key(|one| std::cmp::Reverse(one.members.len()));
        kept.truncate(REPORTED);
        let findings = kept.into_iter();
        Examined::found(findings.map(|one| one.finding(&groups, case)))
            // Processes decide whether there are findings.
            .with_searched(self.stayed(|_| true))
            .without(is_full)
            .without(unknown)
    }
}

impl UnixPeerGone {
    /// The inodes of those that stayed and that are selected; none if they are too few for a finding.
    fn stayed(&self, selects: impl Fn(u64) -> bool) -> Vec<u64> {
        let stayed = self.members.iter().filter(|one| one.stayed);
        let inodes: Vec<u64> = stayed
            .map(|one| one.inode)
            .filter(|inode| selects(*inode))
            .collect();
        match inodes.len() as u64 >= WARNING {
            true => inodes,
            false => Vec::new(),
        }
    }

    /// Counts them by service and process.
    fn groups(&self, case: &Case<'_>) -> Vec<Group<'_>> {
        let mut shared: BTreeMap<(Kind, &UnixName), u64> = BTreeMap::new();
        for member in &self.members {
            *shared.entry((member.kind, &member.name)).or_default() += 1;
        }
        let mut groups: BTreeMap<(Kind, Owner<'_>), Vec<&Member>> = BTreeMap::new();
        for member in &self.members {
            // A name that no other has is that of a client.
            let is_shared = shared.get(&(member.kind, &member.name)) > Some(&1);
            let owner = match member.name != UnixName::Unnamed && is_shared {
                true => Owner::Service(&member.name),
                false => {
                    let holder = case.holders.holder(member.inode);
                    Owner::Process(holder.map(|process| process.pid))
                }
            };
            groups.entry((member.kind, owner)).or_default().push(member);
        }
        let is_still = |one: &&Member| case.host.watch.is_unix_still(one.inode);
        let groups = groups.into_iter().map(|((kind, owner), mut members)| {
            let all = members.iter().filter(|one| one.stayed).count();
            members.retain(|one| !one.stayed || is_still(one));
            let stayed = members.iter().filter(|one| one.stayed);
            let inodes: Vec<u64> = stayed.map(|one| one.inode).collect();
            Group {
                kind,
                owner,
                members,
                stayed: inodes.len() as u64,
                left: (all - inodes.len()) as u64,
                processes: case.holders.of(inodes),
            }
        });
        groups.collect()
    }
}
