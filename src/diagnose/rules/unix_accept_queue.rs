//! Full accept queues of UNIX sockets: clients wait, or are refused.
//!
//! A queue is full when more wait than its limit (`unix_recvq_full`, net/unix/af_unix.c); then connect()
//! of the next client waits, or returns EAGAIN where it must not. No counter of the kernel shows that.
//! The clients in the queue are known by their inodes (`UNIX_DIAG_ICONS`).

use std::collections::HashSet;

use crate::diagnose::subject::{kind_label, name_text};
use crate::diagnose::{Case, Examined, FirstPass, Host, Rule};
use crate::model::{
    Command, Field, Finding, Kind, KindSet, Label, Setting, Severity, Socket, State, StateSet,
    counted, thousands,
};

/// From this part of its limit on a queue that stays so long is a warning.
const PART: f64 = 0.8;

/// With a smaller limit one or two clients would be that part.
const LEAST_LIMIT: u32 = 4;

/// How many listeners have findings of their own.
const REPORTED: usize = 5;

/// More listeners with such a queue are not kept.
const MOST: usize = 10_000;

/// How many processes that wait are named.
const NAMED: usize = 5;

const WHY: &str = "The program does not accept() as fast as clients connect. While the queue is full, connect() of the next client waits, or fails with EAGAIN (unix(7)): nginx answers its client 502 then.";

/// The listeners whose queue was full, or nearly so, before the window.
#[derive(Debug, Default)]
pub(super) struct Earlier(HashSet<u64>);

impl FirstPass for Earlier {
    const STATES: StateSet = StateSet::NONE.with(State::Listen);

    fn add_local(&mut self, socket: &Socket) {
        if is_long(socket) && self.0.len() < MOST {
            self.0.insert(socket.inode);
        }
    }
}

/// Whether the queue is full, or nearly so.
fn is_long(socket: &Socket) -> bool {
    is_full(socket)
        || socket.accept_limit().is_some_and(|limit| {
            limit >= LEAST_LIMIT && f64::from(socket.receive_queue) >= f64::from(limit) * PART
        })
}

fn is_full(socket: &Socket) -> bool {
    let limit = socket.accept_limit();
    limit.is_some_and(|limit| socket.receive_queue > limit)
}

/// The listeners whose queue is so in both samples.
#[derive(Debug, Default)]
pub(super) struct UnixAcceptQueue {
    earlier: Earlier,
    long: Vec<Socket>,
}

impl Rule for UnixAcceptQueue {
    const ID: &'static str = "unix-accept-queue";

    const KINDS: KindSet = KindSet::NONE
        .with(Kind::UnixStream)
        .with(Kind::UnixSeqpacket);

    const STATES: StateSet = Earlier::STATES;

    type Before = Earlier;

    fn begin(&mut self, before: Earlier, _: &Host) {
        self.earlier = before;
    }

    fn add_local(&mut self, socket: &Socket) {
        if is_long(socket) && self.earlier.0.contains(&socket.inode) {
            self.long.push(socket.clone());
        }
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        if let Some(still) = case.host.still {
            return Examined::lacking(format!(
                "{still} cannot show which accept queues of UNIX sockets stay full"
            ));
        }
        let mut long: Vec<&Socket> = self.long.iter().collect();
        long.sort_by_key(|socket| std::cmp::Reverse((is_full(socket), socket.receive_queue)));
        let long = long.into_iter().take(REPORTED);
        Examined::found(
            long.filter_map(|socket| finding(socket, case))
                .collect::<Vec<_>>(),
        )
    }
}

fn finding(socket: &Socket, case: &Case<'_>) -> Option<Finding> {
    let ends = socket.unix()?;
    let (name, waiting) = (name_text(&ends.name), socket.receive_queue);
    let limit = socket.accept_limit()?;
    let [queue, most] = [waiting, limit].map(thousands);
    let (what, severity) = match is_full(socket) {
        true => ("is full", Severity::Critical),
        false => ("is nearly full", Severity::Warning),
    };
    let clients: Vec<u64> = ends.clients.iter().map(|inode| u64::from(*inode)).collect();
    let clients: Vec<u64> = clients.into_iter().filter(|inode| *inode != 0).collect();
    let window = case.host.window_text();
    let mut evidence = vec![format!(
        "{} the limit of {most}, also {window} before",
        counted(
            waiting.into(),
            "connection waits against",
            "connections wait against"
        )
    )];
    evidence.extend(waiting_text(&clients, case));
    let somaxconn = Setting::Somaxconn;
    let remedy = [
        "Let the program accept faster: more workers (`pm.max_children` of php-fpm), or find out what those it has wait for, such as a database or an upstream.".to_owned(),
        format!("If they come in bursts, raise the backlog that the program passes to listen() (`listen.backlog` of php-fpm), and {somaxconn}, which limits it."),
    ];
    let command = Command::list("--process --listening --columns peer-process");
    let command = command.of_kind(socket.kind);
    Some(
        Finding::new(
            severity,
            format!("the accept queue of {name} {what}: {queue} of {most}"),
            waiting.into(),
            vec![socket.inode],
            WHY,
        )
        .with_limit(f64::from(limit))
        .with_subject(
            kind_label(socket.kind)
                .into_iter()
                .chain([(Field::Name, Label::Text(name))])
                .collect(),
        )
        .with_searched(clients)
        .with_evidence(evidence)
        .with_commands([command.of(format!("inode = {}", socket.inode))])
        .with_remedy(remedy),
    )
}

/// Who waits: `waiting: nginx (pid 7) ×6`.
fn waiting_text(clients: &[u64], case: &Case<'_>) -> Option<String> {
    let waiting = case.holders.of(clients.iter().copied());
    let (named, others) = waiting.split_at(waiting.len().min(NAMED));
    let mut words: Vec<String> = named
        .iter()
        .map(|process| format!("{process} ×{}", thousands(process.sockets)))
        .collect();
    if !others.is_empty() {
        let others = counted(others.len() as u64, "other process", "other processes");
        words.push(others);
    }
    (!words.is_empty()).then(|| format!("waiting: {}", words.join(", ")))
}

#[cfg(test)]
mod tests;
