//! A supervisor that answers a child's recvfrom(2) on its netlink socket instead of the kernel, so
//! that a dump is interrupted, changed or broken off, seccomp_unotify(2); and one that makes some calls
//! of a child fail or wait for as long as a test wants.
//!
//! Every datagram comes from the running kernel.

use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::child::{Running, Start};
use crate::program::{Ran, ran};
use crate::seccomp::supervise;
use crate::skip::skip_or_fail;
use crate::syscall::seccomp::{Notification, end_call, next_call};
use crate::wait::{DEADLINE, Repeated, wait_for};

/// How one call is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// As by the kernel.
    Unchanged,
    /// With the kernel's datagram, of which one byte is another.
    Changed { at: usize, byte: u8 },
    /// With an errno.
    Fails(Errno),
}

/// Runs a command in which recvfrom(2) never returns.
pub(crate) fn run_blocked(command: &mut Command) -> Ran {
    supervise(command, libc::SYS_recvfrom);
    let output = command.run_to_end();
    ran(output.unwrap_or_else(|error| skip_or_fail("a seccomp filter with a listener", &error)))
}

/// Runs `command` to its end; each of its calls of recvfrom(2) is answered by one reply, in order.
#[track_caller]
pub(crate) fn run_supervised(command: &mut Command, replies: &[Reply]) -> Ran {
    let (running, supervisor) = start_supervised(command, libc::SYS_recvfrom);
    for reply in replies {
        supervisor.answer(*reply);
    }
    ran(running.finish())
}

fn start_supervised(command: &mut Command, number: i64) -> (Running, Supervisor) {
    supervise(command, number);
    let started = command.start();
    let running =
        started.unwrap_or_else(|error| skip_or_fail("a seccomp filter with a listener", &error));
    let supervisor = Supervisor::of(&running)
        .unwrap_or_else(|errno| skip_or_fail("a descriptor of the child", &errno.into()));
    (running, supervisor)
}

/// While it is on, some calls of a child fail, or wait until it is off.
#[derive(Debug)]
pub(crate) struct Switch {
    is_on: Arc<AtomicBool>,
    affected: Arc<AtomicUsize>,
    _answers: Repeated,
}

impl Switch {
    /// Starts `command`. Of its calls of `number`, those that `selects` by their arguments fail with
    /// `errno`, or wait where there is none.
    pub(crate) fn start(
        command: &mut Command,
        number: i64,
        selects: fn(&[u64; 6]) -> bool,
        errno: Option<Errno>,
    ) -> (Running, Switch) {
        let (running, supervisor) = start_supervised(command, number);
        let is_on = Arc::new(AtomicBool::new(false));
        let affected = Arc::new(AtomicUsize::new(0));
        let (switch, number) = (Arc::clone(&is_on), Arc::clone(&affected));
        let mut waiting: Vec<Notification> = Vec::new();
        let answers = Repeated::start(move || {
            // A call that a signal has interrupted is gone.
            let end = |call: &Notification, result| {
                let _ = end_call(&supervisor.listener, call, result);
            };
            let is_on = || switch.load(Ordering::SeqCst);
            if !is_on() {
                waiting.drain(..).for_each(|call| end(&call, None));
            }
            let Some(call) = supervisor.next() else {
                return;
            };
            if !is_on() || !selects(&call.arguments) {
                return end(&call, None);
            }
            number.fetch_add(1, Ordering::SeqCst);
            match errno {
                Some(errno) => end(&call, Some(Err(errno))),
                None => waiting.push(call),
            }
        });
        let switch = Switch {
            is_on,
            affected,
            _answers: answers,
        };
        (running, switch)
    }

    pub(crate) fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::SeqCst);
    }

    /// How many calls have failed or had to wait.
    pub(crate) fn affected(&self) -> usize {
        self.affected.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Supervisor {
    child: OwnedFd,
    memory: File,
    listener: OwnedFd,
}

impl Supervisor {
    fn of(running: &Running) -> rustix::io::Result<Supervisor> {
        let child = pidfd_open(running.pid(), PidfdFlags::empty())?;
        let folder = format!("/proc/{}/fd", running.id());
        let number = wait_for("the listener of the child", || {
            let mut open = fs::read_dir(&folder).ok()?.filter_map(Result::ok);
            let is_listener = |path| {
                let target = fs::read_link(path).unwrap_or_default();
                target.to_string_lossy().contains("seccomp notify")
            };
            let found = open.find(|entry| is_listener(entry.path()))?;
            found.file_name().to_str()?.parse().ok()
        });
        let memory = OpenOptions::new()
            .write(true)
            .open(format!("/proc/{}/mem", running.id()));
        Ok(Supervisor {
            listener: pidfd_getfd(&child, number, PidfdGetfdFlags::empty())?,
            memory: memory.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?,
            child,
        })
    }

    /// The next call, if there is one soon.
    fn next(&self) -> Option<Notification> {
        const SOON: Duration = Duration::from_millis(10);
        let mut waiting = [PollFd::new(&self.listener, PollFlags::IN)];
        let limit = Timespec::try_from(SOON).unwrap();
        let is_ready = poll(&mut waiting, Some(&limit)) == Ok(1);
        if is_ready && waiting[0].revents().contains(PollFlags::IN) {
            return next_call(&self.listener).ok();
        }
        if is_ready {
            // The child has ended.
            std::thread::sleep(SOON);
        }
        None
    }

    /// Waits for the next call and answers it.
    #[track_caller]
    fn answer(&self, reply: Reply) {
        let mut waiting = [PollFd::new(&self.listener, PollFlags::IN)];
        let limit = Timespec::try_from(DEADLINE).unwrap();
        assert_eq!(poll(&mut waiting, Some(&limit)), Ok(1), "no call to answer");
        let call = next_call(&self.listener).unwrap();
        let result = match reply {
            Reply::Unchanged => None,
            Reply::Changed { at, byte } => Some(Ok(self.change(&call, at, byte))),
            Reply::Fails(errno) => Some(Err(errno)),
        };
        end_call(&self.listener, &call, result).unwrap();
    }

    /// Receives in the child's place, changes a byte and puts the datagram into the child's memory.
    fn change(&self, call: &Notification, at: usize, byte: u8) -> usize {
        let [socket, buffer, length, _, address, address_length] = call.arguments;
        let socket = i32::try_from(socket).unwrap();
        let socket = pidfd_getfd(&self.child, socket, PidfdGetfdFlags::empty()).unwrap();
        let mut datagram = vec![0; usize::try_from(length).unwrap()];
        let (received, _) = recv(&socket, &mut datagram[..], RecvFlags::empty()).unwrap();
        datagram[at] = byte;
        // `struct sockaddr_nl` of the kernel: its port is 0.
        let mut kernel = [0; 12];
        kernel[..2].copy_from_slice(&u16::try_from(libc::AF_NETLINK).unwrap().to_ne_bytes());
        for (bytes, at) in [
            (&datagram[..received], buffer),
            (&kernel[..], address),
            (&12u32.to_ne_bytes()[..], address_length),
        ] {
            self.memory.write_all_at(bytes, at).unwrap();
        }
        received
    }
}
