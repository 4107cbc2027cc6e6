//! `--watch`: samples at the given interval, with changes, each written when it is taken.

use crate::answer::Answer;
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::wait::wait_for;
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
    // A timer that drifts by the duration of a sample, at least a millisecond, spreads the samples
    // evenly over the interval; one that does not keeps to a few milliseconds of it, from which a
    // busy machine delays some samples.
    wait_for("samples at the same point of the interval", || {
        let ran = run(["--watch=0.05", "--samples=41", "--json"]).succeeded();
        let samples = Answer::all(&ran);
        assert_eq!(samples.len(), 41);
        let phases: Vec<_> = samples
            .iter()
            .map(|answer| milliseconds_of_the_minute(&answer.time) % 50)
            .collect();
        let is_near = |phase: i64, point: i64| (phase - point).rem_euclid(50) <= 5;
        let most = (0..50)
            .map(|point| {
                phases
                    .iter()
                    .filter(|phase| is_near(**phase, point))
                    .count()
            })
            .max();
        (most > Some(phases.len() / 3)).then_some(())
    });
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
        let mut watch = command(["--watch=0.05"]).start().unwrap();
        let mut next = || watch.next_line().unwrap();

        assert!(next().ends_with('Z'), "the first line is the time");
        assert_eq!(words(&next()), ["STATE", "SOCKETS", "CHANGE"]);
        assert_eq!(words(&next()), ["TOTAL", "0", "-"]);

        let extra = listeners::dual_stack(3);
        wait_for_words(&mut next, &["LISTEN", "3", "+3"]);
        wait_for_words(&mut next, &["LISTEN", "3", "0"]);
        drop(extra);
        wait_for_words(&mut next, &["LISTEN", "0", "-3"]);
        wait_for_words(&mut next, &["TOTAL", "0", "0"]);
    }
);

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Reads lines until one has these words.
fn wait_for_words(next: &mut impl FnMut() -> String, expected: &[&str]) {
    wait_for(&format!("{expected:?}"), || {
        (words(&next()) == expected).then_some(())
    });
}
