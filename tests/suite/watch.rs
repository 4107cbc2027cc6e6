//! `--watch`: samples that keep to the clock, show what changed, and arrive one by one.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::zoo::special::listeners;

#[test]
fn every_json_sample_is_one_line() {
    let ran = run(["--watch=0.05", "--samples=4", "--json"]).succeeded();
    let samples = Answer::all(&ran);
    assert_eq!(samples.len(), 4);
    assert!(samples.is_sorted_by(|a, b| a.time < b.time), "{samples:?}");
}

#[test]
fn samples_keep_to_the_interval_without_drift() {
    let ran = run(["--watch=0.05", "--samples=41", "--json"]).succeeded();
    let stamps: Vec<i64> = Answer::all(&ran)
        .iter()
        .map(|answer| milliseconds_of_the_minute(&answer.time))
        .collect();
    // How late each sample is on the grid of the first. A busy machine makes some late; a clock
    // that drifts by what a sample takes, a millisecond at least, makes half of them later and
    // later.
    let mut late: Vec<_> = stamps
        .iter()
        .map(|stamp| (stamp - stamps[0]).rem_euclid(60_000) % 50)
        .map(|late| if late > 45 { 0 } else { late })
        .collect();
    late.sort_unstable();
    assert!(late[late.len() / 2] <= 5, "{late:?}");
}

/// `23123` of `2026-11-23T15:53:23.123Z`.
fn milliseconds_of_the_minute(stamp: &str) -> i64 {
    let seconds = stamp.rsplit_once(':').unwrap().1.trim_end_matches('Z');
    seconds.replace('.', "").parse().unwrap()
}

#[test]
fn the_worst_sample_sets_the_exit_status() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("net")).unwrap();
    std::fs::write(
        root.path().join("net/tcp"),
        "  sl  local_address\n0: broken\n",
    )
    .unwrap();
    let root = root.path().to_str().unwrap();
    let ran = run(["--watch=0.05", "--samples=3", "--json", "--proc-root", root]);
    assert_eq!(ran.status, 3, "{ran:?}");
    assert_eq!(Answer::all(&ran).len(), 3);
    assert!(Answer::all(&ran).iter().all(|answer| !answer.complete));
}

in_namespace!(
    fn a_sample_is_flushed_immediately_and_shows_the_change() {
        let mut child = command(["--watch=0.05"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = move || lines.next().unwrap().unwrap();

        assert!(next().ends_with('Z'), "a time comes first");
        assert_eq!(words(&next()), ["STATE", "SOCKETS", "CHANGE"]);
        assert_eq!(words(&next()), ["TOTAL", "0", "-"]);

        let extra = listeners::dual_stack(3);
        wait_for(&mut next, &["LISTEN", "3", "+3"]);
        wait_for(&mut next, &["LISTEN", "3", "0"]);
        drop(extra);
        wait_for(&mut next, &["LISTEN", "0", "-3"]);
        wait_for(&mut next, &["TOTAL", "0", "0"]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
);

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Reads lines until one has these words; the runner's deadline ends a wait in vain.
fn wait_for(next: &mut impl FnMut() -> String, expected: &[&str]) {
    while words(&next()) != expected {}
}
