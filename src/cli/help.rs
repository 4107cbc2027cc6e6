//! `help [TOPIC]`: about the program, a command or a state.
//!
//! Never reached without arguments: the definition is large.

use super::definition;
use super::state_help::explanation;
use crate::model::{State, StateSet, nearest_word};

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

/// The text about a command, or about a state in any spelling; `None` for other words.
pub(super) fn about(topic: &str) -> Option<String> {
    if let Some(state) = State::parse(topic) {
        return Some(format!("{state}\n{}", explanation(state)?));
    }
    let definition = definition();
    definition.find_subcommand(topic)?;
    let help = definition.try_get_matches_from(["tcpstates", topic, "--help"]);
    Some(help.err()?.render().to_string())
}

/// Commands and states.
pub(super) fn topics() -> Vec<String> {
    let definition = definition();
    let commands = definition.get_subcommands();
    let commands = commands.map(|command| command.get_name().to_owned());
    commands.chain(State::named().map(State::word)).collect()
}

fn unknown(topic: &str) -> String {
    let topics = topics();
    if let Some(states) = StateSet::parse_word(topic) {
        let states: Vec<String> = states.iter().map(State::word).collect();
        return format!(
            "help: {topic} is a group of states: {} (try 'tcpstates help STATE')",
            states.join(", ")
        );
    }
    let meant = match nearest_word(topic, topics.iter().map(String::as_str)) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => String::new(),
    };
    format!("help: no such command or state `{topic}`{meant} (try 'tcpstates help')")
}
