//! `doctor` and `check` about several namespaces.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::mpsc::channel;

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, listen, socket_with};
use rustix::thread::UnshareFlags;

use super::every::run_script;
use super::{Named, make_directory};
use crate::doctor::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;

/// A listener whose queue is full, and the clients that fill it.
fn full_queue() -> (TcpListener, Vec<OwnedFd>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, 1).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let client = |_| {
        let flags = SocketFlags::NONBLOCK;
        let client = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
        let _ = connect(&client, &address);
        client
    };
    (listener, (0..2).map(client).collect())
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn each_finding_names_its_namespace_and_its_commands_select_it() {
        make_directory();
        let named = ["blue", "red", "white"].map(|name| Named::with_connections(name, 0));
        let (tell, told) = channel();
        for one in &named[..2] {
            let tell = tell.clone();
            one.neighbour.run(move || tell.send(full_queue()).unwrap());
        }
        let _full: Vec<_> = named[..2].iter().map(|_| told.recv().unwrap()).collect();
        let arguments = [
            "doctor",
            "--json",
            "--window",
            "0.1",
            "-N",
            "blue,red,white",
        ];
        let is_full = |report: &Report| {
            let queues = report
                .findings
                .iter()
                .filter(|one| one.id == "accept-queue");
            queues.count() == 2
        };
        let report = Report::until_from(|| Report::of(&run(arguments)), is_full);
        assert!(report.complete, "{report:?}");
        let mut names = Vec::new();
        for finding in report
            .findings
            .iter()
            .filter(|one| one.id == "accept-queue")
        {
            let name = finding.netns.clone().unwrap();
            let option = format!(" --netns {name} ");
            assert!(
                finding.commands.iter().all(|one| one.contains(&option)),
                "{finding:?}"
            );
            names.push(name);
        }
        names.sort();
        assert_eq!(names, ["blue", "red"]);
        let text = run(["doctor", "--window", "0.1", "-N", "blue,white"]);
        assert!(text.stdout.contains("\n  netns     blue\n"), "{text:?}");
        let brief = run(["doctor", "--brief", "--window", "0.1", "-N", "red,white"]);
        assert!(brief.stdout.contains("; netns red"), "{brief:?}");
        let filtered = run([
            "doctor",
            "--window",
            "0.1",
            "-N",
            "blue,red,white",
            "netns = white",
        ]);
        assert!(
            filtered
                .stdout
                .contains("nothing wrong found in 1 TCP socket"),
            "{filtered:?}"
        );
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn without_privilege_one_note_is_about_the_tables_of_all_namespaces() {
        make_directory();
        let blue = Named::with_connections("blue", 1);
        let doctor = "setpriv --bounding-set=-sys_admin,-sys_ptrace --inh-caps=-all $PROGRAM doctor \
            --window 0.1 -N all";
        let ran = run_script(doctor);
        let times = |text: &str| ran.stderr.matches(text).count();
        assert_eq!(times("read PID/net of processes in "), 1, "{ran:?}");
        assert_eq!(times(", because entering it takes "), 0, "{ran:?}");
        let verbose = run_script(&format!("{doctor} -v"));
        let plan = verbose.stderr.lines().find(|line| line.contains("plan: "));
        let tables = plan.map(|plan| {
            plan.matches("/net: the network namespace cannot be entered")
                .count()
        });
        // That of process 1 is the caller's.
        assert!(tables >= Some(1), "{verbose:?}");
        drop(blue);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_check_judges_each_namespace() {
        make_directory();
        let named = [("blue", 1), ("red", 6)];
        let named = named.map(|(name, connections)| Named::with_connections(name, connections));
        let arguments = [
            "check",
            "-N",
            "blue,red",
            "--by",
            "netns",
            "-c",
            "established=10",
        ];
        let check = run(arguments);
        assert_eq!(check.status, 2, "{check:?}");
        assert!(check.stdout.contains("red"), "{check:?}");
        assert!(!check.stdout.contains("blue: "), "{check:?}");
        let every = run([
            "check",
            "-N",
            "all",
            "--by",
            "netns",
            "-c",
            "established=10",
        ]);
        assert_eq!(every.status, 2, "{every:?}");
        let alone = run(["check", "--by", "netns", "-c", "established=10"]);
        assert_eq!(alone.status, 2, "{alone:?}");
        drop(named);
    }
);
