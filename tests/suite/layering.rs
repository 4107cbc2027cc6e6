//! The top-level modules of `src/` import downward only, and kernel crates are used in few of them.
//!
//! Reads the sources as text: `crate::NAME` names a module.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of modules, from the top down: a module imports lower layers only, so those of one
/// layer do not import each other.
const LAYERS: [&[&str]; 7] = [
    &["command"],
    &[
        "cli", "output", "http", "live", "diagnose", "tally", "judge", "life", "owner", "source",
    ],
    &["netns"],
    &["question", "proc_root"],
    &["filter", "record"],
    &["model"],
    &[],
];

/// Crates for the kernel's socket interfaces, and the modules that may use them.
const KERNEL_CRATES: [&str; 5] = [
    "netlink_sys",
    "netlink_packet_core",
    "netlink_packet_sock_diag",
    "procfs",
    "procfs_core",
];
const KERNEL_MODULES: [&str; 2] = ["source", "owner"];

/// Every source file with its top-level module, its path and its text.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let first = inside.components().next().unwrap().as_os_str();
                let module = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                found.push((module, path, text));
            }
        }
    }
    found
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The modules named in a source text, except in comments.
fn imports(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .collect()
}

#[test]
fn modules_import_downward_only() {
    let mut seen = BTreeSet::new();
    for (module, path, text) in sources() {
        if matches!(&*module, "lib" | "main" | "memory") {
            continue;
        }
        let hidden = text.contains("super::super");
        assert!(
            !hidden,
            "{}: `super::super` hides an import",
            path.display()
        );
        let own = layer(&module)
            .unwrap_or_else(|| panic!("{}: no layer has this module", path.display()));
        for import in imports(&text).iter().filter(|import| **import != module) {
            let below = layer(import).is_some_and(|layer| layer > own);
            assert!(
                below,
                "{} imports {import}, which is not in a lower layer",
                path.display()
            );
            seen.insert((module.clone(), import.clone()));
        }
    }
    let known = ("command".to_owned(), "source".to_owned());
    assert!(seen.contains(&known), "no import was found");
}

#[test]
fn kernel_crates_are_used_only_in_their_modules() {
    let mut found = 0;
    for (module, path, text) in sources() {
        for kernel in KERNEL_CRATES
            .iter()
            .filter(|kernel| text.contains(**kernel))
        {
            let allowed = KERNEL_MODULES.contains(&module.as_str());
            assert!(allowed, "{} uses {kernel}", path.display());
            found += 1;
        }
    }
    assert!(found > 0, "no kernel crate was found");
}

#[test]
fn every_file_starts_with_a_doc_comment_and_has_at_most_400_lines() {
    for (_, path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{}: no doc comment",
            path.display()
        );
        let lines = text.lines().count();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
    }
}
