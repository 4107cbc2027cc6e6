//! What the options and words of ss(8), netstat(8) and of other commands here are: one line with the
//! command to type.
//!
//! Must only suggest commands that run as written; `tests/suite/ss.rs` runs them.

use clap::Command;

/// Where a hint applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the summary and in a list.
    Both,
    /// In the summary only.
    Summary,
}

/// Options of ss and netstat, and what to type here.
const OPTIONS: [(&[&str], Place, &str); 18] = [
    (
        &["-s", "--summary", "--statistics"],
        Place::Both,
        "the summary is the bare command: tcpstates",
    ),
    (
        &["-p", "--process", "--processes", "--program"],
        Place::Summary,
        "a count has no processes: tcpstates list -p, or tcpstates --by process",
    ),
    (
        &["-i", "--info"],
        Place::Both,
        "measures of TCP are columns: tcpstates list --columns rtt,cwnd,retransmits,delivery-rate",
    ),
    (
        &["-o", "--options", "--timers"],
        Place::Both,
        "timers are a column: tcpstates list --columns timer",
    ),
    (
        &["-m", "--memory"],
        Place::Both,
        "a list has the queues, and drops as a column: tcpstates list --columns drops",
    ),
    (
        &["-e", "--extended", "--extend"],
        Place::Both,
        "they are columns: tcpstates list --columns user,inode,cookie",
    ),
    (
        &["-r", "--resolve"],
        Place::Both,
        "addresses are never resolved into names: tcpstates list",
    ),
    (
        &["-K", "--kill"],
        Place::Both,
        "tcpstates observes only and closes no socket; which ones it would be: tcpstates list",
    ),
    (
        &["-w", "--warning"],
        Place::Both,
        "a threshold belongs to check: tcpstates check -w close-wait=100; repeated samples: tcpstates --watch 1",
    ),
    (
        &["-c", "--critical"],
        Place::Both,
        "a threshold belongs to check: tcpstates check -c close-wait=1000; repeated samples: tcpstates --watch 1",
    ),
    (
        &["--continuous"],
        Place::Both,
        "repeated samples: tcpstates --watch 1",
    ),
    (
        &["-E", "--events"],
        Place::Both,
        "sockets that close are traced: tcpstates trace",
    ),
    (
        &[
            "-u", "--udp", "-x", "--unix", "-d", "--dccp", "-S", "--sctp", "--raw", "--packet",
            "--vsock",
        ],
        Place::Both,
        "only TCP sockets are counted and listed: tcpstates",
    ),
    (
        &["-a", "--all"],
        Place::Both,
        "every state is shown already: tcpstates; only beside -t it has no effect",
    ),
    (
        &["--net"],
        Place::Both,
        "a network namespace is selected by --netns: tcpstates --netns NAME",
    ),
    (
        &["--since", "--before"],
        Place::Summary,
        "nothing was recorded: save an answer, tcpstates --json, and compare later with --compare",
    ),
    (
        &["-f", "--family"],
        Place::Both,
        "a family is -4, -6 or a test: tcpstates family inet6",
    ),
    (
        &["-A", "--query", "--socket"],
        Place::Both,
        "only TCP sockets are counted and listed: tcpstates",
    ),
];

/// Words that are typed as if they were commands, and what to type.
const WORDS: [(&[&str], &str); 4] = [
    (&["watch", "top", "monitor"], "tcpstates --watch 1"),
    (&["stats", "stat", "summary", "count"], "tcpstates"),
    (&["ls", "show", "sockets"], "tcpstates list"),
    (&["version"], "tcpstates --version"),
];

/// The line for an option that this command does not have, but ss, netstat or another command here.
pub(super) fn option_hint(
    definition: &Command,
    verb: Option<&str>,
    option: &str,
    next: Option<&str>,
) -> Option<String> {
    let next = next.unwrap_or_default();
    if matches!(verb, None | Some("list")) {
        // `-w 1` and `-c 2` are intervals, `-w close-wait=100` a threshold.
        let is_interval = matches!(option, "-w" | "-c") && next.parse::<f64>().is_ok();
        let is_threshold = matches!(option, "-w" | "-c") && next.contains('=');
        let list = verb.map(|verb| format!("{verb} ")).unwrap_or_default();
        if is_interval {
            return Some(format!("repeated samples: tcpstates {list}--watch {next}"));
        }
        if is_threshold {
            return Some(format!(
                "a threshold belongs to check: tcpstates check {option} {next}"
            ));
        }
        let place = |place: Place| place == Place::Both || verb.is_none();
        let known = OPTIONS
            .iter()
            .find(|(names, at, _)| place(*at) && names.contains(&option));
        if let Some((.., hint)) = known {
            return Some((*hint).to_owned());
        }
    }
    let has = |command: &Command| super::usage::option(command, option).is_some();
    let mut owners: Vec<String> = Vec::new();
    if verb.is_some() && has(definition) {
        owners.push("tcpstates".to_owned());
    }
    let verbs = definition.get_subcommands().filter(|command| has(command));
    owners.extend(verbs.map(|command| format!("tcpstates {}", command.get_name())));
    (!owners.is_empty()).then(|| format!("it is an option of {}", owners.join(", ")))
}

/// What to type instead of a word that is not a command here.
pub(super) fn word_hint(word: &str) -> Option<&'static str> {
    let hint = WORDS.iter().find(|(words, _)| words.contains(&word));
    hint.map(|(_, command)| *command)
}
