//! What the options and words of ss(8), netstat(8) and of other commands here are: one line with the
//! command to type, in which the other words of the command line are kept.
//!
//! Must only suggest commands that run as written; `tests/suite/ss.rs` runs them.

mod rows;

use clap::Command;

use rows::{CHECK, DOCTOR, Row, SS, SUMMARY};

use super::usage::{option, takes_next_word};
use super::values::parse_duration;
use crate::model::{StateSet, shell_quoted};

/// The letters that change nothing where they are accepted; `-t` without another kind does not either,
/// nor `-a` with one.
const IDLE: &str = "nO";

/// Options that name kinds of sockets other than TCP.
const KINDS: [&str; 15] = [
    "-A", "--kind", "--query", "-u", "--udp", "-M", "--mptcp", "-x", "--unix", "-w", "--raw", "-0",
    "--packet", "-f", "--family",
];

/// Options that this program does not have, or not everywhere, and whose next word is their value.
const WITH_VALUE: &str =
    "-f -A -D -F --family --query --socket --diag --net --state --filter --since --before";

/// Words that are typed as if they were commands, and what to type.
const WORDS: [(&[&str], &str); 4] = [
    (&["watch", "top", "monitor"], "tcpstates --watch 1"),
    (&["stats", "stat", "summary", "count"], "tcpstates"),
    (&["ls", "show", "sockets"], "tcpstates list"),
    (&["version"], "tcpstates --version"),
];

/// The line about an option, and the verb whose help explains more.
pub(super) type Hint = (String, Option<String>);

/// A command line with an option that its command does not have.
pub(super) struct Typed<'a> {
    /// The definition, built.
    pub(super) definition: &'a Command,
    /// The command; `None` for the summary.
    pub(super) verb: Option<&'a str>,
    /// The words after the program's name and the verb.
    pub(super) words: Vec<String>,
}

