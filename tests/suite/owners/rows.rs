//! Owners in rows and groups, in every format and column.

use std::net::{TcpListener, TcpStream};

use super::holder::Holder;
use crate::answer::{Answer, Owners};
use crate::child::command;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;

const COLUMNS: &str = "--columns=fd,command-line,unit,container,inode";

in_namespace!(
    fn an_owner_has_a_name_a_pid_a_descriptor_and_arguments() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = Holder::of(&listener);
        drop(listener);
        let json = run(["list", "-p", COLUMNS, "--json"]).succeeded();
        let (sockets, summary) = Listed::all(&json);
        let [socket] = &sockets[..] else {
            panic!("{json:?}");
        };
        let [found] = &socket.processes.as_deref().unwrap() else {
            panic!("{socket:?}");
        };
        assert_eq!(
            (found.pid, &*found.name, found.fd),
            (holder.pid(), "sleep", Some(0))
        );
        assert_eq!(socket.never_accepted, Some(false));
        assert_eq!(socket.fd.as_deref(), Some(&[0][..]));
        assert_eq!(
            socket.command_line.as_deref(),
            Some(&["sleep 300".to_owned()][..])
        );
        assert!(socket.unit.is_some() && socket.container.is_some());
        let held = Owners {
            held: 1,
            ..Owners::default()
        };
        assert_eq!(summary.owners, Some(held));

        let word = format!("sleep({})", holder.pid());
        let table = run(["list", "-p", COLUMNS]).succeeded().stdout;
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row[6..9], [&*word, "0", r#""sleep\x20300""#], "{table}");
        let csv = run(["list", "--format=csv", "--columns=process,fd"]).succeeded();
        assert!(csv.stdout.ends_with(&format!(",{word},0\n")), "{csv:?}");
        assert!(csv.stdout.contains(",processes,fd\n"), "{csv:?}");
    }
);

in_namespace!(
    fn sorted_and_limited_lists_show_the_same_owners() {
        let listeners: Vec<_> = (0..5)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let holders: Vec<_> = listeners.iter().map(Holder::of).collect();
        let me = std::process::id();
        let pids = |options: &str| {
            let words = ["list", "-p", "--json", "--limit=3", options];
            let json = run(words).succeeded();
            Listed::all(&json)
                .0
                .iter()
                .map(|socket| {
                    let pids = socket.processes.iter().flatten().map(|one| one.pid);
                    (socket.local_port, pids.collect::<Vec<_>>())
                })
                .collect::<Vec<_>>()
        };
        for options in ["--sort=local-port:desc", "--color=never", "--source=proc"] {
            let rows = pids(options);
            assert_eq!(rows.len(), 3, "{rows:?}");
            for (port, pids) in rows {
                let is_at = |at: &usize| listeners[*at].local_addr().unwrap().port() == port;
                let at = (0..5).find(is_at).unwrap();
                assert_eq!(pids, [me, holders[at].pid()], "{options}");
            }
        }
    }
);

in_namespace!(
    fn a_shared_socket_counts_once_for_the_lowest_pid() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let first = Holder::of(&server);
        let second = Holder::of(&server);
        drop(server);
        let me = std::process::id();
        let lowest = first.pid().min(second.pid());
        let json = Answer::of(&run(["--by=pid", "--json"]).succeeded());
        let groups: Vec<_> = json
            .groups
            .iter()
            .map(|group| (group.key["pid"].as_u64().unwrap(), group.total))
            .collect();
        assert_eq!(groups, [(me.into(), 2), (lowest.into(), 1)]);
        let own = std::fs::read_to_string("/proc/self/comm").unwrap();
        let table = run(["--by", "process,state"]).succeeded().stdout;
        let row = |name: &str| {
            let line = table.lines().find(|line| line.starts_with(name));
            let words = line.unwrap_or_else(|| panic!("{table}")).split_whitespace();
            words.skip(1).take(2).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("sleep"), "ESTABLISHED 1");
        assert_eq!(json.total, 3);
        assert!(!own.is_empty());
    }
);

in_namespace!(
    fn watched_process_groups_show_their_change() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let words = ["--by=pid", "--json", "--watch=0.05", "--samples=2", "-v"];
        let ran = run(words);
        let samples = Answer::all(&ran);
        assert_eq!(samples[1].groups[0].change, Some(0), "{ran:?}");
        assert_eq!(samples[1].owners.as_ref().unwrap().held, 1);
        let notes = ran.stderr.matches("owners: 1 held, 0 the kernel's").count();
        assert_eq!(notes, 2, "{ran:?}");
    }
);

in_namespace!(
    fn an_owner_search_within_its_timeout_is_complete() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = Holder::start(command("sleep").arg("300"), &listener);
        let json = run(["list", "-p", "--json", "--owner-timeout", "100"]).succeeded();
        let sockets = Listed::all(&json).0;
        let pids = sockets[0].processes.iter().flatten().map(|one| one.pid);
        assert!(pids.eq([std::process::id(), holder.pid()]));
    }
);
