//! From the command line to [`Arguments`], or to one line that says what is not valid.
//!
//! clap finds the error; its several lines of advice become one that names the argument, what is
//! allowed and the nearest valid word.

use std::error::Error as _;
use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::help::about;
use super::hints::{Hint, Typed, takes_none, word_hint};
use super::trace::bcc_hint;
use super::values::is_like_duration;
use super::{Arguments, definition};
use crate::filter;
use crate::model::{StateSet, is_typing_error, nearest_word};

/// The command whose errors monitoring reads.
const CHECK: &str = "check";

/// The command without a filter.
const SERVE: &str = "serve";

/// The command whose namesake in bcc has other options.
pub(super) const TRACE: &str = "trace";

/// The result of parsing.
#[derive(Debug)]
pub enum Parsed {
    /// A valid command line.
    Arguments(Box<Arguments>),
    /// `--help` or `--version`: this is the text.
    Text(String),
    /// What is wrong: one line without the program's name.
    Usage(String),
}

/// Parses a whole command line, the program's name first.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Parsed {
    let words = with_joined_intervals(words);
    if words.len() <= 1 {
        // The definition is large: to build it takes longer than to count a small table.
        return Parsed::Arguments(Box::default());
    }
    if let [_, option, topic, ..] = &*words
        && (option == "--help" || option == "-h")
        && let Some(text) = topic.to_str().and_then(about)
    {
        return Parsed::Text(text);
    }
    let parsed = definition()
        .try_get_matches_from(&words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => match value_meant(&words) {
            Some(line) => Parsed::Usage(line),
            None => Parsed::Arguments(Box::new(arguments)),
        },
        Err(error) if !error.use_stderr() => Parsed::Text(error.render().to_string()),
        Err(error) => Parsed::Usage(usage(&error, &words)),
    }
}

/// The words, with the interval of `--watch` joined to it: a word behind it that is none belongs to the
/// filter, or is a command.
pub(super) fn with_joined_intervals(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut words = words.into_iter();
    for word in words.by_ref() {
        if word == "--" {
            joined.push(word);
            break;
        }
        match joined.last_mut() {
            Some(option) if option == "--watch" && word.to_str().is_some_and(is_like_duration) => {
                option.push("=");
                option.push(word);
            }
            _ => joined.push(word),
        }
    }
    joined.extend(words);
    joined
}

/// The line of a usage error, with the help to read.
fn usage(error: &clap::Error, words: &[OsString]) -> String {
    let first = first_word(words);
    let is_first = words.get(1).and_then(|word| word.to_str()) == first.as_deref();
    if !is_first && first.as_deref() == Some(CHECK) {
        // An error about options that the summary does not have would mislead.
        return verb_comes_first(CHECK).unwrap_or_default();
    }
    let mut definition = definition();
    definition.build();
    let verb = first.filter(|word| is_first && definition.find_subcommand(word).is_some());
    let typed = typed(&definition, verb.as_deref(), words);
    let (line, verb) = if error.kind() == ErrorKind::InvalidUtf8 {
        (not_text(words), verb)
    } else {
        elsewhere(error, &typed).unwrap_or_else(|| (line(error), verb.clone()))
    };
    if verb.as_deref() == Some("help") && error.kind() == ErrorKind::UnknownArgument {
        let topic = context(error, ContextKind::InvalidArg);
        return format!("help takes one topic; for another: tcpstates help {topic}");
    }
    let argument = context(error, ContextKind::InvalidArg);
    let is_word = error.kind() == ErrorKind::UnknownArgument && !argument.starts_with('-');
    let line = match verb.as_deref() {
        Some(SERVE) if is_word => {
            format!("`{argument}`: serve takes no filter, its page is about all sockets")
        }
        _ => line,
    };
    with_help((line, verb))
}

/// The line, with the help to read.
fn with_help((line, verb): Hint) -> String {
    match verb {
        Some(verb) => format!("{line} (try 'tcpstates {verb} --help')"),
        None => format!("{line} (try 'tcpstates --help')"),
    }
}

