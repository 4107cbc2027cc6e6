//! `--watch`: samples that keep to the clock, show what changed, and arrive one by one.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::zoo::odd::listeners;

#[test]
fn every_json_sample_is_one_whole_line() {
    let ran = run(["--watch=0.05", "--samples=4", "--json"]).answered();
    let samples = Answer::all(&ran);
    assert_eq!(samples.len(), 4);
    assert!(samples.is_sorted_by(|a, b| a.time < b.time), "{samples:?}");
}

#[test]
fn samples_keep_to_the_clock() {
    let begin = Instant::now();
    run(["--watch=0.1", "--samples=6", "--json"]).answered();
    // Five intervals between six samples, however long each took. Only the lower bound is the
    // program's promise; the machine may always be late.
    assert!(begin.elapsed() >= Duration::from_millis(500));
}

in_namespace!(
    fn a_sample_is_flushed_at_once_and_shows_the_change_since_the_last() {
        let mut child = command(["--watch=0.05"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = move || lines.next().unwrap().unwrap();

        assert!(next().ends_with('Z'), "a time comes first");
        assert_eq!(words(&next()), ["STATE", "SOCKETS", "CHANGE"]);
        assert_eq!(words(&next()), ["TOTAL", "0", "-"]);

        let guests = listeners::dual_stack(3);
        wait_for(&mut next, &["LISTEN", "3", "+3"]);
        wait_for(&mut next, &["LISTEN", "3", "0"]);
        drop(guests);
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
