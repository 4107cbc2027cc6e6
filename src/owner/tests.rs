//! Searches in copied trees: which holders are found, which may be skipped, and what is reported
//! about the others.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::walk::Walk;
use super::*;
use crate::model::testing::ends;
use crate::model::{Kind, Listeners, ProcessName, ProcessQuery, Sink, Socket, State, Where};
use crate::proc_root::ProcRoot;

/// A proc file system with nothing but what the search reads.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        Tree(tempfile::tempdir().unwrap())
    }

    fn place(&self) -> Where {
        Where::ProcRoot(self.0.path().to_owned())
    }

    /// Adds a process with these descriptors and the inodes they link to.
    fn process(self, pid: u32, name: &str, links: &[(u32, u64)]) -> Tree {
        let home = self.0.path().join(pid.to_string());
        table(&home.join("fd"), links);
        fs::write(home.join("comm"), format!("{name}\n")).unwrap();
        self
    }

    /// Makes descriptor 99 of a process an io_uring instance with these sockets registered.
    fn ring(self, pid: u32, inodes: &[u64]) -> Tree {
        let home = self.0.path().join(pid.to_string());
        symlink("anon_inode:[io_uring]", home.join("fd/99")).unwrap();
        fs::create_dir_all(home.join("fdinfo")).unwrap();
        let lines = inodes.iter().enumerate();
        let lines = lines.map(|(at, inode)| format!("{at:5}: socket:[{inode}]\n"));
        let info = format!(
            "UserFiles:\t{}\n{}",
            inodes.len(),
            lines.collect::<String>()
        );
        fs::write(home.join("fdinfo/99"), info).unwrap();
        self
    }

    /// Adds a thread with a table of its own.
    fn thread(self, pid: u32, tid: u32, links: &[(u32, u64)]) -> Tree {
        let home = self.0.path().join(pid.to_string());
        table(&home.join(format!("task/{tid}/fd")), links);
        self
    }

    fn file(self, path: &str, bytes: &[u8]) -> Tree {
        fs::write(self.0.path().join(path), bytes).unwrap();
        self
    }

    fn find(&self, seek: Seek, sockets: &[Socket]) -> Owners {
        self.find_by(seek, sockets, &Listeners::default(), None)
    }

    fn find_by(
        &self,
        seek: Seek,
        sockets: &[Socket],
        listeners: &Listeners,
        budget: Option<Duration>,
    ) -> Owners {
        let mut wanted = Wanted::default();
        sockets.iter().for_each(|socket| wanted.add(socket));
        let facts = Facts {
            command_line: true,
            placement: true,
        };
        let place = self.place();
        let search = Search::new(&place, seek, facts, budget);
        Owners::find(search, wanted, listeners)
    }
}

fn table(folder: &Path, links: &[(u32, u64)]) {
    fs::create_dir_all(folder).unwrap();
    symlink("/dev/null", folder.join("0")).unwrap();
    for (fd, inode) in links {
        symlink(format!("socket:[{inode}]"), folder.join(fd.to_string())).unwrap();
    }
}

fn socket(state: State, inode: u64) -> Socket {
    socket_at("127.0.0.1:80", state, inode)
}

fn socket_at(local: &str, state: State, inode: u64) -> Socket {
    Socket {
        full: Some(true),
        inode,
        ..Socket::bare(Kind::Tcp, state, ends(local, "127.0.0.1:9"))
    }
}

fn established(inode: u64) -> Socket {
    socket(State::Established, inode)
}

/// Who holds it: pid and descriptor.
fn holds(owners: &Owners, socket: &Socket) -> Vec<(u32, u32)> {
    let held = owners.held(socket);
    held.holders()
        .map(|(process, fd)| (process.pid, fd.unwrap()))
        .collect()
}

