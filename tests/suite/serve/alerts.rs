//! The commands that the alert rules print, run by a shell.

use rustix::thread::UnshareFlags;

use crate::child::{self, Start};
use crate::namespace::in_namespace;
use crate::netns::{Named, make_directory};
use crate::program::{PROGRAM, Ran, ran};

/// The commands with what each template may add, about the network namespace `blue` or all of them.
fn commands() -> Vec<String> {
    let rules = include_str!("../../../contrib/prometheus/tcpstates.rules.yml");
    let descriptions = rules.lines().filter(|line| line.contains("description:"));
    let mut commands = Vec::new();
    for line in descriptions {
        let (_, command) = line.split_once(": tcpstates ").unwrap_or_default();
        let (words, template) = command.split_once("{{").unwrap_or((command, ""));
        let words = words.trim_end_matches('"');
        if words.is_empty() {
            assert!(line.contains("systemctl status"), "{line}");
            continue;
        }
        commands.push(words.to_owned());
        for (added, as_typed) in [("-N '{{ . }}'", "-N 'blue'"), ("-N all", "-N all")] {
            if template.contains(added) {
                commands.push(format!("{words} {as_typed}"));
            }
        }
    }
    commands.sort();
    commands.dedup();
    commands
}

fn run_in_shell(words: &str) -> Ran {
    let mut shell = child::command("sh");
    shell.args(["-c", &format!("\"$PROGRAM\" {words}")]);
    ran(shell.env("PROGRAM", PROGRAM).run_to_end().unwrap())
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_commands_of_alerts_answer_and_show_the_network_namespace_that_they_name() {
        make_directory();
        let _blue = Named::with_connections("blue", 2);
        let commands = commands();
        for word in ["-N 'blue'", "-N all"] {
            let has = |command: &String| command.ends_with(word);
            assert!(commands.iter().any(has), "{commands:?}");
        }
        for command in commands {
            let ran = run_in_shell(&command);
            // Incomplete in a pid namespace; findings.
            assert!(matches!(ran.status, 0 | 3..=5), "{command}: {ran:?}");
            let is_blue = command.ends_with("-N 'blue'");
            if is_blue && command.starts_with("list") {
                assert!(ran.stdout.contains("\nLISTEN "), "{command}: {ran:?}");
            }
        }
    }
);
