//! A supervisor that answers a child's recvfrom(2) on its netlink socket instead of the kernel, so
//! that a dump is interrupted, changed or broken off, seccomp_unotify(2).
//!
//! Every datagram comes from the running kernel.

use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::child::{Running, Start};
use crate::program::{Ran, ran};
use crate::seccomp::supervise;
use crate::skip::skip_or_fail;
use crate::syscall::seccomp::{Notification, end_call, next_call};
use crate::wait::{DEADLINE, wait_for};

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
    supervise(command, libc::SYS_recvfrom);
    let started = command.start();
    let running =
        started.unwrap_or_else(|error| skip_or_fail("a seccomp filter with a listener", &error));
    let supervisor = Supervisor::of(&running)
        .unwrap_or_else(|errno| skip_or_fail("a descriptor of the child", &errno.into()));
    for reply in replies {
        supervisor.answer(*reply);
    }
    ran(running.finish())
}

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
