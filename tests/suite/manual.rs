//! man/tcpstates.1 and the program have the same options, commands and keys; mandoc finds no fault.

use std::collections::BTreeSet;

use crate::child::{Start, command};
use crate::skip::{may_skip, skip_or_fail};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/tcpstates.1");
const MANUAL: &str = include_str!("../../man/tcpstates.1");

/// The options in the items of the OPTIONS and COMMANDS sections (`.It Fl 4 , -ipv4`).
fn documented() -> BTreeSet<String> {
    MANUAL
        .lines()
        .filter_map(|line| line.strip_prefix(".It Fl "))
        .flat_map(|item| item.split(" , "))
        .map(|flag| {
            let name = flag.trim_start_matches("Fl ").split_whitespace().next();
            format!("-{}", name.unwrap())
        })
        .collect()
}

/// The program and its commands.
fn commands(definition: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    std::iter::once(definition).chain(definition.get_subcommands())
}

/// The options of the program and its commands.
fn known() -> BTreeSet<String> {
    let mut definition = tcpstates::cli::definition();
    definition.build();
    commands(&definition)
        .flat_map(|command| command.get_arguments())
        .flat_map(|argument| {
            let short = argument.get_short().map(|short| format!("-{short}"));
            let long = argument.get_long().map(|long| format!("--{long}"));
            short.into_iter().chain(long)
        })
        .collect()
}

#[test]
fn the_manual_and_the_program_have_the_same_options() {
    assert_eq!(documented(), known());
}

#[test]
fn the_manual_names_every_command_and_every_value() {
    let definition = tcpstates::cli::definition();
    for command in definition.get_subcommands() {
        let item = format!(".It Cm {}", command.get_name());
        assert!(MANUAL.contains(&item), "{item}");
    }
    let takes_values = |argument: &&clap::Arg| argument.get_action().takes_values();
    for argument in definition.get_arguments().filter(takes_values) {
        for value in argument.get_possible_values() {
            let (name, of) = (value.get_name(), argument.get_id());
            let item = format!("Cm {name}");
            assert!(MANUAL.contains(&item), "{name} of {of}");
        }
    }
}

#[test]
fn the_manual_names_every_state() {
    for state in tcpstates::model::State::named() {
        assert!(MANUAL.contains(&state.to_string()), "{state}");
    }
}

#[test]
fn the_manual_and_the_live_view_list_the_same_keys() {
    let (_, section) = MANUAL.split_once(".Sh LIVE VIEW").unwrap();
    let (section, _) = section.split_once("\n.Sh ").unwrap();
    let items = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It Cm "));
    let documented: BTreeSet<_> = items
        .flat_map(|item| item.split(" , "))
        .map(|key| key.trim_start_matches("\\&"))
        .collect();
    let known: BTreeSet<_> = tcpstates::output::screen::KEYS
        .iter()
        .flat_map(|(keys, _)| keys.split(", "))
        .collect();
    // Other names of the same keys, for which the help has no space.
    let also = ["Home", "End", "PageUp", "PageDown", "left", "right", "tab"];
    assert_eq!(&documented - &BTreeSet::from(also), known);
}

may_skip!(
    fn mandoc_reports_no_warnings() {
        let output = command("mandoc")
            .args(["-T", "lint", "-W", "warning", PATH])
            .run_to_end()
            .unwrap_or_else(|error| skip_or_fail("mandoc", &error));
        let warnings = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && warnings.is_empty(), "{warnings}");
    }
);
