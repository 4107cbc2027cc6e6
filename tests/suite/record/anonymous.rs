//! `record --every --anonymize`: other addresses and names in samples too, the same as in the moments.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Folder, end, full_queue};
use crate::child::{Running, run_tool};
use crate::namespace::in_namespace;

fn recording(folder: &Folder) -> Running {
    folder.sample("a.rec", &["--anonymize"])
}

/// What `pick` finds in the lines of each run, which begins with a line `record`.
fn in_runs(folder: &Folder, pick: impl Fn(&Value) -> Vec<String>) -> Vec<BTreeSet<String>> {
    let text = run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
    let mut runs: Vec<BTreeSet<String>> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["type"] == "record" {
            assert_eq!(line["anonymized"], true, "{line}");
            runs.push(BTreeSet::new());
        }
        runs.last_mut().unwrap().extend(pick(&line));
    }
    runs
}

/// The keys of the groups by this field.
fn keys(line: &Value, by: &str) -> Vec<String> {
    let is_meant = line["type"] == "groups" && line["by"] == by;
    let groups = line["groups"].as_array().filter(|_| is_meant);
    let keys = groups.into_iter().flatten().map(|group| &group["key"]);
    keys.filter_map(|key| key.as_str().map(str::to_owned))
        .collect()
}

in_namespace!(
    fn samples_and_moments_of_a_run_have_the_same_other_addresses_and_names() {
        crate::syscall::add_address("lo", "10.77.0.1".parse().unwrap()).unwrap();
        let _queue = full_queue("10.77.0.1:0");
        let folder = Folder::new();
        let mut first = recording(&folder);
        first.wait_for_stderr("recorded all sockets: accept-queue: ");
        end(first);
        end(recording(&folder));
        let text = run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        for hidden in ["10.77.", &format!("\"{}\"", name.trim())] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        let peers = in_runs(&folder, |line| keys(line, "remote-addr"));
        let processes = in_runs(&folder, |line| keys(line, "process"));
        let text_of = |line: &Value, of: &str, key: &str| {
            let own = line[key].as_str().filter(|_| line["type"] == of);
            own.map(str::to_owned).into_iter().collect::<Vec<_>>()
        };
        let sockets = in_runs(&folder, |line| text_of(line, "socket", "remote_addr"));
        let holders = in_runs(&folder, |line| text_of(line, "process", "name"));
        assert_eq!((peers.len(), peers[0].len(), peers[1].len()), (2, 1, 1));
        assert!(peers[0].is_subset(&sockets[0]), "{peers:?} {sockets:?}");
        assert!(
            processes[0].is_subset(&holders[0]),
            "{processes:?} {holders:?}"
        );
        assert!(!processes[0].is_empty());
        // The key of a run is not in the file, so that the next one has another.
        assert_ne!(peers[0], peers[1]);
        folder.refused(
            &["record", "a.rec", "--every", "1"],
            "recorded with --anonymize, and cannot be continued without it",
        );
        let plain = ["record", "b.rec", "--every", "0.1", "--samples", "1"];
        assert_eq!(folder.run(&plain).status, 0);
        folder.refused(
            &[&plain[..], &["--anonymize"]].concat(),
            "recorded without --anonymize, and cannot be continued with it",
        );
    }
);
