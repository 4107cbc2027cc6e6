//! Every word that selects a namespace, and several of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use rustix::thread::UnshareFlags;

use super::{Named, count, make_directory};
use crate::child::{self, Start};
use crate::mounts::run_in_pid_namespace;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::wait::wait_for;

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_name_a_process_a_file_and_an_inode_number_select_the_same_namespace() {
        make_directory();
        let blue = Named::with_connections("blue", 3);
        let process = blue.start_process(&["sleep", "600"]);
        let (pid, inode) = (process.id(), blue.neighbour.inode);
        let thread = format!("/proc/self/task/{}/ns/net", blue.neighbour.thread_id);
        let thread = fs::canonicalize("/proc/self")
            .map(|own| thread.replace("/proc/self", own.to_str().unwrap()));
        symlink("/run/netns/blue", "/run/link").unwrap();
        for word in [
            "blue".to_owned(),
            pid.to_string(),
            format!("pid:{pid}"),
            format!("pid:{pid}/sleep"),
            format!("/proc/{pid}/ns/net"),
            "/run/netns/blue".to_owned(),
            "/run/link".to_owned(),
            thread.unwrap(),
            format!("net:{inode}"),
            format!("net:[{inode}]"),
            inode.to_string(),
            format!("blue,{pid},net:{inode}"),
        ] {
            let (ran, answer) = count(&word);
            assert_eq!((ran.status, &*ran.stderr), (0, ""), "{word}: {ran:?}");
            assert_eq!((answer.total, &*answer.source), (7, "netlink"), "{word}");
            let tables = run(["--json", "--netns", &word, "--source", "proc"]);
            assert!(tables.stdout.contains("\"total\":7,"), "{word}: {tables:?}");
        }
        let own = std::process::id();
        assert_eq!(count(&own.to_string()).1.total, 0);
        blue.unmount();
        let (ran, answer) = count(&format!("net:{inode}"));
        assert_eq!((ran.status, answer.total), (0, 7), "{ran:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_mount_that_another_namespace_covers_does_not_stand_for_it() {
        make_directory();
        let blue = Named::with_connections("blue", 3);
        let red = Named::with_connections("red", 1);
        rustix::mount::mount_bind(&red.path, &blue.path).unwrap();
        let word = format!("net:{}", blue.neighbour.inode);
        let ran = run(["--json", "--netns", &word]);
        // It may be that of a process which an ordinary user cannot read.
        let is_unread = ran.stderr.contains("CAP_SYS_PTRACE");
        let status = if is_unread { 1 } else { 2 };
        assert_eq!((ran.status, &*ran.stdout), (status, ""), "{ran:?}");
        assert_eq!(count("blue").1.total, 3);
        let link = format!("/proc/self/task/{}/ns/net", blue.neighbour.thread_id);
        fs::write("/run/elsewhere", "").unwrap();
        rustix::mount::mount_bind(link, "/run/elsewhere").unwrap();
        assert_eq!(count(&word).1.total, 7);
    }
);

/// A process whose first thread has ended, in a network namespace that only its second one is in.
const LEADERLESS: &str = "
import ctypes, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def stay():
    assert libc.unshare(0x40000000) == 0
    print(threading.get_native_id(), flush=True)
    time.sleep(600)
threading.Thread(target=stay).start()
libc.pthread_exit(None)
";

in_namespace!(
    fn a_process_whose_first_thread_has_ended_is_in_the_namespace_of_another() {
        let mut python = child::command("python3");
        let Ok(mut running) = python.args(["-c", LEADERLESS]).start() else {
            crate::skip::skip("python3 is not installed");
        };
        let thread = running.next_line().unwrap();
        let pid = running.id();
        let stat = format!("/proc/{pid}/stat");
        wait_for("the end of the first thread", || {
            fs::read_to_string(&stat)
                .unwrap()
                .contains(") Z ")
                .then_some(())
        });
        let link = fs::read_link(format!("/proc/{pid}/task/{thread}/ns/net")).unwrap();
        let word = link.to_str().unwrap().to_owned();
        for word in [pid.to_string(), word] {
            let (ran, answer) = count(&word);
            assert_eq!((ran.status, answer.total), (0, 0), "{ran:?}");
        }
    }
);

