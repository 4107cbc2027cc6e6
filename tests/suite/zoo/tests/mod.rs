//! Tests of the zoo itself, without the program under test.
//!
//! They compare it with the kernel's tables, ss and netstat, as root and as an ordinary user.

mod other_tools;
mod rows;
mod special;

use crate::child::{Start, command};
use crate::skip::{self, may_skip, skip_or_fail};
use std::os::unix::process::CommandExt;
use std::time::Duration;

/// `nobody` and `nogroup` where they exist; any id without privileges does.
const NOBODY: u32 = 65_534;

/// Longer than all of them take, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

may_skip!(
    fn the_zoo_tests_pass_as_an_ordinary_user() {
        // For an ordinary user the tests beside it do this already, so nothing is skipped.
        if rustix::process::geteuid().is_root() {
            run_as_nobody();
        }
    }
);

fn run_as_nobody() {
    // By this link, because other users may not have access to the path of the binary.
    let mut command = command("/proc/self/exe");
    command.args([
        "zoo::tests::other_tools",
        "zoo::tests::special",
        "namespace::",
    ]);
    command.current_dir("/").uid(NOBODY).gid(NOBODY);
    let running = command
        .start()
        .unwrap_or_else(|error| skip_or_fail("cannot run the tests as nobody", &error));
    let output = running.within(DEADLINE).finish();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    for line in stderr.lines().filter(|line| line.starts_with(skip::MARK)) {
        skip::announce(&format!("{line} (as nobody)\n"));
    }
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(
        stdout.contains("zoo::tests::other_tools::ss_shows_exactly_the_expected_counts ... ok"),
        "{stdout}"
    );
}
