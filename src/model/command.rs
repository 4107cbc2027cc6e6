//! Commands that findings suggest, as they are typed into a shell.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use super::{Kind, Where};

/// A command that shows the sockets of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    verb: Option<&'static str>,
    /// Its words before the filter, unquoted.
    words: Vec<String>,
    filter: Option<String>,
}

impl Command {
    /// `tcpstates list` with these options, none of which contains a blank.
    pub fn list(options: &str) -> Command {
        Command {
            verb: Some("list"),
            ..Command::count(options)
        }
    }

    /// `tcpstates` with these options, none of which contains a blank.
    pub fn count(options: &str) -> Command {
        Command {
            verb: None,
            words: options.split_whitespace().map(str::to_owned).collect(),
            filter: None,
        }
    }

    /// `tcpstates trace` with these options: connections that are gone before a listing shows them.
    pub fn trace(options: &str) -> Command {
        Command {
            verb: Some("trace"),
            ..Command::count(options)
        }
    }

    /// Whether it is one of [`Command::trace`].
    pub fn is_trace(&self) -> bool {
        self.verb == Some("trace")
    }

    /// Of the sockets that pass this filter, too.
    #[must_use]
    pub fn of(mut self, test: impl Into<String>) -> Command {
        let filter = self.filter.map(|filter| format!("{filter} and "));
        self.filter = Some(filter.unwrap_or_default() + &test.into());
        self
    }

    /// The same for sockets of this kind.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Command {
        if kind != Kind::Tcp {
            let words = ["--kind", kind.name()].map(str::to_owned);
            self.words.splice(..0, words);
        }
        self
    }

    /// Of the sockets that a typed filter in parentheses selects, too, unless it is one of its own tests.
    #[must_use]
    pub fn within(self, typed: &str) -> Command {
        // `sport = :80` and `sport = 80` are the same.
        let plain = |test: &str| test.trim_matches(['(', ')']).replace(" :", " ");
        let own = self.filter.iter().flat_map(|own| own.split(" and "));
        let is_own = own.map(plain).any(|test| test == plain(typed));
        if is_own { self } else { self.of(typed) }
    }

    /// The same for the sockets of this place.
    #[must_use]
    pub fn at(mut self, place: &Where) -> Command {
        self.words.splice(..0, place.options());
        self
    }

    /// Its words before the filter, unquoted, from the name of the program on.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let begin = std::iter::once("tcpstates").chain(self.verb);
        begin.chain(self.words.iter().map(String::as_str))
    }

    /// The sockets that it selects, as a filter alone: its states are in it too.
    pub fn selection(&self) -> String {
        let words = self.words.iter().map(String::as_str);
        let states = words.clone().zip(words.clone().skip(1));
        let states = states.filter(|(option, _)| *option == "--state");
        let states = states.flat_map(|(_, states)| states.split(','));
        let listening = words.filter(|word| *word == "-l").map(|_| "listen");
        let tests: Vec<String> = states
            .chain(listening)
            .map(|state| format!("state {state}"))
            .collect();
        let states = (!tests.is_empty()).then(|| format!("({})", tests.join(" or ")));
        let parts: Vec<String> = states.into_iter().chain(self.filter.clone()).collect();
        parts.join(" and ")
    }

    /// The filter, unquoted: one word, in which blanks may be replaced by line ends.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }
}

impl fmt::Display for Command {
    /// As it is typed into a POSIX shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self
            .words()
            .chain(self.filter())
            .map(shell_quoted)
            .collect();
        f.write_str(&words.join(" "))
    }
}

/// A word as a POSIX shell reads it: in single quotes where it has other characters than those that
/// have no meaning to a shell.
pub fn shell_quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', "'\\''")).into()
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Namespace, NamespaceList};

    #[test]
    fn the_selection_of_a_command_is_a_filter_with_its_states() {
        let established = Command::list("-p --state established,close-wait --limit 20");
        for (command, selection) in [
            (
                established.of("sport = 80"),
                "(state established or state close-wait) and sport = 80",
            ),
            (Command::list("-l --columns drops"), "(state listen)"),
            (Command::count("--by remote-addr"), ""),
        ] {
            assert_eq!(command.selection(), selection);
        }
    }

    #[test]
    fn a_typed_filter_is_added_once() {
        let command = |typed| {
            let own = Command::list("-p").of("send-queue > 0").of("sport = 80");
            own.within(typed).filter().unwrap().to_owned()
        };
        let own = "send-queue > 0 and sport = 80";
        for typed in ["(sport = 80)", "(sport = :80)", "(send-queue > 0)"] {
            assert_eq!(command(typed), own);
        }
        for typed in ["(sport = 81)", "(sport = 80 or dport = 80)"] {
            assert_eq!(command(typed), format!("{own} and {typed}"));
        }
    }

    #[test]
    fn a_command_about_another_namespace_selects_it() {
        let namespace = Namespace {
            word: "a b".to_owned(),
            file: "/run/netns/a b".into(),
            identity: (4, 4_026_532_272),
            proc_root: None,
        };
        let one = Command::list("-p").at(&Where::Netns(Arc::new(namespace)));
        assert_eq!(one.to_string(), "tcpstates list --netns 'a b' -p");
        let words = NamespaceList::new(["blue", "red"].map(str::to_owned).to_vec(), None);
        let several = Command::list("-p").at(&Where::Several(Arc::new(words)));
        assert_eq!(several.to_string(), "tcpstates list --netns blue,red -p");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_something_else() {
        for (word, quoted) in [
            ("--proc-root", "--proc-root"),
            ("/mnt/copy of proc", "'/mnt/copy of proc'"),
            ("dst [::1]:80", "'dst [::1]:80'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
            ("", "''"),
        ] {
            assert_eq!(shell_quoted(word), quoted);
        }
    }
}