impl Typed<'_> {
    /// The line for an option that this command does not have, but ss, netstat or another command here.
    pub(super) fn hint(&self, name: &str) -> Option<Hint> {
        let next = self.next(name);
        let here = |line: String| (line, self.verb.map(str::to_owned));
        if let Some((reason, verb, extra)) = self.meant(name, next) {
            let value = if next.is_empty() { "VALUE" } else { next };
            let command = self.retyped(verb, &extra.replace("{}", &shell_quoted(value)));
            return Some(here(format!("{name}: no such option; {reason}: {command}")));
        }
        let owners = self.owners(name);
        let first = *owners.first()?;
        let names = owners.iter().map(|verb| match *verb {
            SUMMARY => "the summary".to_owned(),
            verb => format!("`{verb}`"),
        });
        let names = names.collect::<Vec<_>>().join(" and ");
        let command = self.retyped(Some(first), "");
        let verb = (first != SUMMARY).then(|| first.to_owned());
        Some((format!("{name} belongs to {names}: {command}"), verb))
    }

    /// The line for `-n` or `-w` with a value: an interval of watch(1), a number of rows, or a
    /// threshold.
    pub(super) fn value_hint(&self) -> Option<String> {
        let parts = self.parts();
        let (name, value) = parts.iter().find_map(|part| {
            let (name, value) = (part.option.as_deref()?, part.value?);
            self.takes_none(name, value).then_some((name, value))
        })?;
        let (reason, verb, extra) = match (name, self.verb) {
            _ if value.contains('=') => (
                "a threshold belongs to check",
                Some("check"),
                format!("-w {value}"),
            ),
            ("-t", _) => ("a time limit", None, format!("--timeout {value}")),
            ("-w", Some("doctor")) => (
                "the time between samples",
                None,
                format!("--window {value}"),
            ),
            ("-n", Some(_)) => ("the first rows", None, format!("--limit {value}")),
            _ => ("repeated samples", None, format!("--watch {value}")),
        };
        let command = self.retyped(verb, &extra);
        Some(format!(
            "{name} {value}: {name} takes no value, as in ss; {reason}: {command}"
        ))
    }

    /// What an option of ss means here.
    fn meant(&self, name: &str, next: &str) -> Option<(&str, Option<&str>, String)> {
        let rows: &[Row] = match self.verb {
            None | Some("list") => &SS,
            Some("doctor") => &DOCTOR,
            Some("check") => &CHECK,
            Some(_) => &[],
        };
        if rows.len() == SS.len() && name == "-c" {
            // `-c 2` is an interval, `-c close-wait=100` a threshold.
            if parse_duration(next).is_ok() {
                return Some(("repeated samples", None, format!("--watch {next}")));
            }
            if next.contains('=') {
                let reason = "a threshold belongs to check";
                return Some((reason, Some("check"), String::new()));
            }
        }
        let with_value = format!("{name} {next}");
        let find = |name: &str| rows.iter().find(|row| row.0.contains(&name));
        let (_, reason, verb, extra) = find(&with_value).or_else(|| find(name))?;
        Some((reason, *verb, (*extra).to_owned()))
    }

    /// The commands that have an option; `check` last, because it needs thresholds too.
    fn owners(&self, name: &str) -> Vec<&str> {
        // Those that have it only to refuse it are not suggested.
        let is_shown = |arg: &&clap::Arg| !arg.is_hide_set();
        let has = |command: &Command| option(command, name).filter(is_shown).is_some();
        let verbs = self.definition.get_subcommands();
        let verbs = verbs.filter(|verb| has(verb)).map(Command::get_name);
        let summary = (self.verb.is_some() && has(self.definition)).then_some(SUMMARY);
        let mut owners: Vec<&str> = summary.into_iter().chain(verbs).collect();
        owners.sort_by_key(|verb| *verb == "check");
        owners
    }

    /// The value behind an option; empty if there is none.
    fn next(&self, name: &str) -> &str {
        let at = self.words.iter().position(|word| is_in(word, name));
        let Some(word) = at.and_then(|at| self.words.get(at)) else {
            return "";
        };
        match word.split_once('=') {
            Some((_, value)) => value,
            None => at
                .and_then(|at| self.words.get(at + 1))
                .map_or("", String::as_str),
        }
    }

    /// The command line with another verb, `extra`, and all typed options and words that this command has
    /// too, but letters that change nothing.
    fn retyped(&self, verb: Option<&str>, extra: &str) -> String {
        let names_processes = |word: &String| is_in(word, "-p") || is_in(word, "--process");
        let verb = match verb.or(self.verb) {
            None if self.words.iter().any(names_processes) => "list",
            verb => verb.unwrap_or(SUMMARY),
        };
        let is_typed = |name: &str| self.words.iter().any(|word| is_in(word, name));
        let names_kinds = KINDS.into_iter().any(is_typed);
        let names_tcp = is_typed("-t") || is_typed("--tcp");
        let target = self.definition.find_subcommand(verb);
        let target = target.unwrap_or(self.definition);
        let (mut letters, mut rest, mut operands) = (String::from("-"), Vec::new(), Vec::new());
        for part in self.parts() {
            let Some(name) = part.option else {
                operands.extend(part.value);
                continue;
            };
            if part
                .value
                .is_some_and(|value| self.takes_none(&name, value))
            {
                continue;
            }
            let letter = name.strip_prefix('-').filter(|letter| letter.len() == 1);
            let is_idle = letter.is_some_and(|letter| match letter {
                "t" => !names_kinds,
                "a" => names_kinds || names_tcp,
                letter => IDLE.contains(letter),
            });
            match option(target, &name) {
                Some(known) if takes_next_word(known) => {
                    rest.push(shell_quoted(&name).into_owned());
                    rest.extend(part.value.map(|value| shell_quoted(value).into_owned()));
                }
                None => {}
                Some(_) if is_idle => {}
                Some(_) => match letter {
                    Some(letter) => letters.push_str(letter),
                    None => rest.push(name),
                },
            }
        }
        let mut line = vec!["tcpstates".to_owned(), verb.to_owned()];
        line.extend(Some(letters).filter(|letters| letters != "-"));
        line.push(extra.to_owned());
        line.extend(rest);
        line.extend(
            operands
                .into_iter()
                .map(|word| shell_quoted(word).into_owned()),
        );
        line.retain(|word| !word.is_empty());
        line.join(" ")
    }

    /// The words, with clusters of letters taken apart.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut words = self.words.iter().map(String::as_str).peekable();
        let mut options_end = false;
        while let Some(word) = words.next() {
            if word == "--" && !options_end {
                options_end = true;
            } else if options_end || !word.starts_with('-') || word == "-" {
                let (option, value) = (None, Some(word));
                parts.push(Part { option, value });
            } else {
                let names: Vec<String> = match word.starts_with("--") {
                    true => vec![word.to_owned()],
                    false => word
                        .chars()
                        .skip(1)
                        .map(|letter| format!("-{letter}"))
                        .collect(),
                };
                for name in names {
                    let value =
                        words.next_if(|next| !word.contains('=') && self.takes(&name, next));
                    let option = Some(name);
                    parts.push(Part { option, value });
                }
            }
        }
        parts
    }

    /// Whether a value follows this letter that takes none. check's `-w` takes one; after `-t`, only
    /// doctor may be meant to have a time limit.
    fn takes_none(&self, letter: &str, next: &str) -> bool {
        match self.verb {
            Some("check") => false,
            Some("doctor") => takes_none(letter, next),
            _ => letter != "-t" && takes_none(letter, next),
        }
    }

    /// Whether an option of any command here, or of ss, takes the next word.
    fn takes(&self, name: &str, next: &str) -> bool {
        let own = self
            .verb
            .and_then(|verb| self.definition.find_subcommand(verb));
        let any = || {
            let verbs = self.definition.get_subcommands();
            let mut commands = verbs.chain([self.definition]);
            commands.any(|command| option(command, name).is_some_and(takes_next_word))
        };
        self.takes_none(name, next)
            || WITH_VALUE.split(' ').any(|one| one == name)
            || match option(own.unwrap_or(self.definition), name) {
                Some(own) => takes_next_word(own),
                None => any(),
            }
    }
}

