//! The rules of `doctor`: each file of a rule is in the array of rules, and in the manual.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tcpstates::diagnose::RULES;

/// The pages about rules, in their order.
const PAGES: [&str; 2] = [
    include_str!("../../../man/tcpstates-rules.7"),
    include_str!("../../../man/tcpstates-rules-kinds.7"),
];

/// Each file or folder in the folder of rules, and the text of its first file.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose/rules");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_beside_a_file = path.is_dir() && path.with_extension("rs").exists();
        if name == "mod" || is_beside_a_file {
            continue;
        }
        let first = match path.is_dir() {
            true => path.join("mod.rs"),
            false => path,
        };
        found.push((name, fs::read_to_string(first).unwrap()));
    }
    found
}

#[test]
fn every_file_of_a_rule_is_in_the_array_of_rules() {
    let ids = files().into_iter().map(|(name, text)| {
        let (_, rest) = text
            .split_once("const ID: &'static str = \"")
            .unwrap_or_else(|| panic!("{name} has no rule"));
        let (id, _) = rest.split_once('"').unwrap();
        assert_eq!(id.replace('-', "_"), name);
        id.to_owned()
    });
    let ids: BTreeSet<String> = ids.collect();
    let listed: BTreeSet<String> = RULES.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(ids, listed);
    assert_eq!(ids.len(), RULES.len());
}

#[test]
fn the_manual_documents_the_rules_in_their_order() {
    let items = PAGES.iter().flat_map(|page| {
        let (_, section) = page.split_once("\n.Sh DESCRIPTION\n").unwrap();
        let (section, _) = section.split_once("\n.Sh ").unwrap();
        let lines = section.lines();
        lines.filter_map(|line| line.strip_prefix(".It Ql "))
    });
    assert_eq!(items.collect::<Vec<_>>(), RULES);
}

/// Rules whose findings need more time than a test has.
const NEVER_PLAYED: [&str; 1] = ["silent"];

#[test]
fn the_commands_of_every_rule_are_run_by_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/doctor");
    let files = fs::read_dir(folder).unwrap();
    let texts: Vec<String> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .filter(|text| text.contains("assert_commands_run(") || text.contains("_show_sockets("))
        .collect();
    for id in RULES.iter().filter(|id| !NEVER_PLAYED.contains(id)) {
        let quoted = format!("\"{id}\"");
        assert!(texts.iter().any(|text| text.contains(&quoted)), "{id}");
    }
}
