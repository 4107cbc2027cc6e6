//! Connections with much unread data that the program does not read.
//!
//! Three causes look alike at first. A process that hangs or has forgotten the connection reads
//! nothing. One that waits itself until a slower peer takes its data, as a proxy does, reads nothing
//! until then. And two programs that both write before they read block each other.

use std::collections::{HashMap, HashSet};

use crate::diagnose::stalled::key;
use crate::diagnose::subject::seconds;
use crate::diagnose::watch::{PAUSE, Watched, reversed};
use crate::diagnose::{Host, Sampled};
use crate::model::{Culprit, Holders, InetEnds, Metric, Socket, counted, thousands};

/// From this many unread bytes on the peer soon may send no more: small segments fill a receive buffer
/// of 128 KiB, the default of `tcp_rmem`, with an eighth of it. As much is sent to a slow peer.
pub(super) const LONG_QUEUE: u32 = 16 << 10;

/// More connections than this are not examined; 1 MB each.
const ROOM: usize = 20_000;

/// How many are watched, those with most unread data.
const WATCHED: usize = 64;

/// Connections with much unread data before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// With the unread bytes of each.
    by_key: HashMap<u64, (InetEnds, u32)>,
}

impl Earlier {
    /// Takes a connection.
    pub(super) fn add(&mut self, socket: &Socket, ends: &InetEnds) {
        let is_unread = socket.inode != 0 && socket.receive_queue >= LONG_QUEUE;
        if let Some(key) = key(socket).filter(|_| is_unread && self.by_key.len() < ROOM) {
            self.by_key.insert(key, (*ends, socket.receive_queue));
        }
    }

    /// Some of them.
    pub(super) fn some(&self) -> Vec<InetEnds> {
        let ends = self.by_key.values().map(|(ends, _)| *ends);
        ends.take(WATCHED).collect()
    }
}

/// A connection with much unread data before and after the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) ends: InetEnds,
    pub(super) inode: u64,
    uid: u32,
    pub(super) bytes: u32,
}

/// One with much to send.
#[derive(Clone, Copy, Debug)]
struct Sender {
    ends: InetEnds,
    inode: u64,
    uid: u32,
}

/// The connections after the window.
#[derive(Debug, Default)]
pub(super) struct Unread {
    before: Earlier,
    readers: Vec<Reader>,
    senders: Vec<Sender>,
}

/// Why the program reads nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    /// Unknown: it hangs, or has forgotten the connection.
    Process,
    /// Unknown, and it may read again.
    Pause,
    /// It waits itself for other peers.
    SlowPeers(Option<Culprit>),
    /// Its peer does not read either.
    Deadlock,
}

impl Unread {
    /// None yet after the window.
    pub(super) fn after(before: Earlier) -> Unread {
        Unread {
            before,
            ..Unread::default()
        }
    }

    /// Takes a connection after the window.
    pub(super) fn add(&mut self, sampled: &Sampled<'_>) {
        // Only hosts with unread data take the time.
        if self.before.by_key.is_empty() {
            return;
        }
        let socket = sampled.socket;
        let (inode, uid) = (socket.inode, socket.uid);
        let earlier = key(socket).and_then(|key| self.before.by_key.get(&key));
        // A shorter queue was read in the window.
        let is_unread = earlier.is_some_and(|(_, bytes)| socket.receive_queue >= *bytes);
        if is_unread && socket.receive_queue >= LONG_QUEUE && self.readers.len() < ROOM {
            self.readers.push(Reader {
                ends: *sampled.ends,
                inode,
                uid,
                bytes: socket.receive_queue,
            });
        }
        if inode != 0 && socket.send_queue >= LONG_QUEUE && self.senders.len() < ROOM {
            let ends = *sampled.ends;
            self.senders.push(Sender { ends, inode, uid });
        }
    }

    /// Those that are watched until something is read.
    pub(super) fn watched(&self, host: &Host) -> Vec<InetEnds> {
        let longest = self.longest().into_iter();
        let still = longest.filter(|reader| !was_read(reader, host));
        still.map(|reader| reader.ends).collect()
    }

    fn longest(&self) -> Vec<Reader> {
        let mut longest = self.readers.clone();
        longest.sort_unstable_by_key(|reader| (std::cmp::Reverse(reader.bytes), reader.ends));
        longest.truncate(WATCHED);
        longest
    }

    /// Those from which nothing is read: all, if nothing is read from any that was watched.
    pub(super) fn still(&self, host: &Host) -> Vec<Reader> {
        let watched = self.longest().into_iter();
        let mut watched = watched.filter(|reader| host.watch.of(&reader.ends).is_some());
        let all_still = watched.all(|reader| !was_read(&reader, host));
        let is_still = |reader: &&Reader| match host.watch.of(&reader.ends) {
            Some(_) => !was_read(reader, host),
            None => all_still,
        };
        self.readers.iter().filter(is_still).copied().collect()
    }

