//! What completes a command line: the scripts for the shells, and the words that they request.
//!
//! bash, zsh and fish run `completions SHELL -- WORD...`, so that all three offer the same; the other
//! shells have clap's scripts. Must not read anything of the host: it runs at each press of a key.

mod words;

use std::fmt::Write as _;

use clap_complete::Shell;

use super::definition;
use words::{Completion, complete};

/// The script for a shell.
pub fn script(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => include_bytes!("tcpstates.bash").to_vec(),
        Shell::Zsh => include_bytes!("tcpstates.zsh").to_vec(),
        Shell::Fish => include_bytes!("tcpstates.fish").to_vec(),
        Shell::Elvish | Shell::PowerShell | _ => {
            // In memory, because clap_complete panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "tcpstates", &mut script);
            script
        }
    }
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
