//! What a release must agree on: the version, the date, the changes.

use std::fs;
use std::path::Path;

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The version and the date of each release in CHANGELOG.md, newest first.
fn releases(changes: &str) -> impl Iterator<Item = (&str, &str)> {
    let headings = changes.lines().filter_map(|line| line.strip_prefix("## "));
    headings.filter_map(|heading| heading.split_once(" - "))
}

/// The date of the manual, `Month D, YYYY`, as YYYY-MM-DD.
fn date_of(page: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let date = page
        .lines()
        .find_map(|line| line.strip_prefix(".Dd "))
        .unwrap();
    let (month_and_day, year) = date.split_once(", ").unwrap();
    let (month, day) = month_and_day.split_once(' ').unwrap();
    let month = MONTHS.iter().position(|name| *name == month).unwrap() + 1;
    let day: u8 = day.parse().unwrap();
    format!("{year}-{month:02}-{day:02}")
}

#[test]
fn the_newest_release_of_the_changelog_is_this_version() {
    let changes = read("CHANGELOG.md");
    let (version, _) = releases(&changes).next().unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_manual_is_not_older_than_the_newest_release() {
    let changes = read("CHANGELOG.md");
    let (_, released) = releases(&changes).next().unwrap();
    let manual = date_of(&read("man/tcpstates.1"));
    if changes.contains("## Unreleased") {
        assert!(*manual >= *released, "{manual} < {released}");
    } else {
        assert_eq!(manual, released);
    }
}
