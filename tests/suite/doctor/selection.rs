//! `doctor FILTER`: findings about the sockets that pass, and about the whole namespace, which they say;
//! and `doctor --brief`.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use rustix::net::listen;

use super::commands::assert_commands_run;
use super::report::Report;
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::sysctl::write_sysctl;

/// A listener at this port whose accept queue is full.
fn full(port: u16) -> (TcpListener, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listen(&listener, 0).unwrap();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    (listener, client)
}

fn on(filter: &[&str]) -> Report {
    let arguments = ["doctor", "--json", "--window=0.1"];
    Report::of(&run([&arguments, filter].concat()))
}

in_namespace!(
    fn only_the_sockets_that_pass_have_findings_and_commands_select_them() {
        let _queues = [full(8_080), full(8_081)];
        let ports = |report: &Report| -> Vec<u64> {
            let found = report.findings_of("accept-queue").into_iter();
            found
                .map(|one| one.subject["local_port"].as_u64().unwrap())
                .collect()
        };
        let mut all = ports(&on(&[]));
        all.sort_unstable();
        assert_eq!(all, [8_080, 8_081]);
        let one = on(&["sport", "=", ":8080", "or", "dport", "=", ":8080"]);
        let filter = "sport = :8080 or dport = :8080";
        assert_eq!(one.filter.as_deref(), Some(filter));
        assert_eq!((one.total, ports(&one)), (3, vec![8_080]));
        let finding = one.finding("accept-queue");
        assert_eq!(finding.scope, None);
        for command in &finding.commands {
            let selects = format!("sport = 8080 and ({filter})'");
            assert!(command.ends_with(&selects), "{command}");
        }
        assert_commands_run(finding);
        assert!(on(&["sport = :9999"]).findings.is_empty());
        let healthy = run(["doctor", "--window=0.1", "sport = :9999"]);
        assert_eq!(healthy.status, 0, "{healthy:?}");
        // What is the whole host's is not visible in a namespace.
        assert!(
            healthy.stdout.starts_with("OK          but "),
            "{healthy:?}"
        );
        let selected = "nothing wrong found in 0 TCP, MPTCP and UDP sockets of this network namespace selected by `sport = :9999`";
        assert!(healthy.stdout.contains(selected), "{healthy:?}");
        let (_, wide) = healthy
            .stdout
            .split_once("; for the whole namespace or host: ")
            .unwrap();
        assert!(wide.starts_with("ephemeral-ports, "), "{wide}");
        // The filter may leave no state that a rule reads.
        for filter in ["state listen", "state time-wait"] {
            assert_eq!(
                on(&[filter]).total,
                if filter == "state listen" { 2 } else { 0 }
            );
        }
    }
);

in_namespace!(
    fn a_limit_of_the_namespace_is_evaluated_whatever_the_filter_and_says_so() {
        write_sysctl("ipv4/ip_local_port_range", "40000 40099");
        write_sysctl("ipv4/tcp_tw_reuse", "0");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 8_080)).unwrap();
        let address = listener.local_addr().unwrap();
        let _clients: Vec<_> = (0..92)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let report = on(&["sport = :9999"]);
        assert_eq!(report.total, 0);
        let finding = report.finding("ephemeral-ports");
        assert_eq!(finding.value, Some(92.0));
        assert_eq!(finding.scope.as_deref(), Some("namespace"));
        assert_commands_run(finding);
        let text = run(["doctor", "--window=0.1", "sport = :9999"]).stdout;
        let scope = "\n  scope     the whole network namespace, not only the sockets that pass the filter\n";
        assert!(text.contains(scope), "{text}");
        let text = run(["doctor", "--window=0.1"]).stdout;
        assert!(!text.contains("  scope "), "{text}");
    }
);

