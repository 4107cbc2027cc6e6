//! Command lines as people type them who know ss and netstat: what each gives here.

use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// Command lines that are answered like the others of their row.
const SAME: [(&str, &[&str]); 5] = [
    (
        "",
        &[
            "-t",
            "-n",
            "-ta",
            "-tan",
            "-tna",
            "-nt",
            "-O",
            "-46",
            "-4 -6",
            "--tcp --numeric --all",
        ],
    ),
    ("-l", &["-tl", "-tln", "-lnt", "-tlan"]),
    ("-4", &["-t4", "-4n", "-tan4"]),
    (
        "list",
        &["list -t", "list -tan", "list -n", "list -O", "list -46"],
    ),
    (
        "list -lp",
        &["list -tlnp", "list -plnt", "list -l --processes"],
    ),
];

/// Command lines that are refused, and what the line says.
const HINTS: [(&str, &str); 41] = [
    ("-s", "tcpstates"),
    ("-p", "tcpstates list -p, or tcpstates --by process"),
    ("-tanp", "tcpstates list -p"),
    (
        "-i",
        "tcpstates list --columns rtt,cwnd,retransmits,delivery-rate",
    ),
    ("list -i", "--columns rtt,cwnd"),
    ("-ti", "--columns rtt,cwnd"),
    ("-o", "tcpstates list --columns timer"),
    ("list -o", "--columns timer"),
    ("-m", "tcpstates list --columns drops"),
    ("-e", "tcpstates list --columns user,inode,cookie"),
    ("-r", "never resolved"),
    ("-K", "observes only"),
    ("-E", "tcpstates trace"),
    ("-w 1", "tcpstates --watch 1"),
    ("list -w 2", "tcpstates list --watch 2"),
    ("-c", "tcpstates --watch 1"),
    ("-c 5", "tcpstates --watch 5"),
    ("-w close-wait=100", "tcpstates check -w close-wait=100"),
    ("-c close-wait=100", "tcpstates check -c close-wait=100"),
    ("--since 1h", "compare later with --compare"),
    ("-u", "only TCP"),
    ("--udp", "only TCP"),
    ("-x", "only TCP"),
    ("-a", "every state is shown already"),
    ("list -a", "every state is shown already"),
    ("-A tcp", "only TCP"),
    ("list -n 20", "tcpstates list --limit 20"),
    ("watch", "tcpstates --watch 1"),
    ("top", "tcpstates --watch 1"),
    ("stats", "tcpstates"),
    ("ls", "tcpstates list"),
    ("--sort rtt", "it is an option of tcpstates list"),
    ("--columns rtt", "it is an option of tcpstates list"),
    (
        "--limit 3",
        "it is an option of tcpstates list, tcpstates trace",
    ),
    (
        "--window 3",
        "it is an option of tcpstates check, tcpstates doctor",
    ),
    ("--segments", "it is an option of tcpstates trace"),
    ("list --zeros", "it is an option of tcpstates"),
    (
        "list --by state",
        "it is an option of tcpstates, tcpstates check, tcpstates trace",
    ),
    (
        "doctor --state close",
        "it is an option of tcpstates, tcpstates list",
    ),
    ("doctor -l", "it is an option of tcpstates, tcpstates list"),
    ("list --segments", "it is an option of tcpstates trace"),
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

in_namespace!(
    fn letters_without_a_meaning_here_change_nothing() {
        let wanted = SocketCounts::none()
            .with(Family::V4, State::Established, 2)
            .with(Family::V6, State::Listen, 1);
        let _sockets = Zoo::open(&wanted);
        for (plain, others) in SAME {
            let expected = run(words(plain)).succeeded().stdout;
            for other in others {
                let stdout = run(words(other)).succeeded().stdout;
                assert_eq!(stdout, expected, "{other}");
            }
        }
    }
);

in_namespace!(
    fn the_heading_and_the_total_are_left_out_on_request() {
        let wanted = SocketCounts::none().with(Family::V4, State::Established, 2);
        let _sockets = Zoo::open(&wanted);
        for (plain, bare) in [
            ("", "-H"),
            ("--by state", "--by state -H"),
            ("list", "list -tanH"),
        ] {
            let whole = run(words(plain)).succeeded().stdout;
            let rows: Vec<&str> = whole.lines().skip(1).collect();
            let rows = rows.iter().filter(|line| !line.starts_with("TOTAL"));
            let rows: String = rows.map(|line| format!("{line}\n")).collect();
            // The columns may be narrower without their headings.
            let stdout = run(words(bare)).succeeded().stdout;
            assert!(
                stdout.split_whitespace().eq(rows.split_whitespace()),
                "{bare}: {stdout}"
            );
        }
        let csv = run(words("list --no-header --format csv"))
            .succeeded()
            .stdout;
        assert!(
            !csv.starts_with("time,") && csv.lines().count() == 2,
            "{csv}"
        );
    }
);

in_namespace!(
    fn what_is_spelt_otherwise_gets_one_line_with_the_command_to_type() {
        for (line, expected) in HINTS {
            let ran = run(words(line));
            assert_eq!(
                (ran.status, ran.stdout.as_str()),
                (2, ""),
                "{line}: {ran:?}"
            );
            assert_eq!(ran.stderr.lines().count(), 1, "{line}: {ran:?}");
            assert!(ran.stderr.contains(expected), "{line}: {ran:?}");
            assert!(!ran.stderr.contains("did you mean"), "{line}: {ran:?}");
        }
    }
);

in_namespace!(
    fn the_commands_that_hints_name_are_valid() {
        for line in [
            "list -p",
            "--by process",
            "list --columns rtt,cwnd,retransmits,delivery-rate",
            "list --columns timer",
            "list --columns drops",
            "list --columns user,inode,cookie",
            "list --limit 20",
            "--watch 1 --samples 1",
            "family inet6",
            "check -w close-wait=100 -c close-wait=1000",
        ] {
            run(words(line)).succeeded();
        }
    }
);
