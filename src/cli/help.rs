//! `help [TOPIC]`: about the program, a command, filters or a state.
//!
//! Never reached without arguments: the definition is large.

use super::definition;
use super::state_help::explanation;
use crate::model::{State, StateSet, nearest_word};

/// The text about filters.
const FILTER: &str = "\
A filter selects sockets, in the expression language of ss(8): tests joined by and, or, not and
parentheses. Tests side by side are joined by and. Quote what the shell would read: ( ) < > *.

  :443    :80,8000-8010    10.0.0.0/8    close-wait    tests by themselves
  sport = :443    dport != :22    port < :1024         ports: local, remote, either
  src 10.1.2.3    dst 2001:db8::/32    host = NAME     addresses: local, remote, either
  process = nginx    user = www-data    uid >= 1000    owners and other fields
  state = established    family = inet6                states and families

Next:
  tcpstates --explain :443 and not dst 10.0.0.0/8

All words and values: tcpstates-filter(7).
";

/// The text about a topic, or about the program.
///
/// # Errors
/// What is wrong with the topic.
pub fn help(topic: Option<&str>) -> Result<String, String> {
    match topic {
        None => Ok(definition().render_long_help().to_string()),
        Some(topic) => about(topic).ok_or_else(|| unknown(topic)),
    }
}

/// The text about a command, about filters, or about a state in any spelling; `None` for other words.
pub(super) fn about(topic: &str) -> Option<String> {
    if topic == "filter" {
        return Some(FILTER.to_owned());
    }
    if let Some(state) = State::parse(topic) {
        return Some(format!("{state}\n{}", explanation(state)?));
    }
    let definition = definition();
    definition.find_subcommand(topic)?;
    let help = definition.try_get_matches_from(["tcpstates", topic, "--help"]);
    Some(help.err()?.render().to_string())
}

/// Commands, filters and states.
pub(super) fn topics() -> Vec<String> {
    let definition = definition();
    let commands = definition.get_subcommands();
    let commands = commands.map(|command| command.get_name().to_owned());
    let states = State::words();
    commands
        .chain(["filter".to_owned()])
        .chain(states)
        .collect()
}

fn unknown(topic: &str) -> String {
    let topics = topics();
    if let Some(states) = StateSet::parse_word(topic) {
        let states: Vec<String> = states.iter().map(State::word).collect();
        return format!(
            "help: {topic} is a group of states: {} (try 'tcpstates help {}')",
            states.join(", "),
            states.first().map_or("all", String::as_str)
        );
    }
    let meant = match nearest_word(topic, topics.iter().map(String::as_str)) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => String::new(),
    };
    format!("help: no such command or state `{topic}`{meant} (try 'tcpstates help')")
}
