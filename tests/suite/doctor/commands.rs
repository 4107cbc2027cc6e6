//! The commands of a finding, run by a shell as they are printed, and the sysctls it names.

use std::path::Path;

use super::report::Finding;
use crate::child::{self, Start};
use crate::program::{PROGRAM, ran};

/// Runs every command of a finding, which must succeed, and checks that its sysctls exist.
#[track_caller]
pub(super) fn assert_commands_run(finding: &Finding) {
    assert_sysctls_exist(finding);
    for command in &finding.commands {
        let arguments = command.strip_prefix("tcpstates ").unwrap();
        let script = format!("\"$PROGRAM\" {arguments}");
        let shell = child::command("sh")
            .args(["-c", &script])
            .env("PROGRAM", PROGRAM)
            .run_to_end();
        let ran = ran(shell.unwrap());
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
        assert!(ran.stdout.lines().count() > 1, "{command}: {ran:?}");
    }
}

/// Sysctls of the whole host, which a child namespace does not have.
const HOST_WIDE: [&str; 2] = ["net.ipv4.tcp_mem", "net.ipv4.tcp_max_orphans"];

#[track_caller]
fn assert_sysctls_exist(finding: &Finding) {
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
            HOST_WIDE.contains(&name) || file.exists(),
            "{name}: {finding:?}"
        );
    }
}