fn typed<'a>(
    definition: &'a clap::Command,
    verb: Option<&'a str>,
    words: &[OsString],
) -> Typed<'a> {
    let words = words.iter().skip(1 + usize::from(verb.is_some()));
    let words = words.map(|word| word.to_string_lossy().into_owned());
    Typed {
        definition,
        verb,
        words: words.collect(),
    }
}

/// The line for an option of ss, of netstat, of bcc, or of another command.
fn elsewhere(error: &clap::Error, typed: &Typed<'_>) -> Option<Hint> {
    let ContextValue::String(option) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    match bcc_hint(option).filter(|_| typed.verb == Some(TRACE)) {
        Some(hint) => Some((
            format!("{option}: no such option; {hint}"),
            typed.verb.map(str::to_owned),
        )),
        None => typed.hint(option),
    }
}

/// The line for `-n`, `-w` or `-t` with a value: here they are those of ss.
fn value_meant(words: &[OsString]) -> Option<String> {
    let mut words_behind = words.windows(2).filter_map(|pair| match pair {
        [letters, next] => Some((letters.to_str()?, next.to_str()?)),
        _ => None,
    });
    words_behind.find(|(letters, next)| takes_none(letters, next))?;
    let mut definition = definition();
    definition.build();
    let is_verb = |word: &&str| definition.find_subcommand(word).is_some();
    let first = words.get(1).and_then(|word| word.to_str());
    let verb = first.filter(is_verb);
    let mut rest = words.iter().skip(2).filter_map(|word| word.to_str());
    if verb.is_none() && rest.any(|word| is_verb(&word)) {
        // That a command comes first is the better answer.
        return None;
    }
    let typed = typed(&definition, verb, words);
    let line = typed.value_hint()?;
    Some(with_help((line, verb.map(str::to_owned))))
}

/// Whether the words are meant as a `check`, whatever else is wrong.
pub fn is_check(words: &[OsString]) -> bool {
    let is_named = words.iter().skip(1).any(|word| word == CHECK);
    is_named && first_word(&with_joined_intervals(words.to_vec())).as_deref() == Some(CHECK)
}

/// The first word that is neither an option nor the value of one.
fn first_word(words: &[OsString]) -> Option<String> {
    let definition = definition();
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--" {
            return None;
        }
        if !word.starts_with('-') || word == "-" {
            return Some(word.into_owned());
        }
        let is_alone = !word.contains('=');
        if is_alone && option(&definition, &word).is_some_and(takes_next_word) {
            words.next();
        }
    }
    None
}

/// The option that a word is: `--watch`, `--watch=1` or `-w`.
pub(super) fn option<'a>(command: &'a clap::Command, word: &str) -> Option<&'a clap::Arg> {
    let name = word.split('=').next().unwrap_or(word);
    command
        .get_arguments()
        .find(|option| match name.strip_prefix("--") {
            Some(long) => option.get_long() == Some(long),
            None => {
                let mut letters = name.strip_prefix('-').unwrap_or_default().chars();
                let letter = letters.next();
                letter.is_some() && option.get_short() == letter && letters.next().is_none()
            }
        })
}

/// Whether the word after this option is its value.
pub(super) fn takes_next_word(option: &clap::Arg) -> bool {
    option.get_action().takes_values() && !option.is_require_equals_set()
}

/// The line for a word that is not UTF-8; clap does not say which one it was.
fn not_text(words: &[OsString]) -> String {
    let word = words.iter().find(|word| word.to_str().is_none());
    let word = word.map(|word| word.to_string_lossy()).unwrap_or_default();
    format!("`{word}` is not valid UTF-8")
}

/// What clap reports of this kind; empty for nothing.
fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::Strings(words)) => words.join(", "),
        Some(value @ ContextValue::String(_)) => value.to_string(),
        Some(_) | None => String::new(),
    }
}

