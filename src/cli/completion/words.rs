//! The words that may complete a command line, from the definition of the options and the tables of
//! fields, states and quantities.

use std::ffi::OsString;

use clap::builder::{PossibleValue, StyledStr};
use clap::{Arg, Command, ValueHint};

use crate::cli::help::topics;
use crate::cli::usage::{TRACE, option, takes_next_word, with_joined_intervals};
use crate::cli::{definition, thresholds};
use crate::filter;
use crate::model::{EVERY_NETNS, StateSet, Use};
use crate::netns::find_members;

/// What may complete a word.
#[derive(Debug)]
pub(super) enum Completion {
    Words(Vec<Candidate>),
    Files,
    Directories,
}

/// A word, and what it is; empty where the word says so itself.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) word: String,
    pub(super) about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: Option<&StyledStr>) -> Candidate {
        let about = about.map(ToString::to_string).unwrap_or_default();
        Candidate {
            word: word.into(),
            about: about.lines().next().unwrap_or_default().to_owned(),
        }
    }

    fn plain(word: impl Into<String>) -> Candidate {
        Candidate::new(word, None)
    }

    fn of_value(value: &PossibleValue) -> Candidate {
        Candidate::new(value.get_name(), value.get_help())
    }
}

/// What may complete the last word.
pub(super) fn complete(typed: &[String]) -> Completion {
    let Some((last, before)) = typed.split_last() else {
        return Completion::Words(Vec::new());
    };
    let mut definition = definition();
    definition.build();
    let first = before.first();
    let verb = first.and_then(|word| definition.find_subcommand(word));
    let command = verb.unwrap_or(&definition);
    let mut operands: Vec<&str> = Vec::new();
    let before = with_joined_intervals(before.iter().map(OsString::from));
    let before: Vec<String> = before
        .iter()
        .map(|word| word.to_string_lossy().into())
        .collect();
    let mut words = before.iter().skip(usize::from(verb.is_some()));
    let mut options_end = false;
    while let Some(word) = words.next() {
        match option(command, word).filter(|_| !options_end) {
            Some(option) if takes_next_word(option) && !word.contains('=') => {
                if words.next().is_none() {
                    return value(option, "", last);
                }
            }
            Some(_) => {}
            None if word == "--" => options_end = true,
            None => operands.extend(word.split_whitespace()),
        }
    }
    if last.starts_with('-') && !options_end {
        return match last.split_once('=') {
            Some((name, part)) => match option(command, name) {
                Some(option) => value(option, &format!("{name}="), part),
                None => Completion::Words(Vec::new()),
            },
            None => matching(options(command), last),
        };
    }
    let mut candidates = Vec::new();
    if before.is_empty() {
        let verbs = definition.get_subcommands();
        candidates.extend(verbs.map(|verb| Candidate::new(verb.get_name(), verb.get_about())));
    }
    candidates.extend(operand(command, &operands, last));
    matching(candidates, last)
}

/// What may be the next word that is no option.
fn operand(command: &Command, before: &[&str], last: &str) -> Vec<Candidate> {
    let plain = |words: Vec<String>| words.into_iter().map(Candidate::plain).collect();
    match command.get_positionals().next() {
        Some(operand) if operand.get_id() == "words" => match last.rsplit_once(',') {
            Some((begun, _)) => plain(
                StateSet::words()
                    .map(|word| format!("{begun},{word}"))
                    .collect(),
            ),
            None => {
                let used_as = match command.get_name() == TRACE {
                    true => Use::TraceFilter,
                    false => Use::Filter,
                };
                plain(filter::words_after(before, used_as))
            }
        },
        Some(operand) if before.is_empty() => match operand.get_id() == "topic" {
            true => plain(topics()),
            false => possible(operand),
        },
        Some(_) | None => Vec::new(),
    }
}

/// The options of a command, by their long names.
fn options(command: &Command) -> Vec<Candidate> {
    let options = command.get_arguments().filter_map(|option| {
        let name = format!("--{}", option.get_long()?);
        Some(Candidate::new(name, option.get_help()))
    });
    options.collect()
}

/// What may complete the value of an option; `part` of it is typed after `prefix`.
fn value(option: &Arg, prefix: &str, part: &str) -> Completion {
    if option.get_value_hint() == ValueHint::FilePath {
        return Completion::Files;
    }
    if option.get_value_hint() == ValueHint::DirPath {
        return Completion::Directories;
    }
    let id = option.get_id().as_str();
    let is_list = option.get_value_delimiter().is_some() || id == "by";
    let (begun, piece) = match part.rsplit_once(',').filter(|_| is_list) {
        Some((begun, piece)) => (format!("{prefix}{begun},"), piece),
        None => (prefix.to_owned(), part),
    };
    let mut candidates = match (id, piece.split_once(':')) {
        ("warning" | "critical", _) => {
            let names = thresholds::names().into_iter();
            names.map(|name| Candidate::plain(name + "=")).collect()
        }
        ("sort", Some((key, _))) => {
            let orders = ["asc", "desc"].map(|order| format!("{key}:{order}"));
            orders.map(Candidate::plain).into()
        }
        ("netns", _) => namespaces(),
        _ => possible(option),
    };
    // A key or a state that is in the list already is refused, or adds nothing.
    let key = |word: &str| match id {
        "netns" => Some(word.to_owned()),
        _ => word.split([':', '/', '=']).next().map(str::to_owned),
    };
    let typed: Vec<_> = match part.rsplit_once(',').filter(|_| is_list) {
        Some((begun, _)) if !matches!(id, "warning" | "critical") => {
            begun.split(',').map(key).collect()
        }
        _ => Vec::new(),
    };
    candidates.retain(|candidate| !typed.contains(&key(&candidate.word)));
    for candidate in &mut candidates {
        candidate.word.insert_str(0, &begun);
    }
    matching(candidates, &format!("{prefix}{part}"))
}

/// The names of network namespaces.
fn namespaces() -> Vec<Candidate> {
    let found = find_members(None, false).members.into_iter();
    let names = found.map(|member| member.name.to_string());
    let all = std::iter::once(EVERY_NETNS.to_owned()).chain(names);
    all.map(Candidate::plain).collect()
}

fn possible(argument: &Arg) -> Vec<Candidate> {
    match argument.get_action().takes_values() {
        true => argument
            .get_possible_values()
            .iter()
            .map(Candidate::of_value)
            .collect(),
        false => Vec::new(),
    }
}

fn matching(mut candidates: Vec<Candidate>, begun: &str) -> Completion {
    candidates.retain(|candidate| candidate.word.starts_with(begun));
    Completion::Words(candidates)
}
