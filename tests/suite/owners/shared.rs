//! Sockets that several processes or threads hold, by every way there is to share one.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::holder::{Holder, listener, wait_for};
use crate::list::row::{Holder as Shown, Listed};
use crate::namespace::in_namespace;
use crate::program::run;
use crate::skip::skip;
use crate::syscall;

/// The holders of the only socket there is.
#[track_caller]
fn holders() -> Vec<Shown> {
    let json = run(["list", "-p", "--json"]);
    let (mut sockets, _) = Listed::all(&json);
    assert_eq!((json.status, sockets.len()), (0, 1), "{json:?}");
    sockets.remove(0).processes.unwrap()
}

in_namespace!(
    fn every_process_that_inherited_a_socket_is_listed_by_pid() {
        let listener = listener();
        let mut pids = vec![std::process::id()];
        let children: Vec<_> = (0..10).map(|_| Holder::of(&listener)).collect();
        pids.extend(children.iter().map(Holder::pid));
        pids.sort_unstable();
        let found: Vec<_> = holders().iter().map(|holder| holder.pid).collect();
        assert_eq!(found, pids);
        drop(listener);
        pids.retain(|pid| *pid != std::process::id());
        let found: Vec<_> = holders().iter().map(|holder| holder.pid).collect();
        assert_eq!(found, pids);
    }
);

in_namespace!(
    fn every_descriptor_of_one_process_is_listed() {
        let listener = listener();
        let _copies = [(); 3].map(|()| listener.try_clone().unwrap());
        let found = holders();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|holder| holder.pid == std::process::id()));
        assert!(found.is_sorted_by_key(|holder| holder.fd));
        let table = run(["list", "-p"]).succeeded().stdout;
        assert_eq!(
            table.matches(&format!("({})", std::process::id())).count(),
            1
        );
    }
);

in_namespace!(
    fn a_socket_sent_over_a_unix_socket_belongs_to_its_receiver() {
        let listener = listener();
        let (near, far) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        pass(&near, &listener);
        drop(listener);
        let json = run(["list", "-p", "--json"]);
        let (sockets, summary) = Listed::all(&json);
        assert_eq!(sockets[0].processes.as_deref(), Some(&[][..]), "{json:?}");
        assert_eq!(summary.owners.unwrap().held, 0);
        assert!(json.stderr.contains("no holder was found of 1 socket: "));
        assert_eq!(json.status, 0);

        let taken = take(&far);
        let holder = Holder::of(&taken);
        drop(taken);
        let found: Vec<_> = holders().iter().map(|holder| holder.pid).collect();
        assert_eq!(found, [holder.pid()]);
    }
);

fn pass(through: &OwnedFd, socket: &OwnedFd) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&sockets)));
    sendmsg(
        through,
        &[IoSlice::new(b"x")],
        &mut control,
        SendFlags::empty(),
    )
    .unwrap();
}

fn take(through: &OwnedFd) -> OwnedFd {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        through,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .unwrap();
    let message = control.drain().next();
    let Some(RecvAncillaryMessage::ScmRights(mut sockets)) = message else {
        panic!("no socket came");
    };
    sockets.next().unwrap()
}

in_namespace!(
    fn threads_of_one_process_count_once() {
        let _listener = listener();
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let (end, wait) = channel::<()>();
                std::thread::spawn(move || wait.recv());
                end
            })
            .collect();
        let found = holders();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, std::process::id());
        drop(waiting);
    }
);

in_namespace!(
    fn a_thread_with_its_own_descriptor_table_counts_for_its_process() {
        // Linux 6.2 tells how many descriptors there are.
        if std::fs::metadata("/proc/self/fd").unwrap().len() == 0 {
            skip("this kernel does not tell how many files a thread has open");
        }
        let found = std::thread::spawn(|| {
            syscall::leave_shared_descriptors().unwrap();
            let _listener = listener();
            holders()
        });
        let found = found.join().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, std::process::id());
    }
);

in_namespace!(
    fn processes_that_start_and_end_during_the_search_are_no_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = near.local_addr().unwrap().port();
        let is_over = Arc::new(AtomicBool::new(false));
        let churners = [(); 2].map(|()| {
            let (is_over, near) = (Arc::clone(&is_over), near.try_clone().unwrap());
            std::thread::spawn(move || churn(&near, &is_over))
        });
        for _ in 0..20 {
            let listed = run(["list", "-p", "--json"]);
            assert_eq!(listed.status, 0, "{listed:?}");
            let sockets = Listed::all(&listed).0;
            let client = sockets.iter().find(|socket| socket.local_port == port);
            let mut holders = client.unwrap().processes.iter().flatten();
            let me = std::process::id();
            assert!(holders.any(|holder| holder.pid == me), "{listed:?}");
            let grouped = run(["--by", "process", "--json"]);
            assert_eq!(grouped.status, 0, "{grouped:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        for churner in churners {
            assert!(churner.join().unwrap() > 0);
        }
    }
);

/// Starts processes that hold a socket and end at once, until told to stop; how many it were.
fn churn(socket: &TcpStream, is_over: &AtomicBool) -> u32 {
    let mut started = 0;
    while !is_over.load(Ordering::Relaxed) {
        let socket = socket.as_fd().try_clone_to_owned().unwrap();
        let status = Command::new("true").stdin(Stdio::from(socket)).status();
        assert!(status.unwrap().success());
        started += 1;
    }
    started
}

in_namespace!(
    fn a_process_in_a_child_pid_namespace_has_its_outer_pid() {
        let listener = listener();
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "sleep", "300"]);
        let outer = Holder::start(&mut command, &listener);
        // The command keeps the descriptor that its child was given.
        drop((command, listener));
        let inner = wait_for("sleep in its namespace", || {
            holders().into_iter().find(|holder| holder.name == "sleep")
        });
        assert!(inner.pid > 1 && inner.pid != outer.pid());
        let names: Vec<_> = holders().into_iter().map(|holder| holder.name).collect();
        assert_eq!(names, ["unshare", "sleep"]);
    }
);