/// An option with its value, or another word.
struct Part<'a> {
    option: Option<String>,
    value: Option<&'a str>,
}

/// Whether a word is this option, or a cluster of letters that has it: `-tlp` has `-p`.
fn is_in(word: &str, name: &str) -> bool {
    let name_of = word.split('=').next().unwrap_or(word);
    let letter = name.strip_prefix('-').filter(|letter| letter.len() == 1);
    let is_cluster = word.starts_with('-') && !word.starts_with("--");
    name_of == name || is_cluster && letter.is_some_and(|letter| word.contains(letter))
}

/// Whether letters end in one that takes no value, as in ss(8), and a value of another program's follows.
pub(super) fn takes_none(letters: &str, next: &str) -> bool {
    let is_threshold = || {
        let state = next.split('=').next().filter(|state| *state != next);
        state.is_some_and(|state| StateSet::parse_word(state).is_some())
    };
    let letters = letters
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'));
    match letters.and_then(|letters| letters.chars().last()) {
        Some('n') => next.parse::<u32>().is_ok(),
        Some('t') => parse_duration(next).is_ok(),
        Some('w') => parse_duration(next).is_ok() || is_threshold(),
        _ => false,
    }
}

/// What to type instead of a word that is not a command here.
pub(super) fn word_hint(word: &str) -> Option<&'static str> {
    let hint = WORDS.iter().find(|(words, _)| words.contains(&word));
    hint.map(|(_, command)| *command)
}
