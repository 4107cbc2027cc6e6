//! The rooms of `src/` import downward only, and kernel crates stay where they belong.
//!
//! Reads the sources as text: `use crate::room` and `crate::room::` name a room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom, from the top down; rooms in one line do not know each other.
const LAYERS: [&[&str]; 6] = [
    &["command"],
    &[
        "cli", "output", "live", "diagnose", "tally", "judge", "owner", "source",
    ],
    &["question"],
    &["filter"],
    &["model"],
    &[],
];

/// Crates that speak to the kernel about sockets, and the rooms that may.
const KERNEL_CRATES: [&str; 5] = [
    "netlink_sys",
    "netlink_packet_core",
    "netlink_packet_sock_diag",
    "procfs",
    "procfs_core",
];
const KERNEL_ROOMS: [&str; 2] = ["source", "owner"];

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
                let room = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                found.push((room, path, text));
            }
        }
    }
    found
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms a source names, comments left out.
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
    for (room, path, text) in sources() {
        if room == "lib" || room == "main" {
            continue;
        }
        let hidden = text.contains("super::super");
        assert!(!hidden, "{} hides what it imports", path.display());
        let own = layer(&room).unwrap_or_else(|| panic!("{} is in no room", path.display()));
        for import in imports(&text).iter().filter(|import| **import != room) {
            let below = layer(import).is_some_and(|layer| layer > own);
            assert!(
                below,
                "{} imports {import}, which is not below",
                path.display()
            );
            seen.insert((room.clone(), import.clone()));
        }
    }
    let known = ("command".to_owned(), "source".to_owned());
    assert!(seen.contains(&known), "the reading of imports is broken");
}

#[test]
fn kernel_crates_are_used_only_in_their_modules() {
    let mut named = 0;
    for (room, path, text) in sources() {
        for kernel in KERNEL_CRATES
            .iter()
            .filter(|kernel| text.contains(**kernel))
        {
            let allowed = KERNEL_ROOMS.contains(&room.as_str());
            assert!(allowed, "{} names {kernel}", path.display());
            named += 1;
        }
    }
    assert!(named > 0, "the reading of crates is broken");
}

#[test]
fn every_file_starts_with_a_doc_comment_and_has_at_most_400_lines() {
    for (_, path, text) in sources() {
        assert!(text.starts_with("//! "), "{}", path.display());
        assert!(text.lines().count() <= 400, "{}", path.display());
    }
}
