//! Capabilities on the program's file: options that read a file of the caller's choice are refused.
//! capabilities(7), "File capabilities"; `struct vfs_cap_data`, linux/capability.h.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::fs::{XattrFlags, setxattr};
use rustix::io::Errno;

use crate::child::{self, Start, run_tool};
use crate::program::{PROGRAM, Ran, ran};

/// `nobody` where it exists; any id without privileges does.
const NOBODY: u32 = 65_534;

/// `VFS_CAP_REVISION_2` and `VFS_CAP_FLAGS_EFFECTIVE`, then the permitted and the inheritable set,
/// twice 32 bits: CAP_DAC_READ_SEARCH.
const READ_EVERYTHING: [u32; 5] = [0x0200_0001, 1 << 2, 0, 0, 0];

/// Gives a file a capability; false where this process may not.
fn set_capability(file: &Path) -> bool {
    let bytes = READ_EVERYTHING.map(u32::to_le_bytes).concat();
    match setxattr(file, "security.capability", &bytes, XattrFlags::empty()) {
        Ok(()) => true,
        Err(Errno::PERM) => false,
        Err(error) => panic!("cannot set a capability: {error}"),
    }
}

#[test]
fn capabilities_on_the_file_refuse_options_that_read_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tcpstates");
    // By another process: a child that another test starts at this moment would keep a file of this
    // one open for writing, and such a program cannot be executed.
    run_tool("cp", [PROGRAM, program.to_str().unwrap()]);
    let run = |arguments: &[&str]| -> Ran {
        let mut command = child::command(&program);
        command.args(arguments).current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        ran(command.run_to_end().unwrap())
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proc");
    let copied = folder.path().join("proc/net");
    fs::create_dir_all(&copied).unwrap();
    fs::copy(Path::new(root).join("net/tcp"), copied.join("tcp")).unwrap();
    let filter = folder.path().join("filter");
    fs::write(&filter, "state listen").unwrap();
    let options = [
        ["--proc-root", folder.path().join("proc").to_str().unwrap()].map(str::to_owned),
        ["--filter", filter.to_str().unwrap()].map(str::to_owned),
        ["--netns", "/proc/self/ns/net"].map(str::to_owned),
    ];
    for [option, path] in &options {
        assert_eq!(run(&[option, path]).status, 0);
    }
    if !set_capability(&program) {
        return;
    }
    assert_eq!(run(&["--json"]).status, 0);
    for [option, path] in &options {
        for (verb, status) in [(&[][..], 2), (&["list"], 2), (&["check"], 3)] {
            let ran = run(&[verb, &[option, path]].concat());
            assert_eq!(ran.status, status, "{ran:?}");
            let printed = format!("{}{}", ran.stdout, ran.stderr);
            let refused =
                format!("{option} is refused, because this program has more privileges than");
            assert!(printed.contains(&refused), "{ran:?}");
        }
    }
}
