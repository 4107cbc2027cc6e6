//! The commands of a finding, typed into a shell as they are shown.

use std::process::Command;

use super::report::Finding;
use crate::program::{PROGRAM, ran};

/// Runs every command of a finding; each must be answered in full.
#[track_caller]
pub(super) fn assert_run(finding: &Finding) {
    for command in &finding.commands {
        let arguments = command.strip_prefix("tcpstates ").unwrap();
        let script = format!("\"$PROGRAM\" {arguments}");
        let shell = Command::new("sh")
            .args(["-c", &script])
            .env("PROGRAM", PROGRAM)
            .output();
        let ran = ran(shell.unwrap());
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
        assert!(ran.stdout.lines().count() > 1, "{command}: {ran:?}");
    }
}