#[test]
fn every_holder_is_found_in_any_order() {
    let tree = Tree::new()
        .process(30, "late", &[(3, 7), (4, 8)])
        .process(4, "early", &[(5, 7), (9, 7), (6, 1_000_000)])
        .process(100, "other", &[(3, 9)]);
    let sockets = [established(7), established(8), established(6)];
    for budget in [None, Some(Duration::from_secs(60))] {
        let owners = tree.find_by(Seek::EveryHolder, &sockets, &Listeners::default(), budget);
        assert_eq!(holds(&owners, &sockets[0]), [(4, 5), (4, 9), (30, 3)]);
        assert_eq!(holds(&owners, &sockets[1]), [(30, 4)]);
        assert_eq!(holds(&owners, &sockets[2]), []);
        // Held, but not wanted.
        assert_eq!(holds(&owners, &established(9)), []);
        assert_eq!(owners.effort.processes, 3);
        assert_eq!((owners.ownership.held, owners.ownership.hidden), (2, 1));
        let note = owners.note.unwrap().to_string();
        assert_eq!(
            note,
            "owner unknown for 1 socket: closed meanwhile, or not open in any process that was read"
        );
    }
}

#[test]
fn a_search_for_the_lowest_pid_ends_with_the_last_inode() {
    let tree = Tree::new()
        .process(9, "first", &[(3, 7)])
        .process(10, "second", &[(3, 7), (4, 8)])
        .process(100, "third", &[(3, 7), (4, 8)]);
    let sockets = [established(7), established(8)];
    let owners = tree.find(Seek::LowestPid, &sockets);
    let first = |socket| owners.held(socket).first().unwrap().pid;
    assert_eq!((first(&sockets[0]), first(&sockets[1])), (9, 10));
    assert_eq!(owners.effort.processes, 2, "the third cannot be lower");
    assert_eq!((owners.note, owners.loss), (None, None));
}

#[test]
fn processes_that_were_not_listed_at_first_are_searched_too() {
    let tree = Tree::new()
        .process(9, "known", &[(3, 7)])
        .process(10, "begun", &[(3, 7)]);
    let place = tree.place();
    let root = ProcRoot::of(&place).unwrap();
    let search = Search::new(&place, Seek::EveryHolder, Facts::default(), None);
    let mut walk = Walk::new(&root, search, &[7]);
    walk.walk_later(vec![9]);
    let pids: Vec<u32> = walk.processes.keys().copied().collect();
    assert_eq!((pids, walk.effort.processes), (vec![10], 1));
    walk.walk_later(vec![9, 10]);
    assert_eq!(walk.effort.processes, 1);
}

#[test]
fn an_expired_time_limit_is_reported_without_another_reason() {
    let links: Vec<_> = (1..=100).map(|fd| (fd, u64::from(fd))).collect();
    let tree = Tree::new().process(9, "many", &links);
    let sockets = [established(1), established(100)];
    let none = Some(Duration::ZERO);
    let owners = tree.find_by(Seek::EveryHolder, &sockets, &Listeners::default(), none);
    assert!(owners.effort.cut);
    assert_eq!(owners.note, None);
    let loss = owners.loss.unwrap().to_string();
    assert!(loss.contains("(--owner-timeout)"), "{loss}");
}

#[test]
fn with_a_time_limit_no_descriptor_is_read_twice_or_skipped() {
    let links: Vec<_> = (1..=2000).map(|fd| (fd, u64::from(fd))).collect();
    let tree = Tree::new()
        .process(9, "many", &links)
        .process(10, "few", &[(3, 7)]);
    let sockets: Vec<_> = (1..=2000).map(established).collect();
    let budget = Some(Duration::from_secs(60));
    let owners = tree.find_by(Seek::EveryHolder, &sockets, &Listeners::default(), budget);
    assert_eq!(owners.ownership.held, 2000);
    assert_eq!(holds(&owners, &sockets[6]), [(9, 7), (10, 3)]);
    assert_eq!(owners.effort.processes, 2);
}

