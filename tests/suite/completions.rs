//! `tcpstates completions SHELL`, in the shells themselves: each runs on a terminal, and what it makes
//! of a line is read after a press of tab.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::child::{Start, command};
use crate::live::pty::Terminal;
use crate::program::{PROGRAM, run};
use crate::skip::{may_skip, skip_or_fail};

/// What is typed, and the line after tab.
const LINES: [(&str, &str); 28] = [
    ("tcpstates list --netns al", "tcpstates list --netns all "),
    ("tcpstates doc", "tcpstates doctor "),
    ("tcp-states doc", "tcp-states doctor "),
    ("tcpstates help close-w", "tcpstates help close-wait "),
    ("tcpstates help doc", "tcpstates help doctor "),
    ("tcpstates completions fi", "tcpstates completions fish "),
    ("tcpstates list --colu", "tcpstates list --columns "),
    (
        "tcpstates list --columns cgr",
        "tcpstates list --columns cgroup ",
    ),
    (
        "tcpstates list --columns uid,cgr",
        "tcpstates list --columns uid,cgroup ",
    ),
    (
        "tcpstates list --sort send-q",
        "tcpstates list --sort send-queue ",
    ),
    (
        "tcpstates list --sort rtt:d",
        "tcpstates list --sort rtt:desc ",
    ),
    (
        "tcpstates list --state=syn-s",
        "tcpstates list --state=syn-sent ",
    ),
    (
        "tcpstates list --state estab,syn-s",
        "tcpstates list --state estab,syn-sent ",
    ),
    ("tcpstates list --zer", "tcpstates list --zer"),
    ("tcpstates --zer", "tcpstates --zeros "),
    ("tcpstates --by serv", "tcpstates --by service "),
    ("tcpstates --format cs", "tcpstates --format csv "),
    ("tcpstates --source pr", "tcpstates --source proc "),
    ("tcpstates check -w time-w", "tcpstates check -w time-wait="),
    ("tcpstates check -c orph", "tcpstates check -c orphans="),
    (
        "tcpstates trace --source des",
        "tcpstates trace --source destroy ",
    ),
    ("tcpstates spo", "tcpstates sport "),
    (
        "tcpstates list state close-w",
        "tcpstates list state close-wait ",
    ),
    ("tcpstates sport = :80 an", "tcpstates sport = :80 and "),
    ("tcpstates list -F zz", "tcpstates list -F zz-file "),
    ("tcpstates list --limit zz", "tcpstates list --limit zz"),
    ("tcpstates doctor zz", "tcpstates doctor zz"),
    ("tcpstates list zz", "tcpstates list zz"),
];

/// Starts a shell in a folder of its own, which has the file `zz-file` and reads no settings. The program
/// has both of its names.
fn start(shell: &str, folder: &Path, arguments: &[&str], setup: &str) -> Terminal {
    fs::write(folder.join("zz-file"), "").unwrap();
    let script = run(["completions", shell]).succeeded().stdout;
    fs::write(folder.join("script"), script).unwrap();
    let version = command(shell).arg("--version").run_to_end();
    version.unwrap_or_else(|error| skip_or_fail(shell, &error));
    let mut command = command(shell);
    let programs = Path::new(PROGRAM).parent().unwrap().display();
    command.args(arguments).current_dir(folder);
    command.env_clear().env("HOME", folder).env("TERM", "xterm");
    let second = folder.join("second");
    fs::create_dir(&second).unwrap();
    symlink(PROGRAM, second.join("tcp-states")).unwrap();
    let second = second.display();
    command.env("PATH", format!("{programs}:{second}:/usr/bin:/bin"));
    let mut terminal = Terminal::run(command, (100, 40));
    terminal.type_(&format!("{setup}; . ./script; echo rea''dy\r"));
    terminal.wait_for("ready");
    terminal
}

/// Asserts that the shell completes each line as expected.
#[track_caller]
fn assert_completes(shell: &str, arguments: &[&str], setup: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = start(shell, folder.path(), arguments, setup);
    for (typed, expected) in LINES {
        // The mark shows where the cursor is after the completion.
        terminal.type_(&format!("{typed}\t@"));
        let marked = format!("{expected}@");
        terminal.wait_for(&marked);
        // Ctrl-U
        terminal.type_("\u{15}");
        terminal.wait_until("an empty line", |screen| {
            !screen.contents().contains(&marked)
        });
    }
    terminal.type_("exit\r");
}

may_skip!(
    fn bash_completes_options_values_and_words_of_filters() {
        let arguments = ["--norc", "--noprofile", "-i"];
        assert_completes("bash", &arguments, "PS1='> '");
    }
);

may_skip!(
    fn zsh_completes_options_values_and_words_of_filters() {
        let setup = "PS1='> '; autoload -Uz compinit; compinit -u -D; unsetopt beep";
        assert_completes("zsh", &["-f", "-i"], setup);
    }
);

may_skip!(
    fn fish_completes_options_values_and_words_of_filters() {
        let setup = "function fish_prompt; echo '> '; end; set -g fish_autosuggestion_enabled 0";
        assert_completes("fish", &["--no-config", "-i"], setup);
    }
);

#[test]
fn options_are_those_of_the_command_and_words_fit_their_place() {
    for (typed, offered, not_offered) in [
        ("list --", "--columns", "--zeros"),
        ("--", "--zeros", "--columns"),
        ("doctor --", "--window", "--state"),
        ("", "list", "and"),
        ("state ", "close-wait", "sport"),
        ("list sport ", "=", "dport"),
        ("list -- --", "", "--columns"),
        ("list --watch ", "sport", "and"),
        ("--watch 2 ", "sport", "and"),
        ("list --limit ", "", "sport"),
        ("check -c ", "listen-drops=", "bucket="),
        ("trace ", "from", "cgroup"),
        ("list ", "cgroup", "from"),
        ("trace --by ", "service", "state"),
        ("--by service,s", "service,state", "service,service"),
        ("help ", "filter", "sport"),
        ("--frobnicate=", "", "list"),
    ] {
        let mut words: Vec<&str> = typed.split_whitespace().collect();
        if typed.is_empty() || typed.ends_with(' ') {
            words.push("");
        }
        let all = [&["completions", "bash", "--"][..], &words].concat();
        let lines = run(all).succeeded().stdout;
        let has = |word: &str| lines.lines().any(|line| line == word);
        assert!(offered.is_empty() || has(offered), "{typed}: {lines}");
        assert!(!has(not_offered), "{typed}: {lines}");
    }
}

#[test]
fn shells_without_a_script_of_their_own_have_every_option_for_both_names() {
    for (shell, second) in [
        ("elvish", "set edit:completion:arg-completer[tcp-states] = "),
        ("powershell", " -CommandName 'tcpstates', 'tcp-states' "),
    ] {
        let script = run(["completions", shell]).succeeded().stdout;
        assert!(script.contains(second), "{shell}");
        for option in ["proc-root", "watch", "listening"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
}