/// The nearest valid word, if clap suggests one of this kind.
fn suggestion(error: &clap::Error, kind: ContextKind) -> String {
    match context(error, kind).split(", ").next() {
        None | Some("") => String::new(),
        Some(word) => format!("; did you mean {word}?"),
    }
}

/// One line for any error of clap's, without the reference to the help.
fn line(error: &clap::Error) -> String {
    let argument = context(error, ContextKind::InvalidArg);
    let value = context(error, ContextKind::InvalidValue);
    let verb = context(error, ContextKind::InvalidSubcommand);
    // `--watch` of `--watch[=<DURATION>]`.
    let name = argument.split([' ', '[']).next().unwrap_or_default();
    let allowed = match &*context(error, ContextKind::ValidValue) {
        "" => String::new(),
        words => format!("; allowed are {words}"),
    };
    match (error.kind(), &*argument) {
        (ErrorKind::InvalidValue, _) if value.is_empty() => {
            format!("{argument} needs a value{allowed}")
        }
        (ErrorKind::InvalidValue, _) => {
            let meant = suggestion(error, ContextKind::SuggestedValue);
            format!("{name}: `{value}` is not valid{allowed}{meant}")
        }
        (ErrorKind::ValueValidation, _) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{name}: `{value}`: {reason}")
        }
        (ErrorKind::UnknownArgument, _) if !argument.starts_with('-') => {
            format!("`{argument}` is one word too many")
        }
        (ErrorKind::UnknownArgument, _) => {
            let near = context(error, ContextKind::SuggestedArg);
            let meant = match is_typing_error(&argument, &near) {
                true => format!("; did you mean {near}?"),
                false => String::new(),
            };
            format!("{argument}: no such option{meant}")
        }
        (ErrorKind::ArgumentConflict, "") => {
            verb_comes_first(&verb).unwrap_or(format!("{verb}: no such command"))
        }
        (ErrorKind::ArgumentConflict, _) => {
            let prior = context(error, ContextKind::PriorArg);
            format!("{argument} and {prior} exclude each other")
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let meant = suggestion(error, ContextKind::SuggestedSubcommand);
            format!("{verb}: no such command{meant}")
        }
        (ErrorKind::MissingRequiredArgument, _) => format!("{argument} is missing"),
        (ErrorKind::TooManyValues, _) => {
            format!("{argument} takes no value, but was given `{value}`")
        }
        // Kinds that cannot occur with our definition.
        _ => error.kind().to_string(),
    }
}

/// The advice for a word that no filter has, if it is a command, or similar to one.
pub fn command_meant(word: &str, is_first: bool) -> Option<String> {
    if let Some(advice) = verb_comes_first(word) {
        return Some(advice);
    }
    if let Some(command) = word_hint(word).filter(|_| is_first) {
        return Some(format!("`{word}` is not a command; type {command}"));
    }
    let definition = definition();
    let verbs: Vec<&str> = definition
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let words = filter::words().map(str::to_owned);
    let words: Vec<String> = words.chain(StateSet::words()).collect();
    let words = words.iter().map(String::as_str);
    // Of two that are as near the later one is taken: the command.
    let nearest = nearest_word(word, words.chain(verbs.iter().copied()))?;
    let meant = is_first && verbs.contains(&nearest);
    meant.then(|| format!("`{word}`: no such command or word of a filter; did you mean {nearest}?"))
}

/// The advice for a verb that does not come first.
fn verb_comes_first(word: &str) -> Option<String> {
    let mut definition = definition();
    definition.build();
    let verb = definition.find_subcommand(word)?;
    let rest = match verb.get_positionals().next() {
        Some(value) if value.is_required_set() => value.get_id().as_str().to_uppercase(),
        Some(_) => "[OPTIONS] [FILTER]...".to_owned(),
        None => "[OPTIONS]".to_owned(),
    };
    Some(format!(
        "`{word}` is a command and comes first: tcpstates {word} {rest}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_without_arguments_is_what_clap_makes_of_it() {
        let matches = definition().get_matches_from(["tcpstates"]);
        let parsed = Arguments::from_arg_matches(&matches).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Arguments::default()));
    }
}