#[test]
fn sockets_registered_with_io_uring_are_held_without_a_descriptor() {
    let tree = Tree::new()
        .process(9, "ring", &[(3, 7)])
        .ring(9, &[8, 7])
        .process(10, "other", &[(3, 8)]);
    let sockets = [established(7), established(8)];
    let owners = tree.find(Seek::EveryHolder, &sockets);
    let holders = |owners: &Owners, socket: &Socket| {
        let held = owners.held(socket);
        let holders = held.holders().map(|(process, fd)| (process.pid, fd));
        holders.collect::<Vec<_>>()
    };
    assert_eq!(holders(&owners, &sockets[0]), [(9, None), (9, Some(3))]);
    assert_eq!(holders(&owners, &sockets[1]), [(9, None), (10, Some(3))]);
    let lowest = tree.find(Seek::LowestPid, &sockets);
    assert_eq!(lowest.held(&sockets[1]).first().unwrap().pid, 9);
    let ring = ProcessQuery::Name(ProcessName::new(b"ring"));
    let found = inodes_of(&ring, &tree.place()).unwrap().inodes;
    assert!(found.contains(&7) && found.contains(&8));
}

#[test]
fn links_in_a_copied_tree_are_not_followed_to_processes_elsewhere() {
    let elsewhere = Tree::new().process(9, "web", &[(3, 7)]);
    let tree = Tree::new().process(8, "other", &[]);
    symlink(elsewhere.0.path().join("9"), tree.0.path().join("9")).unwrap();
    fs::remove_file(tree.0.path().join("8/comm")).unwrap();
    symlink("/etc/hostname", tree.0.path().join("8/comm")).unwrap();
    let owners = tree.find(Seek::EveryHolder, &[established(7)]);
    assert_eq!((owners.effort.refused, owners.effort.failed), (0, 1));
    let note = owners.note.unwrap().to_string();
    let why = "; cannot read ";
    assert!(note.contains(why), "{note}");
    assert!(
        note.ends_with("/PID/fd of 1 process: symbolic links are not followed here"),
        "{note}"
    );
}

#[test]
fn a_name_that_cannot_be_read_is_unknown_and_noted() {
    let tree = Tree::new()
        .process(8, "", &[(3, 7)])
        .process(9, "web", &[(3, 7)]);
    fs::remove_file(tree.0.path().join("9/comm")).unwrap();
    symlink("/etc/hostname", tree.0.path().join("9/comm")).unwrap();
    let owners = tree.find(Seek::EveryHolder, &[established(7)]);
    let held = owners.held(&established(7));
    let names: Vec<_> = held.processes().map(|process| process.name).collect();
    assert_eq!(names, [Some(ProcessName::default()), None]);
    assert_eq!(owners.note, None);
    let note = owners.unnamed.unwrap().to_string();
    assert!(
        note.starts_with("name unknown for 1 process: cannot read "),
        "{note}"
    );
    assert!(
        note.ends_with("/PID/comm: symbolic links are not followed here"),
        "{note}"
    );
}

#[test]
fn the_threads_of_a_leader_that_has_ended_are_read() {
    let tree = Tree::new()
        .thread(9, 9, &[])
        .thread(9, 11, &[(3, 7)])
        .file("9/comm", b"left\n");
    fs::create_dir(tree.0.path().join("9/fd")).unwrap();
    let owners = tree.find(Seek::EveryHolder, &[established(7)]);
    assert_eq!(holds(&owners, &established(7)), [(9, 3)]);
}

#[test]
fn a_process_that_ends_during_the_search_holds_nothing() {
    let tree = Tree::new().process(9, "gone", &[(3, 7)]);
    fs::remove_file(tree.0.path().join("9/comm")).unwrap();
    let owners = tree.find(Seek::EveryHolder, &[established(7)]);
    assert_eq!(holds(&owners, &established(7)), []);
    assert_eq!((owners.ownership.held, owners.ownership.hidden), (0, 1));
}

#[test]
fn a_connection_never_accepted_belongs_to_its_listener() {
    let tree = Tree::new().process(9, "web", &[(3, 7)]);
    let mut listeners = Listeners::default();
    let listener = socket_at("0.0.0.0:80", State::Listen, 7);
    assert!(listeners.socket(&listener).is_continue());
    let elsewhere = socket_at("127.0.0.1:81", State::Established, 0);
    let sockets = [
        established(0),
        socket(State::CloseWait, 0),
        socket(State::FinWait2, 0),
        elsewhere,
    ];
    let owners = tree.find_by(Seek::EveryHolder, &sockets, &listeners, None);
    for waiting in &sockets[..2] {
        let held = owners.held(waiting);
        assert!(held.never_accepted() && held.first().is_none());
        assert_eq!(holds(&owners, waiting), [(9, 3)]);
    }
    for other in &sockets[2..] {
        assert_eq!(holds(&owners, other), []);
    }
    let ownership = owners.ownership;
    assert_eq!((ownership.never_accepted, ownership.kernel), (2, 2));
    assert_eq!((ownership.held, ownership.hidden), (0, 0));
}

