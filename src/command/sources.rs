//! Which sources are used, and in which network namespaces, resolved from the options.

use super::outcome::Failure;
use super::secure;
use crate::cli::{SourceChoice, Sourcing};
use crate::netns::{Access, NetnsError, Selected, select};
use crate::source::{ProcNet, Sources};

/// What all verbs pass through.
///
/// # Errors
/// When options exclude each other, `--proc-root` holds no tables, or `--netns` selects nothing that
/// can be read.
pub(super) fn resolve(sourcing: &Sourcing) -> Result<Sources, Failure> {
    let words = &sourcing.namespaces.netns;
    match (&sourcing.proc_root, sourcing.source) {
        (Some(_), SourceChoice::Netlink | SourceChoice::NetlinkAndCounters) => Err(Failure::Usage(
            "--source netlink and --proc-root exclude each other: netlink cannot read another proc file system"
                .to_owned(),
        )),
        (Some(root), SourceChoice::Auto | SourceChoice::Proc) => {
            secure::refuse("--proc-root")?;
            Ok(Sources::Proc(ProcNet::under(root)?))
        }
        (None, choice) if words.is_empty() => Ok(of(choice, ProcNet::own())),
        (None, choice) => {
            secure::refuse("--netns")?;
            let selected = select(words)?;
            let parts = selected.iter().map(|one| part(one, choice, selected.len() > 1));
            let parts: Vec<Sources> = parts.collect::<Result<_, _>>()?;
            let words: Vec<String> = selected.into_iter().map(|one| one.word).collect();
            // A word was given, and each selects one.
            Ok(Sources::several(parts, &words).unwrap_or_else(|| of(choice, ProcNet::own())))
        }
    }
}

fn of(choice: SourceChoice, tables: ProcNet) -> Sources {
    match choice {
        SourceChoice::Auto => Sources::Auto(tables),
        SourceChoice::Netlink => Sources::Netlink(tables),
        SourceChoice::NetlinkAndCounters => Sources::NetlinkAndCounters(tables),
        SourceChoice::Proc => Sources::Proc(tables),
    }
}

/// The sources of one namespace, which may be one of several.
fn part(
    selected: &Selected,
    choice: SourceChoice,
    is_one_of_several: bool,
) -> Result<Sources, Failure> {
    const REASON: &str = "because entering it takes CAP_SYS_ADMIN";
    let (choice, tables) = match &selected.access {
        Access::Own => (choice, ProcNet::own()),
        Access::Entered(namespace) => (choice, ProcNet::inside(namespace.clone())),
        Access::Tables(directory) => match choice {
            SourceChoice::Auto | SourceChoice::Proc => {
                let tables = ProcNet::under(directory).map_err(|error| {
                    Failure::Proc(format!("--netns {}: {error}", selected.word))
                })?;
                (SourceChoice::Proc, tables.because(REASON))
            }
            SourceChoice::Netlink | SourceChoice::NetlinkAndCounters => {
                return Err(Failure::Proc(format!(
                    "--netns: cannot enter {}: it takes CAP_SYS_ADMIN: run as root, or remove --source \
                     netlink to read {}/net",
                    selected.word,
                    directory.display()
                )));
            }
        },
    };
    let tables = match is_one_of_several {
        true => tables.one_of_several(selected.netns, &selected.word),
        false => tables,
    };
    Ok(of(choice, tables))
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
