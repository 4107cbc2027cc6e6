//! What completes a command line: the scripts for the shells, and the words that they request.
//!
//! bash, zsh and fish run `completions SHELL -- WORD...`, so that all three offer the same; the other
//! shells have clap's scripts. Must not read anything of the host: it runs at each press of a key.

mod words;

use std::fmt::Write as _;

use clap_complete::Shell;

use super::definition;
use words::{Completion, complete};

/// The script for a shell. It completes both names of the program, `tcpstates` and `tcp-states`.
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => include_str!("tcpstates.bash").to_owned(),
        Shell::Zsh => include_str!("tcpstates.zsh").to_owned(),
        Shell::Fish => include_str!("tcpstates.fish").to_owned(),
        Shell::Elvish => {
            let completer = "edit:completion:arg-completer";
            let second = format!("set {completer}[tcp-states] = ${completer}[tcpstates]\n");
            generated(shell) + &second
        }
        Shell::PowerShell => {
            let first = "-CommandName 'tcpstates'";
            generated(shell).replace(first, &format!("{first}, 'tcp-states'"))
        }
        _ => generated(shell),
    }
}

/// The script of clap.
fn generated(shell: Shell) -> String {
    // In memory, because clap_complete panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "tcpstates", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// What may complete the last of the words typed after the program's name, for the script of a shell:
/// one candidate a line, with what it is behind a tab for shells that show it; or `FILES` or
/// `DIRECTORIES`.
pub fn candidates(shell: Shell, typed: &[String]) -> String {
    let mut text = String::new();
    match complete(typed) {
        Completion::Files => text.push_str("FILES\n"),
        Completion::Directories => text.push_str("DIRECTORIES\n"),
        Completion::Words(candidates) => {
            for candidate in candidates {
                let _ = match shell == Shell::Bash {
                    true => writeln!(text, "{}", candidate.word),
                    false => writeln!(text, "{}\t{}", candidate.word, candidate.about),
                };
            }
        }
    }
    text
}