    /// Those from which nothing was read for longer than a pause lasts: those that were not
    /// watched are like the others.
    pub(super) fn silent(&self, readers: &[Reader], host: &Host) -> Vec<Reader> {
        let is_silent =
            |reader: &Reader| host.watch.of(&reader.ends).map(|one| is_silent(one, host));
        let watched = readers.iter().filter_map(is_silent);
        let all_silent = watched.min() == Some(true);
        let silent = readers.iter();
        let silent = silent.filter(|reader| is_silent(reader).unwrap_or(all_silent));
        silent.copied().collect()
    }

    /// How many were not watched, if that leaves open whether anything is read.
    pub(super) fn unwatched(&self, host: &Host) -> usize {
        let unwatched = self.readers.iter();
        let unwatched = unwatched.filter(|reader| host.watch.of(&reader.ends).is_none());
        match self.still(host).len() == self.readers.len() {
            true => 0,
            false => unwatched.count(),
        }
    }

    /// The ends whose data is reported as not read: those of peers on this host, and those of connections
    /// that have stopped in both directions.
    pub(super) fn writers(&self, host: &Host) -> HashSet<InetEnds> {
        let is_stopped = |ends: &InetEnds| host.watch.of(ends).is_some_and(is_blocked);
        let still = self.still(host).into_iter().map(|one| one.ends);
        let peers = self.readers.iter().map(|one| reversed(&one.ends));
        still.filter(is_stopped).chain(peers).collect()
    }

    /// The inodes of those that may be the reason, and whose holders have to be known.
    pub(super) fn senders(&self) -> Vec<u64> {
        self.senders.iter().map(|sender| sender.inode).collect()
    }

    /// Why nothing is read from this one; `still` are all from which nothing is read.
    pub(super) fn cause(
        &self,
        reader: &Reader,
        still: &HashMap<InetEnds, Reader>,
        holders: &Holders,
        host: &Host,
    ) -> Cause {
        if host.watch.of(&reader.ends).is_some_and(is_blocked) {
            return Cause::Deadlock;
        }
        let holder = holders.holder(reader.inode);
        let pid = holder.as_ref().map(|process| process.pid);
        // Of unknown processes, those of one user may be the same.
        let is_its = |inode, uid| match (pid, holders.holder(inode)) {
            (Some(pid), Some(other)) => other.pid == pid,
            (None, None) => uid == reader.uid,
            (Some(_), None) | (None, Some(_)) => false,
        };
        // A process that does not read what it sends to itself waits for no other.
        let is_to_itself = |sender: &Sender| {
            let other_end = still.get(&reversed(&sender.ends));
            other_end.is_some_and(|other| is_its(other.inode, other.uid))
        };
        let waits = self.senders.iter();
        let waits =
            waits.filter(|sender| is_its(sender.inode, sender.uid) && !is_to_itself(sender));
        match waits.count() {
            0 => Cause::Process,
            _ => Cause::SlowPeers(holder),
        }
    }
}

/// These without the second ends of connections of this host to itself.
pub(super) fn one_end_of_each(readers: &[Reader]) -> impl Iterator<Item = &Reader> {
    let ends: HashSet<InetEnds> = readers.iter().map(|one| one.ends).collect();
    readers.iter().filter(move |one| {
        let other = reversed(&one.ends);
        one.ends <= other || !ends.contains(&other)
    })
}

fn was_read(reader: &Reader, host: &Host) -> bool {
    let watched = host.watch.of(&reader.ends);
    watched.is_some_and(|one| one.has_ended || one.was_read())
}

/// Whether nothing was ever read, or no data has arrived for as long as a pause lasts: a peer that waits
/// for room sends as soon as something is read.
fn is_silent(watched: &Watched, host: &Host) -> bool {
    watched.was_never_read() || host.watch.still_for(watched, Metric::LastDataReceived) >= PAUSE
}

/// For how long at least nothing was read of these, as evidence.
pub(super) fn silence(readers: &[Reader], host: &Host) -> Vec<String> {
    let watched = readers.iter();
    let watched: Vec<&Watched> = watched
        .filter_map(|reader| host.watch.of(&reader.ends))
        .collect();
    let never = watched.iter().filter(|one| one.was_never_read()).count() as u64;
    let never = (never > 0).then(|| {
        let measured = counted(watched.len() as u64, "connection", "connections");
        format!(
            "of {measured} measured, nothing was ever read on {}",
            thousands(never)
        )
    });
    let since = watched
        .iter()
        .filter_map(|one| one.last(Metric::LastDataReceived));
    let since = since.min().map(|ms| {
        let since = seconds(ms);
        format!("no data has arrived on any of them for {since} s or longer")
    });
    never.into_iter().chain(since).collect()
}

/// Whether the peer does not take what is sent either.
fn is_blocked(watched: &Watched) -> bool {
    let waits = |socket: &Socket| socket.send_queue > 0;
    waits(&watched.first) && waits(&watched.last) && !watched.was_acknowledged()
}

/// The process that waits for slow peers, as evidence.
pub(super) fn waits(process: Option<&Culprit>) -> String {
    match process {
        Some(process) => format!("{process} itself has 16 KiB or more to send to other peers"),
        None => "their process is unknown; one of the same user has 16 KiB or more to send to other peers".to_owned(),
    }
}
