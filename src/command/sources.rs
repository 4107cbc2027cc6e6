//! Which sources are used, and in which network namespaces, resolved from the options.

use std::path::Path;
use std::sync::Arc;

use super::outcome::Failure;
use super::secure;
use crate::cli::{SourceChoice, Sourcing};
use crate::model::EVERY_NETNS;
use crate::netns::{Access, Member, NetnsError, select};
use crate::record::{self, At, RecordError};
use crate::source::{ProcNet, Sources};

/// What all verbs pass through.
///
/// # Errors
/// When options exclude each other, `--proc-root` holds no tables, or `--netns` selects nothing that
/// can be read.
pub(super) fn resolve(sourcing: &Sourcing) -> Result<Sources, Failure> {
    resolve_as(sourcing, false)
}

/// The same for what compares network namespaces: every one, unless some are named.
///
/// # Errors
/// As for [`resolve`].
pub(super) fn resolve_several(sourcing: &Sourcing) -> Result<Sources, Failure> {
    resolve_as(sourcing, true)
}

fn resolve_as(sourcing: &Sourcing, are_compared: bool) -> Result<Sources, Failure> {
    if let Some(file) = &sourcing.from {
        return of_record(file, sourcing.at, are_compared);
    }
    let words = &sourcing.namespaces.netns;
    let is_one = words.is_empty() && !are_compared;
    match (&sourcing.proc_root, sourcing.source) {
        (Some(_), SourceChoice::Netlink | SourceChoice::NetlinkAndCounters) if is_one => {
            return Err(Failure::Usage(
                "--source netlink and --proc-root exclude each other: netlink cannot read another proc file system"
                    .to_owned(),
            ));
        }
        (Some(_), SourceChoice::Bpf) => {
            return Err(Failure::Usage(
                "--source bpf and --proc-root exclude each other: a program counts the sockets of this kernel"
                    .to_owned(),
            ));
        }
        (Some(root), _) => {
            secure::refuse("--proc-root")?;
            let tables = ProcNet::under(root)?;
            if is_one {
                return Ok(Sources::Proc(tables));
            }
            if !tables.has_processes() {
                return Err(Failure::Usage(format!(
                    "--netns needs the processes of a mounted proc file system: {} shows one network namespace",
                    root.display()
                )));
            }
        }
        (None, choice) if is_one => return Ok(of(choice, ProcNet::own())),
        (None, _) => secure::refuse("--netns")?,
    }
    several(sourcing, are_compared)
}

/// Those of a record.
fn of_record(file: &Path, at: Option<At>, are_compared: bool) -> Result<Sources, Failure> {
    secure::refuse("--from")?;
    if are_compared {
        return Err(Failure::Usage(
            "--from: a record is of one network namespace, so there are none to compare".to_owned(),
        ));
    }
    opened("--from", file, at)
}

/// The record in a file that an option names, at its last moment or at another time.
///
/// # Errors
/// When it is none, or has no such time.
pub(super) fn opened(option: &str, file: &Path, at: Option<At>) -> Result<Sources, Failure> {
    let record = record::open(file, at).map_err(|error| {
        let option = match matches!(error, RecordError::Outside { .. }) {
            true => "--at",
            false => option,
        };
        Failure::Usage(format!("{option}: {error}"))
    })?;
    Ok(Sources::Record(ProcNet::recorded(Arc::new(record))))
}

/// Those of the namespaces that are named, or of every one.
fn several(sourcing: &Sourcing, are_compared: bool) -> Result<Sources, Failure> {
    let (words, choice) = (&sourcing.namespaces.netns, sourcing.source);
    let root = sourcing.proc_root.clone();
    let own = of(choice, ProcNet::own());
    if words.is_empty() || words.iter().any(|word| word == EVERY_NETNS) {
        return Ok(own.of_every(root));
    }
    let selected = select(words, root.as_deref(), choice == SourceChoice::Bpf)?;
    for member in &selected {
        check(member, choice)?;
    }
    match &*selected {
        [Member { name, doors, .. }] if !are_compared && !doors.is_empty() => doors
            .first()
            .map_or(Ok(own), |door| of_member(choice, name, door)),
        _ => Ok(own.of_several(selected, root)),
    }
}

fn of(choice: SourceChoice, tables: ProcNet) -> Sources {
    match choice {
        SourceChoice::Auto => Sources::Auto(tables),
        SourceChoice::Netlink => Sources::Netlink(tables),
        SourceChoice::NetlinkAndCounters => Sources::NetlinkAndCounters(tables),
        SourceChoice::Proc => Sources::Proc(tables),
        SourceChoice::Bpf => Sources::Bpf(tables),
    }
}

/// The sources of the only namespace, `name`.
fn of_member(choice: SourceChoice, name: &str, door: &Access) -> Result<Sources, Failure> {
    let tables = ProcNet::of(door);
    let tables = tables.map_err(|error| Failure::Proc(format!("--netns {name}: {error}")))?;
    Ok(match door {
        Access::Tables(_) => Sources::Proc(tables),
        Access::Own | Access::Entered(_) => of(choice, tables),
    })
}

/// Refuses a namespace that can only be read from tables where another source is requested.
fn check(member: &Member, choice: SourceChoice) -> Result<(), Failure> {
    use SourceChoice::{Bpf, Netlink, NetlinkAndCounters};
    match (member.doors.first(), choice) {
        (Some(Access::Tables(tables)), Netlink | NetlinkAndCounters | Bpf) => {
            Err(Failure::Proc(format!(
                "--netns: cannot enter {}: it takes {}: run as root, or remove --source to read {}/net",
                member.name,
                tables.lacking,
                tables.directory.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses several namespaces, for what is about the counters and settings of one.
pub(super) fn refuse_several(sources: &Sources, what: &str) -> Result<(), Failure> {
    match sources.are_several() {
        false => Ok(()),
        true => Err(Failure::Usage(format!(
            "{what} is about one network namespace: select one with --netns"
        ))),
    }
}

impl From<NetnsError> for Failure {
    fn from(error: NetnsError) -> Failure {
        match error {
            NetnsError::Unknown(_) | NetnsError::Unreached(_) => Failure::Usage(error.to_string()),
            NetnsError::Refused(_) => Failure::Proc(error.to_string()),
        }
    }
}