#[test]
fn a_tree_without_processes_and_a_missing_tree_are_reported() {
    let owners = Tree::new().find(Seek::EveryHolder, &[established(7)]);
    assert!(
        owners
            .note
            .unwrap()
            .to_string()
            .ends_with("shows no processes")
    );
    let mut wanted = Wanted::default();
    wanted.add(&established(7));
    let nowhere = Where::ProcRoot("/nowhere".into());
    let search = Search::new(&nowhere, Seek::LowestPid, Facts::default(), None);
    let owners = Owners::find(search, wanted, &Listeners::default());
    assert!(
        owners
            .note
            .unwrap()
            .to_string()
            .contains("/nowhere: No such file")
    );
    assert_eq!(owners.ownership.hidden, 1);
}

#[test]
fn facts_are_read_from_their_files() {
    let id = "0123456789abcdef".repeat(4);
    let cgroup = format!("0::/system.slice/docker-{id}.scope\n");
    let tree = Tree::new()
        .process(9, "web\n\n", &[(3, 7)])
        .file("9/cmdline", b"web\0--port\x0080\0")
        .file("9/cgroup", cgroup.as_bytes());
    let owners = tree.find(Seek::LowestPid, &[established(7)]);
    let held = owners.held(&established(7));
    let process = held.first().unwrap();
    assert_eq!(process.name.unwrap().text(), "web\n\n");
    assert_eq!(process.command_line.as_deref(), Some("web --port 80"));
    let unit = format!("docker-{id}.scope");
    assert_eq!(process.placement.unit.as_deref(), Some(&*unit));
    assert_eq!(process.placement.container.as_deref(), Some(&*id));
}

#[test]
fn only_the_inodes_of_matching_processes_are_found() {
    let tree = Tree::new()
        .process(9, "web", &[(3, 7), (4, 8), (5, 8)])
        .process(10, "web)", &[(3, 9)])
        .process(11, "fifteen-bytes-l", &[(3, 10)])
        .process(12, "web", &[(3, 12)])
        .thread(12, 13, &[(3, 12)]);
    let inodes = |query: &ProcessQuery| {
        let found = inodes_of(query, &tree.place()).unwrap();
        assert_eq!((found.refused, found.hiding), (0, None));
        let mut inodes: Vec<_> = found.inodes.into_iter().collect();
        inodes.sort_unstable();
        inodes
    };
    let called = |name: &str| ProcessQuery::Name(ProcessName::new(name.as_bytes()));
    assert_eq!(inodes(&called("web")), [7, 8, 12]);
    assert_eq!(inodes(&called("fifteen-bytes-long")), [10]);
    assert!(inodes(&called("we")).is_empty());
    assert_eq!(inodes(&ProcessQuery::Pid(10)), [9]);
    assert!(inodes(&ProcessQuery::Pid(99)).is_empty());
    let processes = |name| inodes_of(&called(name), &tree.place()).unwrap().processes;
    assert!(processes("web") > 1 && processes("we") == 0);
    assert!(inodes_of(&called("web"), &Where::ProcRoot("/nowhere".into())).is_err());
}

#[test]
fn this_process_holds_what_it_opened() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
    let link = fs::read_link(path).unwrap();
    let own = ProcessQuery::Pid(std::process::id());
    let found = inodes_of(&own, &Where::Here).unwrap();
    assert_eq!(found.processes, 1);
    let named = found.inodes.iter().map(|inode| format!("socket:[{inode}]"));
    assert_eq!(named.filter(|name| link == Path::new(name)).count(), 1);
}
