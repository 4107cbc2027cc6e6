//! The commands of a finding, typed into a shell as they are shown, and the settings it names.

use std::path::Path;
use std::process::Command;

use super::report::Finding;
use crate::program::{PROGRAM, ran};

/// Runs every command of a finding; each must be answered in full. And the settings that it names
/// must be there.
#[track_caller]
pub(super) fn assert_run(finding: &Finding) {
    assert_settings(finding);
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

/// Those of the whole host, which a child namespace does not show.
const OF_THE_HOST: [&str; 2] = ["net.ipv4.tcp_mem", "net.ipv4.tcp_max_orphans"];

#[track_caller]
fn assert_settings(finding: &Finding) {
    let text = format!(
        "{} {}",
        finding.evidence.join(" "),
        finding.remedy.join(" ")
    );
    let words = text.split(|c: char| !(c.is_alphanumeric() || "._".contains(c)));
    let names = words.map(|word| word.trim_end_matches('.'));
    for name in names.filter(|name| name.starts_with("net.")) {
        let file = Path::new("/proc/sys").join(name.replace('.', "/"));
        assert!(
            OF_THE_HOST.contains(&name) || file.exists(),
            "{name}: {finding:?}"
        );
    }
}
