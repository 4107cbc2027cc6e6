//! Reads the running kernel's sockets over NETLINK_SOCK_DIAG, sock_diag(7).
//!
//! Makes the dumps of a plan and reports what was lost; what an interrupted dump contained is kept
//! and reported as incomplete. Which dumps those are is decided in `source::plan`, also after a
//! refusal; bytes are encoded and decoded by `source::wire`.

mod ahead;
mod dump;
mod privilege;
mod transport;

pub(super) use dump::Outcome;
pub(super) use privilege::NetAdminDropped;

use std::io::ErrorKind;
use std::thread;

use crate::filter::{Filtered, Program};
use crate::model::{Extension, Family, Field, Kind, Loss, Netns, Sink, SocketId, SplitSink, State};
use crate::question::Families;
use crate::source::kernel::doubt_about_no_bound_sockets;
use crate::source::plan::{DumpFilter, Dumps};
use crate::source::wire::{NetlinkDump, One, PacketDump, Request, UnixDump};
use crate::source::{NetlinkError, ProcNet};
use dump::{BUFFER_LEN, dump};
use rustix::io::Errno;
use transport::{Kernel, Transport};

/// Passes every socket of the dumps to `sink`, one dump after the other, from the network namespace
/// of `tables`. `dumps` becomes what was requested in the end.
///
/// # Errors
/// Before the first socket only; [`NetlinkError::permits_fallback`] says which of them permit
/// another source.
pub(super) fn list(
    dumps: &mut Dumps,
    tables: &ProcNet,
    sink: &mut dyn Sink,
) -> Result<Outcome, NetlinkError> {
    let _dropped = (!dumps.question.needs(Field::Mark)).then(NetAdminDropped::new);
    let mut conversation = Conversation {
        ahead: dumps
            .question
            .extensions()
            .any(|one| one == Extension::TcpInfo),
        ..conversation(tables)
    };
    let mut outcome = conversation.list(dumps, sink)?;
    if dumps.states.contains(State::Bound)
        && outcome.bound == 0
        && !outcome.ended_by_sink
        && let Some(doubt) = doubt_about_no_bound_sockets()
    {
        outcome.completeness.lose(doubt);
    }
    Ok(outcome)
}

/// Passes the socket with this id to `sink`, without a walk through the tables (`inet_diag_dump_one_icsk`,
/// net/ipv4/inet_diag.c, since 2.6.14); `None` if the kernel does not find it so. It chooses among
/// listeners that share a port, and refuses the request if it chose another one, so that the socket may
/// exist nevertheless.
pub(super) fn find(
    dumps: &Dumps,
    tables: &ProcNet,
    id: &SocketId,
    sink: &mut dyn Sink,
) -> Option<Outcome> {
    let _dropped = (!dumps.question.needs(Field::Mark)).then(NetAdminDropped::new);
    let (filter, ends) = (dumps.filters.first()?, id.ends?);
    let request = One {
        ends,
        cookie: id.cookie,
        interface: id.interface,
        dump: dumps.request(Families::Only(ends.family), filter),
    };
    let outcome = conversation(tables).dump(&request, sink);
    outcome.ok().filter(|outcome| outcome.ended_by_sink)
}

/// The same for a sink that does not depend on the order of the sockets: parallel dumps are made
/// at the same time, because the kernel builds the messages of one dump on one core.
///
/// # Errors
/// As [`list`]; `sink` is then as it was.
pub(super) fn gather<S: SplitSink>(
    dumps: &mut Dumps,
    tables: &ProcNet,
    sink: &mut S,
) -> Result<Outcome, NetlinkError> {
    if dumps.parallel {
        match gather_in_parallel(dumps, tables, sink) {
            Ok(outcome) => return Ok(outcome),
            Err(reason) => *dumps = dumps.clone().not_parallel(reason),
        }
    }
    list(dumps, tables, sink)
}

/// With the kernel, in the network namespace of `tables`: a socket stays in the one it was opened in.
fn conversation(
    tables: &ProcNet,
) -> Conversation<impl FnMut() -> Result<Kernel, NetlinkError> + '_> {
    let connect = || {
        let connected = tables.within(Kernel::connect);
        connected.map_err(|error| match error.kind() == ErrorKind::NotFound {
            true => NetlinkError::NamespaceGone(error),
            false => NetlinkError::failed("setns to a network namespace")(error),
        })?
    };
    Conversation {
        netns: tables.netns(),
        ..Conversation::new(connect)
    }
}

const PARALLEL_FAILED: &str = "one of two parallel dumps failed";

