//! `tcpstates completions SHELL`.

use clap_complete::Shell;

use crate::cli::definition;

/// The completion script for a shell. Made in memory, because clap_complete panics where it
/// cannot write.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition(), "tcpstates", &mut script);
    script
}
