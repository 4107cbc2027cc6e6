//! Mounts over files of the machine, for a test in a mount namespace of its own; and scripts in pid
//! namespaces, which mount their own proc file systems. mount_namespaces(7), pid_namespaces(7).

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};

use crate::child::{self, Start};
use crate::program::{PROGRAM, Ran, ran};
use crate::skip::{skip, skip_or_fail};

/// Mounts a file over another.
pub(crate) fn cover(path: &str, with: &Path) {
    make_private()
        .and_then(|()| mount_bind(with, path))
        .unwrap_or_else(|error| skip_or_fail(&format!("cannot mount over {path}"), &error.into()));
}

/// Mounts an empty file system over `/proc`.
pub(crate) fn cover_proc() {
    make_private()
        .and_then(|()| mount("none", "/proc", "tmpfs", MountFlags::empty(), None))
        .unwrap_or_else(|error| skip_or_fail("cannot mount over /proc", &error.into()));
}

/// Keeps the mounts of this namespace out of the other namespaces of the machine.
fn make_private() -> rustix::io::Result<()> {
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private)
}

/// The command by which a script of [`run_in_pid_namespace`] reports a refused mount.
pub(crate) const CANNOT_MOUNT: &str = "exit 99";

/// Runs a shell script as process 1 of a new pid namespace, in a mount namespace of its own, with
/// `input` as its standard input. $PROGRAM is the program under test; `change` may add variables.
pub(crate) fn run_in_pid_namespace(
    script: &str,
    input: Stdio,
    change: impl FnOnce(&mut Command),
) -> Ran {
    let mut command = child::command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount", "sh", "-c"]);
    command.arg(script).env("PROGRAM", PROGRAM).stdin(input);
    change(&mut command);
    let output = command
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("unshare", &error));
    if output.status.code() == Some(99) {
        let reason = String::from_utf8_lossy(&output.stderr);
        skip(format!("cannot mount a proc file system here: {reason}"));
    }
    ran(output)
}