/// Makes the dumps of the two filters at the same time, or says why that failed, with `sink` as
/// it was: both fill sinks of their own, which are added up at the end. The second dump has a
/// thread of its own.
fn gather_in_parallel<S: SplitSink>(
    dumps: &Dumps,
    tables: &ProcNet,
    sink: &mut S,
) -> Result<Outcome, &'static str> {
    let [first, second] = &dumps.filters[..] else {
        return Err(PARALLEL_FAILED);
    };
    let (mut low, mut high) = (sink.split(), sink.split());
    let one = |filter: &DumpFilter, sink: &mut S| {
        let _dropped = (!dumps.question.needs(Field::Mark)).then(NetAdminDropped::new);
        conversation(tables).dump_all(dumps, std::slice::from_ref(filter), sink)
    };
    let outcomes = thread::scope(|scope| {
        let beside = thread::Builder::new()
            .spawn_scoped(scope, || one(second, &mut high))
            .ok()?;
        let outcome = one(first, &mut low);
        Some((outcome.ok()?, beside.join().ok()?.ok()?))
    });
    // One thread may be all that the process is allowed.
    let (mut outcome, other) = outcomes.ok_or(PARALLEL_FAILED)?;
    outcome.join(other);
    match sink.join([low, high]) {
        true => Ok(outcome),
        false => Err("two parallel dumps could not be added up exactly"),
    }
}

/// Dumps requested from one kernel.
struct Conversation<C> {
    connect: C,
    /// Which of several network namespaces it is about.
    netns: Netns,
    /// The sequence number of the last request; every request has its own.
    sequence: u32,
    buffer: Vec<u8>,
    /// Whether long dumps are received in a thread of their own.
    ahead: bool,
}

impl<T: Transport, C: FnMut() -> Result<T, NetlinkError>> Conversation<C> {
    fn new(connect: C) -> Self {
        Conversation {
            connect,
            netns: Netns::CALLER,
            sequence: 0,
            buffer: vec![0; BUFFER_LEN],
            ahead: false,
        }
    }

    /// Makes the dumps, or those that are planned after a refusal.
    fn list(&mut self, dumps: &mut Dumps, sink: &mut dyn Sink) -> Result<Outcome, NetlinkError> {
        loop {
            match self.dump_all(dumps, &dumps.filters, sink) {
                Ok(outcome) => return Ok(outcome),
                Err(refusal) => *dumps = dumps.clone().after_refusal(refusal)?,
            }
        }
    }

    /// Makes one dump after the other; together they are the answer. An error before the first
    /// socket permits another plan; after it, what was counted is kept and the rest is a loss.
    fn dump_all(
        &mut self,
        dumps: &Dumps,
        filters: &[DumpFilter],
        sink: &mut dyn Sink,
    ) -> Result<Outcome, NetlinkError> {
        let mut all: Option<Outcome> = None;
        for filter in filters {
            for walk in &dumps.walks {
                match (&mut all, self.dump_filtered(dumps, *walk, filter, sink)) {
                    (None, outcome) => all = Some(outcome?),
                    (Some(all), Ok(outcome)) => all.join(outcome),
                    // A kernel without IPv6 has no such sockets.
                    (Some(_), Err(error))
                        if *walk == Families::Only(Family::V6)
                            && error.errno() == Some(Errno::NOENT) => {}
                    (Some(all), Err(error)) => all.completeness.lose(Loss::Aborted {
                        reason: error.to_string(),
                    }),
                }
                if let Some(all) = all.take_if(|all| all.ended_by_sink) {
                    return Ok(all);
                }
            }
        }
        Ok(all.unwrap_or_default())
    }

    /// One dump in the request for its kind of sockets.
    fn dump_filtered(
        &mut self,
        dumps: &Dumps,
        walk: Families,
        filter: &DumpFilter,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, NetlinkError> {
        let question = &dumps.question;
        let program = filter.program.as_ref();
        let with_attributes = question.needed().next().is_some();
        match question.kind {
            Kind::Tcp | Kind::Mptcp | Kind::Udp | Kind::UdpLite | Kind::Raw => {
                self.pass_on(&dumps.request(walk, filter), program, sink)
            }
            Kind::Packet => self.pass_on(&PacketDump { with_attributes }, program, sink),
            Kind::Netlink => {
                let states = dumps.states;
                let request = NetlinkDump {
                    states,
                    with_attributes,
                };
                self.pass_on(&request, program, sink)
            }
            Kind::UnixStream | Kind::UnixDgram | Kind::UnixSeqpacket => {
                self.pass_on(&UnixDump::new(question, dumps.rows), program, sink)
            }
            kind @ Kind::Ping => Err(NetlinkError::NoRequest { kind }),
        }
    }

    /// Passes on what the program selects.
    fn pass_on(
        &mut self,
        request: &impl Request,
        program: Option<&Program>,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, NetlinkError> {
        match program {
            Some(program) => self.dump(request, &mut Filtered { program, sink }),
            None => self.dump(request, sink),
        }
    }

    /// One dump on a socket of its own, so that no message of an abandoned one can follow.
    fn dump(
        &mut self,
        request: &impl Request,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, NetlinkError> {
        self.sequence += 1;
        let mut transport = (self.connect)()?;
        dump(
            &mut transport,
            &mut self.buffer,
            request,
            self.sequence,
            self.netns,
            self.ahead,
            sink,
        )
    }
}

#[cfg(test)]
mod tests;
