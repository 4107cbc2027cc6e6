//! A second network namespace, in a thread of the test.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::syscall;
use crate::wait;

/// A thread in a network namespace of its own, which does what it is sent.
pub(crate) struct Neighbour {
    work: Sender<Box<dyn FnOnce() + Send>>,
    done: Receiver<()>,
    /// For `ip link set … netns`.
    pub(crate) thread_id: i32,
    pub(crate) inode: u32,
    thread: JoinHandle<()>,
}

impl Neighbour {
    pub(crate) fn start() -> Neighbour {
        let (work, jobs) = channel::<Box<dyn FnOnce() + Send>>();
        let (finished, done) = channel();
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || {
            syscall::enter_new_network().unwrap();
            syscall::raise_interface("lo").unwrap();
            let inode = fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
            let thread_id = rustix::thread::gettid().as_raw_nonzero().get();
            tell.send((thread_id, u32::try_from(inode).unwrap()))
                .unwrap();
            for job in jobs {
                job();
                finished.send(()).unwrap();
            }
        });
        let (thread_id, inode) = told.recv().unwrap();
        Neighbour {
            work,
            done,
            thread_id,
            inode,
            thread,
        }
    }

    /// Does something there, to its end.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.work.send(Box::new(job)).unwrap();
        self.done.recv_timeout(wait::DEADLINE).unwrap();
    }

    pub(crate) fn end(self) {
        drop(self.work);
        wait::join("the end of the neighbour", self.thread);
    }
}
