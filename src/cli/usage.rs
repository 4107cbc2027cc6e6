//! From the words typed to [`Arguments`], or to one line that says what is wrong with them.
//!
//! clap finds the error; its several lines of advice are condensed into one that names the
//! argument, what is allowed and the nearest valid word.

use std::error::Error as _;
use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Arguments, definition};
use crate::filter;
use crate::model::nearest_word;

/// The verb whose errors monitoring reads.
const CHECK: &str = "check";

/// What came of the words typed.
#[derive(Debug)]
pub enum Parsed {
    /// They can be acted upon.
    Arguments(Box<Arguments>),
    /// `--help` or `--version`: this is the text.
    Text(String),
    /// They cannot: one line without the program's name.
    Usage(String),
}

/// Parses a whole command line, the program's name first.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Parsed {
    let words: Vec<OsString> = words.into_iter().collect();
    if words.len() <= 1 {
        // The definition is large: building it takes longer than counting a small table.
        return Parsed::Arguments(Box::default());
    }
    let parsed = definition()
        .try_get_matches_from(&words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Parsed::Arguments(Box::new(arguments)),
        Err(error) if !error.use_stderr() => Parsed::Text(error.render().to_string()),
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => Parsed::Usage(not_text(&words)),
        Err(error) => Parsed::Usage(match check_out_of_place(&words) {
            Some(advice) => advice,
            None if is_check(&words) => format!("{} (see tcpstates check --help)", line(&error)),
            None => format!("{} (see tcpstates --help)", line(&error)),
        }),
    }
}

/// The advice for a `check` that does not come first: its options are unknown to the summary, which
/// is of no use to anybody.
fn check_out_of_place(words: &[OsString]) -> Option<String> {
    let is_first = words.get(1).is_some_and(|word| word == CHECK);
    (is_check(words) && !is_first).then(|| verb_comes_first(CHECK))?
}

/// Whether the words are, or were to be, a `check`: it is the first word that is neither an option
/// nor the value of one, whatever else is wrong.
pub fn is_check(words: &[OsString]) -> bool {
    // The definition is large, and hardly any command line needs it here.
    if !words.iter().skip(1).any(|word| word == CHECK) {
        return false;
    }
    let definition = definition();
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--" {
            return false;
        }
        if !word.starts_with('-') || word == "-" {
            return word == CHECK;
        }
        if takes_next_word(&definition, &word) {
            words.next();
        }
    }
    false
}

/// Whether the word after this option is its value. An option that is not known takes none.
fn takes_next_word(definition: &clap::Command, word: &str) -> bool {
    let is_meant = |argument: &clap::Arg| match word.strip_prefix("--") {
        Some(long) => argument.get_long() == Some(long),
        None => argument.get_short() == word.chars().nth(1) && word.chars().count() == 2,
    };
    definition
        .get_arguments()
        .any(|argument| is_meant(argument) && argument.get_action().takes_values())
}

/// The line for a word that is no text; clap does not say which one it was.
fn not_text(words: &[OsString]) -> String {
    let word = words.iter().find(|word| word.to_str().is_none());
    let word = word.map(|word| word.to_string_lossy()).unwrap_or_default();
    format!("`{word}` is not valid UTF-8 (see tcpstates --help)")
}

/// One line for any error of clap's, without the way to the help.
fn line(error: &clap::Error) -> String {
    let words = Words(error);
    let argument = words.one(ContextKind::InvalidArg);
    let value = words.one(ContextKind::InvalidValue).unwrap_or_default();
    match (error.kind(), argument) {
        (ErrorKind::InvalidValue, Some(argument)) if value.is_empty() => {
            format!("{argument} needs a value{}", words.allowed())
        }
        (ErrorKind::InvalidValue, Some(argument)) => format!(
            "{}: `{value}` is not valid{}{}",
            without_placeholder(&argument),
            words.allowed(),
            words.suggestion(ContextKind::SuggestedValue)
        ),
        (ErrorKind::ValueValidation, Some(argument)) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{}: `{value}`: {reason}", without_placeholder(&argument))
        }
        (ErrorKind::UnknownArgument, Some(argument)) if !argument.starts_with('-') => {
            format!("{argument}: nothing more is expected here")
        }
        (ErrorKind::UnknownArgument, Some(argument)) => format!(
            "{argument}: no such option{}",
            words.suggestion(ContextKind::SuggestedArg)
        ),
        (ErrorKind::ArgumentConflict, Some(argument)) => match words.prior() {
            Some(prior) if prior == argument => format!("{argument} is given twice"),
            Some(prior) => format!("{argument} and {prior} exclude each other"),
            None => format!("{argument} does not fit here"),
        },
        (ErrorKind::ArgumentConflict, None) => words
            .one(ContextKind::InvalidSubcommand)
            .map(|word| verb_comes_first(&word).unwrap_or(format!("{word}: no such command")))
            .unwrap_or_else(|| first_line(error)),
        (ErrorKind::InvalidSubcommand, None) => format!(
            "{}: no such command{}",
            words
                .one(ContextKind::InvalidSubcommand)
                .unwrap_or_default(),
            words.suggestion(ContextKind::SuggestedSubcommand)
        ),
        (ErrorKind::MissingRequiredArgument, Some(missing)) => format!("{missing} is missing"),
        (ErrorKind::TooManyValues, Some(argument)) => {
            format!("{argument} takes no value, but was given `{value}`")
        }
        _ => first_line(error),
    }
}

/// `--watch` of `--watch <SECONDS>`.
fn without_placeholder(argument: &str) -> &str {
    argument.split_once(' ').map_or(argument, |(name, _)| name)
}

/// What to say of the first word of a filter, or a later one, that is none of its words: it may
/// be a command, or nearly one.
pub fn command_meant(word: &str, is_first: bool) -> Option<String> {
    if let Some(advice) = verb_comes_first(word) {
        return Some(advice);
    }
    let definition = definition();
    let verbs: Vec<&str> = definition
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let mut words: Vec<&str> = filter::words().collect();
    words.extend(&verbs);
    let nearest = nearest_word(word, words)?;
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

/// clap's own first line, without its prefix: for kinds that cannot occur with our definition.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// What clap knows about an error.
struct Words<'a>(&'a clap::Error);

impl Words<'_> {
    fn all(&self, kind: ContextKind) -> Vec<String> {
        match self.0.get(kind) {
            Some(ContextValue::String(word)) => vec![word.clone()],
            Some(ContextValue::Strings(words)) => words.clone(),
            _ => Vec::new(),
        }
    }

    fn one(&self, kind: ContextKind) -> Option<String> {
        let words = self.all(kind);
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn prior(&self) -> Option<String> {
        self.one(ContextKind::PriorArg)
    }

    fn allowed(&self) -> String {
        match self.one(ContextKind::ValidValue) {
            Some(allowed) => format!("; allowed are {allowed}"),
            None => String::new(),
        }
    }

    fn suggestion(&self, kind: ContextKind) -> String {
        match self.all(kind).first() {
            Some(suggestion) => format!("; did you mean {suggestion}?"),
            None => String::new(),
        }
    }
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
