//! The pages in man/ and the program have the same options, commands, group keys, columns and live
//! keys; mandoc finds no fault, and no page is long.

use std::collections::BTreeSet;

use crate::child::{Start, command};
use crate::skip::{may_skip, skip_or_fail};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man");

/// Each page has the command, or what it is about, in its name.
macro_rules! page {
    ($name:literal) => {
        include_str!(concat!("../../man/tcpstates", $name))
    };
}

/// The options, the groups and what all commands have in common.
const MAIN: &str = page!(".1");
const LIST: &str = page!("-list.1");
const CHECK: &str = page!("-check.1");
const WATCH: &str = page!("-watch.1");
const SERVE: &str = page!("-serve.1");

/// All pages.
const MANUAL: &str = concat!(
    page!(".1"),
    page!("-check.1"),
    page!("-doctor.1"),
    page!("-list.1"),
    page!("-record.1"),
    page!("-serve.1"),
    page!("-trace.1"),
    page!("-watch.1"),
    page!("-output.5"),
    page!("-filter.7"),
    page!("-kinds.7"),
    page!("-rules.7"),
    page!("-rules-kinds.7"),
    page!("-sources.7"),
);

/// Rows of a page at 80 columns.
const LONGEST: usize = 600;

/// The options in the items of all pages (`.It Fl 4 , -ipv4`).
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

/// The words of the items between two texts of a page (`.It Cm up , down`).
fn items(page: &str, from: &str, to: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once(from).unwrap();
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
    let keys = items(MAIN, ".It Fl -by Ar keys\n", "\n.El\n");
    assert_eq!(keys, values(&definition, "by"));
    let list = definition.find_subcommand("list").unwrap();
    let mut columns = items(LIST, ".It Fl -columns Ar list\n", "\n.El\n");
    columns.append(&mut items(LIST, ".Ss Measures\n", "\n.El\n"));
    assert_eq!(columns, values(list, "columns"));
}

#[test]
fn the_manual_names_the_rules_that_the_live_view_applies() {
    let (_, section) = WATCH.split_once(".Vt tcp_info :\n.Ql ").unwrap();
    let (line, _) = section.split_once(" .\n").unwrap();
    let named: BTreeSet<&str> = line.split(" ,\n.Ql ").collect();
    let rules = tcpstates::diagnose::RULES.iter().copied();
    let known: BTreeSet<&str> = rules
        .filter(|id| tcpstates::diagnose::is_live(id))
        .collect();
    assert_eq!(named, known);
}

#[test]
fn the_manual_defines_every_quantity_of_check_with_its_scope() {
    let (_, section) = CHECK.split_once(".Ss Other quantities\n").unwrap();
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
fn the_manual_and_the_page_have_the_same_families_with_the_same_labels_and_types() {
    let (_, section) = SERVE.split_once("\n.Sh METRICS\n").unwrap();
    let (section, _) = section.split_once("\n.Sh ").unwrap();
    let items = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It Li "));
    let documented: Vec<&str> = items.collect();
    let known = tcpstates::model::page::Family::ALL.iter().map(|family| {
        let family = family.definition();
        let shape = match family.shape {
            tcpstates::model::page::Shape::Gauge => "gauge",
            tcpstates::model::page::Shape::Counter => "counter",
            tcpstates::model::page::Shape::Info => "info",
        };
        match family.labels {
            [] => format!("{} Pq {shape}", family.name),
            labels => format!("{} Pq {shape} : {}", family.name, labels.join(" , ")),
        }
    });
    assert_eq!(documented, known.collect::<Vec<_>>());
}

#[test]
fn the_manual_names_every_state() {
    for state in tcpstates::model::State::named() {
        assert!(MAIN.contains(&state.to_string()), "{state}");
    }
}

#[test]
fn the_manual_and_the_live_view_list_the_same_keys() {
    let documented = items(WATCH, ".Sh DESCRIPTION", "\n.Sh ");
    let known = tcpstates::output::screen::KEYS.iter();
    let known = known.flat_map(|(keys, _)| keys.split(", ").map(str::to_owned));
    // Other names of the same keys, for which the help has no space.
    let also = ["Home", "End", "PageUp", "PageDown", "left", "right"];
    let also = BTreeSet::from(also.map(str::to_owned));
    assert_eq!(&documented - &also, known.collect());
    let documented = items(WATCH, ".Sh PLAYBACK", "\n.Sh ");
    let known = tcpstates::output::screen::PLAYBACK_KEYS.iter();
    let known = known.flat_map(|(keys, _)| keys.split(", ").map(str::to_owned));
    assert_eq!(documented, known.collect());
}

/// The files of the pages, with their names: `tcpstates-list.1`.
fn files() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(FOLDER).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let file = |name: String| {
        let page = std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap();
        (name, page)
    };
    names.map(file).collect()
}

#[test]
fn each_page_is_tested_and_the_first_refers_to_it() {
    let files = files();
    let (_, see_also) = MAIN.split_once("\n.Sh SEE ALSO\n").unwrap();
    for (name, page) in &files {
        assert!(MANUAL.contains(page), "{name} is not in the manual's tests");
        let (title, section) = name.rsplit_once('.').unwrap();
        let reference = format!(".Xr {title} {section}");
        assert!(
            title == "tcpstates" || see_also.contains(&reference),
            "{name}"
        );
        let heading = format!("\n.Dt {} {section}\n", title.to_uppercase());
        assert!(page.contains(&heading), "{name}");
    }
    assert_eq!(
        files.iter().map(|(_, page)| page.len()).sum::<usize>(),
        MANUAL.len()
    );
}

#[test]
fn references_between_pages_lead_to_a_page() {
    let names: BTreeSet<String> = files().into_iter().map(|(name, _)| name).collect();
    let mut references = BTreeSet::new();
    for line in MANUAL.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        for words in words.windows(3) {
            if let [".Xr" | "Xr", page, section] = words
                && page.starts_with("tcpstates")
            {
                references.insert(format!("{page}.{section}"));
            }
        }
    }
    assert_eq!(references, names);
}

fn mandoc(arguments: &[&str], name: &str) -> String {
    let output = command("mandoc")
        .args(arguments)
        .arg(format!("{FOLDER}/{name}"))
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("mandoc", &error));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {stdout}");
    stdout
}

may_skip!(
    fn mandoc_reports_no_warnings() {
        for (name, _) in files() {
            let warnings = mandoc(&["-T", "lint", "-W", "warning"], &name);
            assert_eq!(warnings, "", "{name}");
        }
    }
);

may_skip!(
    fn no_page_is_longer_than_600_rows_of_80_columns() {
        for (name, _) in files() {
            let rows = mandoc(&["-T", "utf8", "-O", "width=80"], &name)
                .lines()
                .count();
            assert!(rows <= LONGEST, "{name}: {rows}");
        }
    }
);
