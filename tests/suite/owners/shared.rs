//! Sockets shared by several processes or threads, by every way of sharing one.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::mpsc::channel;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::holder::{Holder, listener};
use crate::child::{Start, command};
use crate::list::row::{Holder as Shown, Listed};
use crate::namespace::in_namespace;
use crate::program::{run, run_command};
use crate::seccomp::{Denied, deny};
use crate::skip::skip;
use crate::syscall;
use crate::wait::{self, Repeated, wait_for};
use crate::zoo::raise_file_limit;

/// The owners of the only socket.
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
        let (sender, receiver) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        send(&sender, &listener);
        drop(listener);
        let json = run(["list", "-p", "--json"]);
        let (sockets, summary) = Listed::all(&json);
        assert_eq!(sockets[0].processes.as_deref(), Some(&[][..]), "{json:?}");
        assert_eq!(summary.owners.unwrap().held, 0);
        assert!(
            json.stderr
                .contains("owner unknown for 1 socket: closed meanwhile, or not open in")
        );
        assert_eq!(json.status, 0);

        let received = receive(&receiver);
        let holder = Holder::of(&received);
        drop(received);
        let found: Vec<_> = holders().iter().map(|holder| holder.pid).collect();
        assert_eq!(found, [holder.pid()]);
    }
);

in_namespace!(
    fn a_socket_registered_with_io_uring_belongs_to_the_process_with_the_instance() {
        let listener = listener();
        let ring = syscall::register_with_io_uring(&listener)
            .unwrap_or_else(|error| skip(format!("no io_uring here: {error}")));
        drop(listener);
        let json = run(["list", "-p", "--json", "--columns=fd"]);
        let (sockets, summary) = Listed::all(&json);
        let found = sockets[0].processes.as_deref().unwrap();
        if found.is_empty() {
            skip(format!(
                "this kernel does not report the inodes of registered files: {json:?}"
            ));
        }
        let me = std::process::id();
        assert_eq!(found.len(), 1, "{json:?}");
        assert_eq!((found[0].pid, found[0].fd), (me, None));
        assert_eq!(sockets[0].fd.as_deref(), Some(&[][..]));
        assert_eq!(summary.owners.unwrap().held, 1);
        assert_eq!((json.status, json.stderr.as_str()), (0, ""));
        let filtered = run(["list", "--json", &format!("pid = {me}")]).succeeded();
        assert_eq!(Listed::all(&filtered).0.len(), 1);
        drop(ring);
    }
);

fn send(through: &OwnedFd, socket: &OwnedFd) {
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

fn receive(through: &OwnedFd) -> OwnedFd {
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
        panic!("no socket was received");
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
        // Since Linux 6.2 the size of this directory is the number of descriptors.
        if std::fs::metadata("/proc/self/fd").unwrap().len() == 0 {
            skip("this kernel does not report the number of open files of a thread");
        }
        let found = std::thread::spawn(|| {
            syscall::leave_shared_descriptors().unwrap();
            let _listener = listener();
            holders()
        });
        let found = wait::join("the owners found by a thread", found);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, std::process::id());
    }
);

in_namespace!(
    fn processes_that_start_and_end_during_the_search_are_no_errors() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = client.local_addr().unwrap().port();
        let short_lived = [(); 2].map(|()| {
            let client = client.try_clone().unwrap();
            Repeated::start(move || run_with(&client))
        });
        for _ in 0..20 {
            let listed = run(["list", "-p", "--json"]);
            assert_eq!(listed.status, 0, "{listed:?}");
            let sockets = Listed::all(&listed).0;
            let listed_client = sockets.iter().find(|socket| socket.local_port == port);
            let mut holders = listed_client.unwrap().processes.iter().flatten();
            let me = std::process::id();
            assert!(holders.any(|holder| holder.pid == me), "{listed:?}");
            let grouped = run(["--by", "process", "--json"]);
            assert_eq!(grouped.status, 0, "{grouped:?}");
        }
        for processes in short_lived {
            assert!(processes.stop() > 0);
        }
    }
);

/// Runs a process that holds a socket and ends at once.
fn run_with(socket: &TcpStream) {
    let socket = socket.as_fd().try_clone_to_owned().unwrap();
    let mut command = command("true");
    let status = command.stdin(Stdio::from(socket)).start().unwrap().wait();
    assert!(status.success());
}

in_namespace!(
    fn a_process_in_a_child_pid_namespace_has_its_outer_pid() {
        let listener = listener();
        let mut command = command("unshare");
        command.args(["--pid", "--fork", "--kill-child", "sleep", "300"]);
        let outer = Holder::start(&mut command, &listener);
        // The command keeps the descriptor passed to its child.
        drop((command, listener));
        let inner = wait_for("sleep in its namespace", || {
            holders().into_iter().find(|holder| holder.name == "sleep")
        });
        assert!(inner.pid > 1 && inner.pid != outer.pid());
        let names: Vec<_> = holders().into_iter().map(|holder| holder.name).collect();
        assert_eq!(names, ["unshare", "sleep"]);
    }
);

in_namespace!(
    fn several_threads_and_one_find_the_same_holders() {
        raise_file_limit();
        let listener = listener();
        // More than one thread reads alone.
        let copies: Result<Vec<_>, _> = (0..9_000).map(|_| listener.try_clone()).collect();
        let copies = copies.unwrap_or_else(|error| skip(format!("9,000 descriptors: {error}")));
        let children: Vec<_> = (0..10).map(|_| Holder::of(&listener)).collect();
        let several = holders();
        let mut alone = crate::program::command(["list", "-p", "--json"]);
        deny(&mut alone, Denied::Clone, Errno::AGAIN);
        let alone = run_command(&mut alone).succeeded();
        assert_eq!(several.len(), 1 + copies.len() + children.len());
        assert!(several.is_sorted_by_key(|holder| (holder.pid, holder.fd)));
        let (mut sockets, _) = Listed::all(&alone);
        assert_eq!(sockets.remove(0).processes.unwrap(), several);
    }
);