in_namespace!(
    fn brief_is_one_line_for_each_finding_and_a_small_terminal_shows_the_first_one() {
        let queues = [full(8_080), full(8_081), full(8_082)];
        let brief = run(["doctor", "--brief", "--window=0.1"]);
        assert_eq!(brief.status, 5, "{brief:?}");
        let lines: Vec<&str> = brief.stdout.lines().collect();
        let findings = lines
            .iter()
            .filter(|line| line.starts_with("CRITICAL    accept-queue: "));
        assert_eq!(findings.count(), queues.len(), "{brief:?}");
        let holder = format!(" (pid {}): 1", std::process::id());
        assert!(lines[0].ends_with(&holder), "{brief:?}");
        assert!(lines.iter().all(|line| !line.starts_with(' ')), "{brief:?}");
        let mut terminal = Terminal::with(&["doctor", "--window=0.1"]);
        terminal.wait_for("`tcpstates doctor | less` shows all of it");
        assert_eq!(terminal.wait_for_end().code(), Some(5));
        let text = terminal.text();
        assert!(
            text.starts_with("CRITICAL    the accept queue of "),
            "{text}"
        );
        assert!(text.contains("\nCRITICAL    accept-queue: "), "{text}");
    }
);

#[test]
fn a_filter_that_is_not_valid_or_whose_process_does_not_exist_is_an_error() {
    for (filter, status, expected) in [
        ("sport = nonsense:", 2, "nonsense"),
        ("dprt = :80", 2, "did you mean"),
        ("process = no-such-process-here", 1, "nothing was examined"),
    ] {
        let ran = run(["doctor", "--window=0.05", filter]);
        assert_eq!((ran.status, &*ran.stdout), (status, ""), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

in_namespace!(
    fn letters_of_ss_and_kind_select_what_is_examined() {
        const UNIX: [&str; 3] = ["unix-stream", "unix-dgram", "unix-seqpacket"];
        let all = ["tcp", "mptcp", "udp", "netlink"].into_iter().chain(UNIX);
        let all: Vec<&str> = all.collect();
        for (words, kinds) in [
            ("", all.as_slice()),
            ("-a", &all),
            ("-A all", &all),
            ("-t", &["tcp"]),
            ("-ta", &["tcp"]),
            ("-tu", &["tcp", "udp"]),
            ("-M", &["mptcp"]),
            ("-x", &UNIX),
            ("--unix", &UNIX),
            ("-u -A netlink", &["udp", "netlink"]),
            ("-A inet", &["tcp", "mptcp", "udp"]),
        ] {
            let options = ["doctor", "--json", "--window=0.05"];
            let report = Report::of(&run(options.into_iter().chain(words.split_whitespace())));
            let examined: Vec<&str> = report.kinds.iter().map(|one| &*one.kind).collect();
            assert_eq!(examined, kinds, "{words}");
            let has = |id: &str| report.examined.contains(&id.to_owned());
            assert_eq!(has("udp-drops"), kinds.contains(&"udp"), "{words}");
            assert_eq!(
                has("unix-accept-queue"),
                kinds.contains(&UNIX[0]),
                "{words}"
            );
            assert_eq!(has("netlink-drops"), kinds.contains(&"netlink"), "{words}");
            assert_eq!(has("time-wait"), kinds.contains(&"tcp"), "{words}");
        }
        let text = run(["doctor", "--window=0.05", "-x"]).stdout;
        let verdict = "nothing wrong found in 0 UNIX sockets of this network namespace over ";
        assert!(text.contains(verdict), "{text}");
    }
);

#[test]
fn kinds_without_rules_are_refused_in_one_line() {
    for (words, kinds) in [
        ("-w", "RAW"),
        ("-0", "PACKET"),
        ("-xw", "RAW"),
        ("-w0", "RAW and PACKET"),
        ("-A tcp,ping", "PING"),
        ("-x -A udplite", "UDP-Lite"),
    ] {
        let ran = run(["doctor"].into_iter().chain(words.split_whitespace()));
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        let expected = format!(
            "no rule of doctor is about {kinds} sockets; there are rules about TCP, MPTCP, UDP, NETLINK and UNIX"
        );
        assert!(ran.stderr.contains(&expected), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}
