//! `--netns`: network namespaces by name, process, file and inode number, entered or read from
//! `/proc/PID/net`.

mod engines;
mod entered;
mod every;
mod examined;
mod foreign;
mod grouped;
mod many;
mod refused;
mod selected;
mod still;
mod unused;
mod walked;

pub(crate) use every::run_script;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

use crate::answer::Answer;
use crate::child::{Running, Start, command};
use crate::neighbour::Neighbour;
use crate::program::{Ran, run};
use crate::skip::skip_or_fail;
use crate::wait::wait_for;

/// Where ip-netns(8) mounts namespaces.
const NAMED: &str = "/run/netns";

/// An empty directory of named namespaces, in a mount namespace of the test's own.
pub(crate) fn make_directory() {
    let mounts = |process: &str| fs::read_link(format!("/proc/{process}/ns/mnt"));
    let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
    // In another user namespace, that of the parent cannot be read, nor mounted in.
    if let Ok(of_parent) = mounts(&parent.to_string()) {
        assert_ne!(
            mounts("self").unwrap(),
            of_parent,
            "this test would mount over /run of the host: it needs UnshareFlags::NEWNS"
        );
    }
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private)
        .and_then(|()| mount("none", "/run", "tmpfs", MountFlags::empty(), None))
        .unwrap_or_else(|error| skip_or_fail("cannot mount over /run", &error.into()));
    fs::create_dir(NAMED).unwrap();
}

/// A network namespace with a name.
pub(crate) struct Named {
    path: PathBuf,
    neighbour: Neighbour,
    /// Sockets stay in the namespace that they were made in.
    open: Open,
}

impl Named {
    /// One with a listener, and so many connections to it, both ends of which are in it.
    pub(crate) fn with_connections(name: &str, connections: usize) -> Named {
        let neighbour = Neighbour::start();
        let (tell, told) = channel();
        neighbour.run(move || tell.send(Open::with_connections(connections)).unwrap());
        let open = told.recv().unwrap();
        let path = Path::new(NAMED).join(name);
        fs::write(&path, "").unwrap();
        let link = format!("/proc/self/task/{}/ns/net", neighbour.thread_id);
        mount_bind(link, &path)
            .unwrap_or_else(|error| skip_or_fail("cannot mount a namespace", &error.into()));
        Named {
            path,
            neighbour,
            open,
        }
    }

    /// Runs `act` in it.
    pub(crate) fn run(&self, act: impl FnOnce() + Send + 'static) {
        self.neighbour.run(act);
    }

    /// Removes its name.
    pub(crate) fn unmount(&self) {
        unmount(&self.path, UnmountFlags::DETACH).unwrap();
        fs::remove_file(&self.path).unwrap();
    }

    /// Starts a process in it.
    pub(crate) fn start_process(&self, words: &[&str]) -> Running {
        let mut enter = command("nsenter");
        enter.arg(format!("--net={}", self.path.display()));
        let running = enter.args(words).start();
        let running = running.unwrap_or_else(|error| skip_or_fail("nsenter", &error));
        let link = format!("/proc/{}/ns/net", running.id());
        let expected = format!("net:[{}]", self.neighbour.inode);
        wait_for("the process in the namespace", || {
            let name = fs::read_to_string(format!("/proc/{}/comm", running.id())).ok()?;
            let is_there = fs::read_link(&link).ok()?.to_str() == Some(&*expected);
            (is_there && name.trim_end() == words[0]).then_some(())
        });
        running
    }
}

/// Sockets that are held open.
#[allow(dead_code, reason = "they are only held")]
struct Open {
    listener: TcpListener,
    streams: Vec<TcpStream>,
}

impl Open {
    fn with_connections(connections: usize) -> Open {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(TcpStream::connect(address).unwrap());
            streams.push(listener.accept().unwrap().0);
        }
        Open { listener, streams }
    }
}

/// The answer in JSON about these namespaces.
#[track_caller]
fn count(words: &str) -> (Ran, Answer) {
    let ran = run(["--json", "--netns", words]);
    let answer = Answer::of(&ran);
    (ran, answer)
}
