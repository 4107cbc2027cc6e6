//! Which sources are used, and in which network namespaces, resolved from the options.

use super::outcome::Failure;
use super::secure;
use crate::cli::{SourceChoice, Sourcing};
use crate::model::EVERY_NETNS;
use crate::netns::{Access, Member, NetnsError, select};
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
/// As for [`resolve`]; with `--proc-root`.
pub(super) fn resolve_several(sourcing: &Sourcing) -> Result<Sources, Failure> {
    match sourcing.proc_root {
        None => resolve_as(sourcing, true),
        Some(_) => Err(Failure::Usage(
            "`netns` and --proc-root exclude each other: it shows one network namespace".to_owned(),
        )),
    }
}

fn resolve_as(sourcing: &Sourcing, are_compared: bool) -> Result<Sources, Failure> {
    let words = &sourcing.namespaces.netns;
    match (&sourcing.proc_root, sourcing.source) {
        (Some(_), SourceChoice::Netlink | SourceChoice::NetlinkAndCounters) => Err(Failure::Usage(
            "--source netlink and --proc-root exclude each other: netlink cannot read another proc file system"
                .to_owned(),
        )),
        (Some(_), SourceChoice::Bpf) => Err(Failure::Usage(
            "--source bpf and --proc-root exclude each other: a program counts the sockets of this kernel"
                .to_owned(),
        )),
        (Some(root), SourceChoice::Auto | SourceChoice::Proc) => {
            secure::refuse("--proc-root")?;
            Ok(Sources::Proc(ProcNet::under(root)?))
        }
        (None, choice) if words.is_empty() && !are_compared => Ok(of(choice, ProcNet::own())),
        (None, choice) => {
            secure::refuse("--netns")?;
            let own = of(choice, ProcNet::own());
            if words.is_empty() || words.iter().any(|word| word == EVERY_NETNS) {
                return Ok(own.of_every());
            }
            let selected = select(words)?;
            for member in &selected {
                check(member, choice)?;
            }
            match &*selected {
                [Member { name, doors, .. }] if !are_compared => match doors.first() {
                    Some(door) => of_member(choice, name, door),
                    None => Ok(own),
                },
                _ => Ok(own.of_several(selected)),
            }
        }
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
            NetnsError::Unknown(_) => Failure::Usage(error.to_string()),
            NetnsError::Refused(_) => Failure::Proc(error.to_string()),
        }
    }
}
