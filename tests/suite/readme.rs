//! README.md is short, and its commands print what it shows.

use crate::child::{Start, command};
use crate::namespace::in_namespace;
use crate::program::PROGRAM;
use crate::skip::{skip, skip_or_fail};

const README: &str = include_str!("../../README.md");
const PLAYER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/readme.py");

/// The exit status of the player where it lacks a program.
const NOT_FOUND: i32 = 127;

#[test]
fn the_readme_has_at_most_300_lines() {
    assert!(README.lines().count() <= 300);
}

in_namespace!(
    fn the_commands_of_the_readme_print_what_it_shows() {
        let mut player = command("python3");
        player.args([PLAYER, PROGRAM, "--check", "--here"]);
        let played = player.run_to_end();
        let played = played.unwrap_or_else(|error| skip_or_fail("python3", &error));
        if played.status.code() == Some(NOT_FOUND) {
            skip(String::from_utf8_lossy(&played.stderr));
        }
        assert!(played.status.success(), "{played:?}");
    }
);
