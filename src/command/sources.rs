//! Which sources are used, and in which network namespaces, resolved from the options.

use std::path::Path;
use std::sync::Arc;

use super::outcome::Failure;
use super::secure;
use crate::cli::{SourceChoice, Sourcing};
use crate::model::{EVERY_NETNS, Recorded, RecordedNamespace, nearest_word};
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
        let words = &sourcing.namespaces.netns;
        return of_record(file, sourcing.at, words, are_compared);
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

/// Those of a record, in the network namespaces that these words select; in all that it is of, if there are
/// none.
fn of_record(
    file: &Path,
    at: Option<At>,
    words: &[String],
    are_compared: bool,
) -> Result<Sources, Failure> {
    secure::refuse("--from")?;
    let record = opened("--from", file, at)?;
    in_namespaces("--from", record, words, are_compared)
}

/// Those of a record in the network namespaces that these words select.
///
/// # Errors
/// When it is not of several, or a word selects none.
fn in_namespaces(
    option: &str,
    record: Arc<Recorded>,
    words: &[String],
    are_compared: bool,
) -> Result<Sources, Failure> {
    let are_several = record.namespaces().is_some();
    if !are_several && (are_compared || !words.is_empty()) {
        return Err(Failure::Usage(format!(
            "{option}: {} is a record of one network namespace, so there are none to {}",
            record.path.display(),
            if are_compared { "compare" } else { "select" }
        )));
    }
    let is_every = |word: &String| word == EVERY_NETNS;
    if words.iter().any(is_every) && !record.origin.netns.iter().any(is_every) {
        return Err(Failure::Usage(format!(
            "--netns all: {} is a record of {} only: leave out --netns",
            record.path.display(),
            record.origin.netns.join(", ")
        )));
    }
    if words.is_empty() || words.iter().any(is_every) {
        return Ok(Sources::of_record(record, None));
    }
    let mut selected: Vec<Member> = Vec::new();
    for word in words {
        let one = select_recorded(&record, word)
            .map_err(|error| Failure::Usage(format!("--netns: {error}")))?;
        if !selected.iter().any(|other| other.netns == one.netns) {
            selected.push(one);
        }
    }
    match &*selected {
        [Member { name, doors, .. }] if !are_compared => match &**doors {
            [door, ..] => of_member(SourceChoice::Auto, name, door),
            [] => Err(Failure::Proc(format!(
                "--netns: {name} was not read when {} was recorded",
                record.path.display()
            ))),
        },
        _ => Ok(Sources::of_record(record, Some(selected))),
    }
}

/// Those of a record in the network namespaces of these sources, with which they are compared.
///
/// # Errors
/// When the record is not of these.
pub(super) fn compared(record: Arc<Recorded>, with: &Sources) -> Result<Sources, Failure> {
    let words = with.place().netns();
    let words: Vec<String> = words
        .iter()
        .flat_map(|words| words.split(',').map(str::to_owned))
        .collect();
    match record.namespaces() {
        Some(_) if words.is_empty() => Err(Failure::Usage(format!(
            "--compare: {} is a record of several network namespaces: compare them by --netns all, or name one",
            record.path.display()
        ))),
        None if !with.are_several() => Ok(Sources::of_record(record, None)),
        _ => in_namespaces("--compare", record, &words, false),
    }
}

/// The network namespace of a record that a word selects.
///
/// # Errors
/// That there is none, and the nearest name.
pub(super) fn select_recorded(record: &Recorded, word: &str) -> Result<Member, String> {
    let members = record.namespaces().map(|all| &*all.members);
    let members = members.unwrap_or_default();
    let number = word.strip_prefix("net:").and_then(|net| net.parse().ok());
    let is_meant = |one: &&RecordedNamespace| &*one.name == word || Some(one.netns.0) == number;
    if let Some(one) = members.iter().find(is_meant) {
        return Ok(Member::recorded(record, one));
    }
    let names = members.iter().map(|one| &*one.name);
    let nearest = nearest_word(word, names.clone());
    let hint = match (nearest, members) {
        (Some(nearest), _) => format!("; {nearest} was"),
        (None, []) => String::new(),
        (None, [one, ..]) => format!("; {} was, and {} more", one.name, members.len() - 1),
    };
    // It may have been there at another time.
    let when = match (record.at, record.moment()) {
        (false, Some(moment)) => format!("at {}", moment.stamp),
        _ => "at that time".to_owned(),
    };
    Err(format!(
        "no network namespace {word} was recorded in {} {when}{hint}",
        record.path.display()
    ))
}

/// The record in a file that an option names, at its last moment or at another time.
///
/// # Errors
/// When it is none, or has no such time.
pub(super) fn opened(option: &str, file: &Path, at: Option<At>) -> Result<Arc<Recorded>, Failure> {
    let record = record::open(file, at).map_err(|error| {
        let option = match matches!(error, RecordError::Outside { .. }) {
            true => "--at",
            false => option,
        };
        Failure::Usage(format!("{option}: {error}"))
    })?;
    Ok(Arc::new(record))
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
        Access::Recorded(_) => Sources::Record(tables),
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
