//! Processes that hold a socket and do nothing else.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::child::{Running, Start, command};
use crate::skip::skip_or_fail;
use crate::wait::wait_for;

/// A process whose standard input is the socket: its descriptor is 0. The drop ends it.
#[derive(Debug)]
pub(crate) struct Holder(Running);

impl Holder {
    /// A process named `sleep`.
    pub(crate) fn of(socket: impl AsFd) -> Holder {
        Holder::start(command("sleep").arg("300"), socket)
    }

    /// A process of another name: the kernel takes it from the path of the program.
    pub(crate) fn named(name: &OsStr, socket: impl AsFd) -> Holder {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::os::unix::fs::symlink(path_of_sleep(), &path).unwrap();
        let mut command = command(&path);
        Holder::start(command.arg0("sleep").arg("300"), socket)
    }

    /// Starts `command` with the socket, and waits for its name: the kernel sets it after it has
    /// closed the descriptors that exec(2) closes, `begin_new_exec` in `fs/exec.c`.
    pub(crate) fn start(command: &mut Command, socket: impl AsFd) -> Holder {
        let socket = socket.as_fd().try_clone_to_owned().unwrap();
        let running = command.stdin(Stdio::from(socket)).start();
        let running =
            running.unwrap_or_else(|error| skip_or_fail("a process to hold a socket", &error));
        let name_of = |process: &str| std::fs::read(format!("/proc/{process}/comm")).ok();
        let before = name_of("thread-self");
        let process = running.id().to_string();
        wait_for("a process to be named by exec", || {
            (name_of(&process) != before).then_some(())
        });
        Holder(running)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

fn path_of_sleep() -> &'static Path {
    ["/usr/bin/sleep", "/bin/sleep"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists())
        .expect("sleep is installed")
}

/// A listener, as a descriptor.
pub(crate) fn listener() -> OwnedFd {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().into()
}
