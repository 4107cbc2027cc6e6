//! man/tcpstates.1 and the program have the same options, commands, group keys, columns and live keys;
//! mandoc finds no fault.

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

/// The program's command line, with that of every command.
fn definition() -> clap::Command {
    let mut definition = tcpstates::cli::definition();
    definition.build();
    definition
}

/// The options of the program and its commands.
fn known() -> BTreeSet<String> {
    commands(&definition())
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
    let definition = definition();
    for command in tcpstates::cli::definition().get_subcommands() {
        let item = format!(".It Cm {}", command.get_name());
        assert!(MANUAL.contains(&item), "{item}");
    }
    let lines = MANUAL.lines().filter(|line| line.contains("Cm "));
    let words: BTreeSet<&str> = lines.flat_map(str::split_whitespace).collect();
    for command in commands(&definition) {
        for argument in command.get_arguments() {
            for value in values(command, argument.get_id().as_str()) {
                let state = value.to_uppercase().replace('-', "_");
                let is_named = words.contains(&*value) || MANUAL.contains(&state);
                assert!(is_named, "{value} of {}", argument.get_id());
            }
        }
    }
}

/// The possible values of an option.
fn values(command: &clap::Command, id: &str) -> BTreeSet<String> {
    let mut arguments = command.get_arguments();
    let argument = arguments.find(|argument| argument.get_id() == id).unwrap();
    let values = match argument.get_action().takes_values() {
        true => argument.get_possible_values(),
        false => Vec::new(),
    };
    let names = values.iter().map(|value| value.get_name().to_owned());
    names.collect()
}

/// The words of the items between two texts of the manual (`.It Cm up , down`).
fn items(from: &str, to: &str) -> BTreeSet<String> {
    let (_, section) = MANUAL.split_once(from).unwrap();
    let (section, _) = section.split_once(to).unwrap();
    let items = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It Cm "));
    let words = items.flat_map(|item| item.split(" , "));
    words
        .map(|word| word.trim_start_matches("\\&").to_owned())
        .collect()
}

#[test]
fn the_manual_and_the_program_have_the_same_group_keys_and_columns() {
    let definition = definition();
    let keys = items(".It Fl -by Ar keys\n", "\n.El\n");
    assert_eq!(keys, values(&definition, "by"));
    let list = definition.find_subcommand("list").unwrap();
    let mut columns = items(".It Fl -columns Ar list\n", "\n.El\n");
    columns.append(&mut items(".Ss Measures\n", "\n.El\n"));
    assert_eq!(columns, values(list, "columns"));
}

#[test]
fn the_manual_names_the_rules_that_the_live_view_applies() {
    let (_, section) = MANUAL.split_once(".Vt tcp_info :\n.Ql ").unwrap();
    let (line, _) = section.split_once(" .\n").unwrap();
    let named: BTreeSet<&str> = line.split(" , ").collect();
    let rules = tcpstates::diagnose::RULES.iter().copied();
    let known: BTreeSet<&str> = rules
        .filter(|id| tcpstates::diagnose::is_live(id))
        .collect();
    assert_eq!(named, known);
}

#[test]
fn the_manual_defines_every_quantity_of_check_with_its_scope() {
    let (_, section) = MANUAL.split_once(".Ss Other quantities\n").unwrap();
    let (section, _) = section.split_once("\n.El\n").unwrap();
    let items = section.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix(".It Cm ")?.split_once(" Ns = Ns Ar n")?;
        Some(name)
    });
    let known = tcpstates::model::Quantity::ALL.iter();
    let known: Vec<&str> = known.map(|quantity| quantity.name()).collect();
    assert_eq!(items.collect::<Vec<_>>(), known);
    // The send queue has that of the receive queue.
    assert_eq!(section.matches("Scope: ").count(), known.len() - 1);
}

#[test]
fn the_manual_names_every_state() {
    for state in tcpstates::model::State::named() {
        assert!(MANUAL.contains(&state.to_string()), "{state}");
    }
}

#[test]
fn the_manual_and_the_live_view_list_the_same_keys() {
    let documented = items(".Sh LIVE VIEW", "\n.Sh ");
    let known = tcpstates::output::screen::KEYS.iter();
    let known = known.flat_map(|(keys, _)| keys.split(", ").map(str::to_owned));
    // Other names of the same keys, for which the help has no space.
    let also = ["Home", "End", "PageUp", "PageDown", "left", "right", "tab"];
    let also = BTreeSet::from(also.map(str::to_owned));
    assert_eq!(&documented - &also, known.collect());
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