/// The states of one namespace by ss(8), which needs more privileges than to enter it.
fn count_by_ss(name: &str) -> Option<usize> {
    let mut ss = child::command("ss");
    let output = ss.args(["-HtanN", name]).run_to_end().ok()?;
    let stdout = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| stdout.lines().count())
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn several_namespaces_add_up_to_each_of_them_and_to_ss() {
        make_directory();
        let names = ["blue", "green", "red", "white", "a b\u{1b}[31m"];
        let named = names.iter().zip(0..);
        let named: Vec<Named> = named
            .map(|(name, connections)| Named::with_connections(name, connections))
            .collect();
        let mut total = 0;
        for (name, connections) in names.iter().zip(0..) {
            let (ran, answer) = count(name);
            assert_eq!(answer.total, 1 + 2 * connections, "{ran:?}");
            if let Some(by_ss) = count_by_ss(name) {
                assert_eq!(by_ss, answer.total, "{name}");
            }
            total += answer.total;
        }
        let (ran, answer) = count(&names.join(","));
        assert_eq!((ran.status, answer.total), (0, total), "{ran:?}");
        assert!(answer.complete);

        let list = run(["list", "-H", "-N", "blue,green", "-N", "red"]);
        assert_eq!(list.stdout.lines().count(), 1 + 3 + 5, "{list:?}");
        let limited = run(["list", "-H", "-N", &names.join(","), "--limit", "3"]);
        assert_eq!(limited.stdout.lines().count(), 3, "{limited:?}");
        let sorted = run(["list", "-H", "-N", "blue,green,red", "--sort", "state:desc"]);
        assert_eq!(sorted.stdout.lines().count(), 1 + 3 + 5, "{sorted:?}");
        let groups = run(["--by", "state", "--json", "-N", "blue,green,red"]);
        assert!(groups.stdout.contains("\"total\":9,"), "{groups:?}");
        let check = run(["check", "-N", "blue,green,red", "-c", "total=8"]);
        assert_eq!(check.status, 2, "{check:?}");
        let plan = run(["-v", "-N", "green,red"]).stderr;
        assert!(
            plan.contains("plan: green, red: list the selected"),
            "{plan}"
        );
        let explained = run(["--explain", "-N", "blue,red", "sport", "=", "80"]).stdout;
        assert_eq!(explained.matches("\nnetns ").count(), 2, "{explained}");
        drop(named);
    }
);

in_namespace!(
    fn host_is_the_namespace_of_process_1() {
        let script = "mount -t proc proc /proc || exit 99
            $PROGRAM --json --netns host; unshare --net $PROGRAM --json --netns host,$$";
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ran = run_in_pid_namespace(script, Stdio::null(), |_| {});
        let totals = ran.stdout.matches("\"total\":1,").count();
        assert_eq!((ran.status, totals), (0, 2), "{ran:?}");
        drop(listener);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn every_command_reads_a_selected_namespace_or_refuses_several_by_name() {
        make_directory();
        let blue = Named::with_connections("blue", 2);
        let red = Named::with_connections("red", 0);
        let one = [
            (&["--json"][..], "\"total\":5,"),
            (&["--by", "state"], "ESTABLISHED      4"),
            (&["list", "-l"], "LISTEN"),
            (&["check", "-w", "total=9"], "OK - total 5"),
            (&["check", "-w", "accept-queue=80%"], "OK - "),
            (
                &["check", "-w", "listen-drops=1/s", "--window", "0.1"],
                "OK - ",
            ),
            (
                &["doctor", "--window", "0.1"],
                "5 TCP sockets of network namespace blue",
            ),
            (&["--explain"], "plan"),
            (
                &["--watch", "0.05", "--samples", "2", "--json"],
                "\"total\":5,",
            ),
            (
                &["trace", "--duration", "0.1", "--show", "summary"],
                "connections",
            ),
        ];
        for (arguments, expected) in one {
            let ran = run([arguments, &["-N", "blue"]].concat());
            assert!(ran.stdout.contains(expected), "{arguments:?}: {ran:?}");
        }
        for (arguments, what) in [
            (&["check", "-w", "accept-queue=80%"][..], "accept-queue"),
            (&["check", "-w", "listen-drops=1/s"], "listen-drops"),
            (&["--by", "interface"], "`interface`"),
            (&["dev", "lo"], "own interfaces"),
            (&["autobound"], ""),
        ] {
            let ran = run([arguments, &["-N", "blue,red"]].concat());
            let text = format!("{}{}", ran.stdout, ran.stderr);
            if !what.is_empty() {
                assert!(
                    text.contains("select one") && text.contains(what),
                    "{ran:?}"
                );
            }
        }
        let both = ["--json", "-N", "blue", "-N", "red"];
        let ran = crate::program::ran(command(both).run_to_end().unwrap());
        assert!(ran.stdout.contains("\"total\":6,"), "{ran:?}");
        drop((blue, red));
    }
);
