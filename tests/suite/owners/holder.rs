//! Processes that hold a socket and do nothing else.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::skip::skip_or_fail;

/// After this nobody waits any more.
const DEADLINE: Duration = Duration::from_secs(20);

/// A process whose standard input is the socket: its descriptor is 0. The drop ends it.
#[derive(Debug)]
pub(crate) struct Holder(Child);

impl Holder {
    /// A process called `sleep`.
    pub(crate) fn of(socket: impl AsFd) -> Holder {
        Holder::start(Command::new("sleep").arg("300"), socket)
    }

    /// A process of another name: the kernel takes it from the path it was started by.
    pub(crate) fn called(name: &OsStr, socket: impl AsFd) -> Holder {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::os::unix::fs::symlink(path_of_sleep(), &path).unwrap();
        let mut command = Command::new(&path);
        Holder::start(command.arg0("sleep").arg("300"), socket)
    }

    /// Starts `command` with the socket.
    pub(crate) fn start(command: &mut Command, socket: impl AsFd) -> Holder {
        let socket = socket.as_fd().try_clone_to_owned().unwrap();
        let child = command.stdin(Stdio::from(socket)).spawn();
        Holder(child.unwrap_or_else(|error| skip_or_fail("a process to hold a socket", &error)))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path_of_sleep() -> &'static Path {
    ["/usr/bin/sleep", "/bin/sleep"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists())
        .expect("sleep is where it always is")
}

/// Waits until `found` is there.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// A socket that nobody else has, as a descriptor.
pub(crate) fn listener() -> OwnedFd {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().into()
}
