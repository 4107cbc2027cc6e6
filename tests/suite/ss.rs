//! Command lines as people type them who know ss and netstat: what each gives here.

use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// Command lines that are answered like the others of their row.
const SAME: [(&str, &[&str]); 13] = [
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
    ("-A tcp", &["", "--query tcp"]),
    ("-u", &["-ua", "-uan", "--udp", "-A udp", "--kind=udp"]),
    ("list -tulp", &["list -tulpn", "list -lp -A tcp,udp"]),
    ("-l", &["-tl", "-tln", "-lnt", "-tlan"]),
    ("-4", &["-t4", "-4n", "-tan4", "-tf inet"]),
    ("-A all", &["-a", "-an", "-A inet,unix,packet,netlink"]),
    (
        "-A inet",
        &["-f inet -6", "-A tcp,mptcp,udp,udplite,raw,ping"],
    ),
    ("list -A raw", &["list -w", "list -wan", "list --raw"]),
    ("-A packet", &["-0", "--packet", "-f link"]),
    ("-A netlink -l", &["-f netlink -l", "-A NETLINK -nl"]),
    (
        "list",
        &["list -t", "list -tan", "list -n", "list -O", "list -46"],
    ),
    (
        "list -lp",
        &["list -tlnp", "list -plnt", "list -l --processes"],
    ),
];

/// Command lines that are refused, and the command that the line suggests.
const HINTS: [(&str, &str); 68] = [
    ("-s", "tcpstates -a"),
    ("-s :443", "tcpstates -a :443"),
    ("-p", "tcpstates list -p"),
    ("-p :443", "tcpstates list -p :443"),
    ("-lp", "tcpstates list -lp"),
    ("-tlnp", "tcpstates list -lp"),
    ("-tulpn", "tcpstates list -tulp"),
    ("-up", "tcpstates list -up"),
    ("-tanp", "tcpstates list -p"),
    ("--program", "tcpstates list -p"),
    (
        "-i",
        "tcpstates list --columns rtt,cwnd,retransmits,delivery-rate",
    ),
    (
        "list -i",
        "tcpstates list --columns rtt,cwnd,retransmits,delivery-rate",
    ),
    (
        "-tipl :80",
        "tcpstates list -pl --columns rtt,cwnd,retransmits,delivery-rate :80",
    ),
    ("-o", "tcpstates list --columns timer"),
    ("list -o", "tcpstates list --columns timer"),
    ("-m", "tcpstates list --columns drops"),
    ("-e", "tcpstates list --columns user,inode,cookie"),
    ("-r", "tcpstates list"),
    ("-K dst 10/8", "tcpstates list dst 10/8"),
    ("-E", "tcpstates trace"),
    ("-w 1", "tcpstates --watch 1"),
    ("list -w 2", "tcpstates list --watch 2"),
    ("-c", "tcpstates --watch 1"),
    ("-c 5 :443", "tcpstates --watch 5 :443"),
    ("-n 1", "tcpstates --watch 1"),
    ("-tn 2 -l", "tcpstates -l --watch 2"),
    ("list -n 20 -p", "tcpstates list -p --limit 20"),
    ("-w close-wait=100", "tcpstates check -w close-wait=100"),
    ("-c close-wait=100", "tcpstates check -c close-wait=100"),
    ("-ud --json", "tcpstates -u --json"),
    ("-d", "tcpstates"),
    ("--vsock", "tcpstates"),
    ("-anp", "tcpstates list -ap"),
    ("-tanp", "tcpstates list -p"),
    ("-Z", "tcpstates list -p"),
    ("-z", "tcpstates list -p"),
    ("-b", "tcpstates list"),
    ("-T", "tcpstates list -p"),
    ("-D file", "tcpstates list --json"),
    ("--csv", "tcpstates --format csv"),
    ("list -l --csv", "tcpstates list -l --format csv"),
    ("--listen", "tcpstates --listening"),
    ("list --established", "tcpstates list established"),
    ("--numeric-ports", "tcpstates"),
    ("--sort rtt :443", "tcpstates list --sort rtt :443"),
    ("--columns rtt", "tcpstates list --columns rtt"),
    ("--limit=3", "tcpstates list --limit=3"),
    ("--window 3", "tcpstates doctor --window 3"),
    ("--wait 1", "tcpstates check --wait 1"),
    ("--segments", "tcpstates trace --segments"),
    ("list --zeros", "tcpstates --zeros"),
    ("list --by state -l", "tcpstates -l --by state"),
    ("list --segments", "tcpstates trace --segments"),
    ("doctor -F file", "tcpstates doctor sport = :443"),
    ("doctor -4", "tcpstates doctor family inet"),
    ("doctor -l :80", "tcpstates doctor listening :80"),
    ("doctor --state close-wait", "tcpstates doctor close-wait"),
    ("doctor --state=close-wait", "tcpstates doctor close-wait"),
    ("doctor -n", "tcpstates doctor"),
    ("doctor -t 5", "tcpstates doctor --timeout 5"),
    ("doctor -w 2 -x", "tcpstates doctor -x --window 2"),
    ("doctor --explain :80", "tcpstates --explain :80"),
    ("check --explain :80", "tcpstates --explain :80"),
    ("trace --explain :80", "tcpstates --explain :80"),
    ("check -H", "tcpstates check"),
    ("check -s", "tcpstates -a"),
    ("check --watch 3", "tcpstates --watch=3"),
    ("--since 1h", "tcpstates --json"),
];

/// Command lines that are refused, and what else the line says.
const REASONS: [(&str, &str); 14] = [
    ("-p", "tcpstates --by process counts"),
    ("-r", "never resolved"),
    ("-K", "observes only"),
    ("-d", "not supported"),
    ("-w 1", "-w takes no value"),
    ("-c", "tcpstates check -w close-wait=100"),
    ("--net name", "tcpstates --netns name"),
    ("trace -p", "every row has its processes already"),
    ("--sort rtt", "--sort belongs to `list`: "),
    ("--sort rtt", "(try 'tcpstates list --help')"),
    (
        "list --by state",
        "--by belongs to the summary and `serve` and `trace` and `check`: ",
    ),
    ("list --by state", "(try 'tcpstates --help')"),
    ("watch", "tcpstates --watch 1"),
    ("ls", "tcpstates list"),
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

/// Runs a refused command line, and returns its one line without the program's name.
#[track_caller]
fn refused(line: &str) -> String {
    let ran = run(words(line));
    // What check prints is for monitoring.
    let (status, text) = match line.starts_with("check") {
        true => (3, &ran.stdout),
        false => (2, &ran.stderr),
    };
    assert_eq!(
        (ran.status, text.lines().count()),
        (status, 1),
        "{line}: {ran:?}"
    );
    assert!(!text.contains("did you mean"), "{line}: {ran:?}");
    text.clone()
}

in_namespace!(
    fn what_is_spelt_otherwise_gets_one_line_with_a_command_that_runs() {
        for (line, expected) in HINTS {
            let text = refused(line);
            let suggested = format!(": {expected} (try");
            assert!(text.contains(&suggested), "{line}: {text}");
            let command = words(expected).into_iter().skip(1);
            let once: &[&str] = match expected.contains("--watch") {
                true => &["--samples", "1"],
                false => &[],
            };
            // A trace ends at a signal.
            if !expected.starts_with("tcpstates trace") {
                let ran = run(command.chain(once.iter().copied()));
                // A socket may be closed between the list and the search for its holder.
                let is_usual = |line: &str| line.starts_with("tcpstates: note: owner unknown for ");
                assert!(
                    ran.status == 0 && ran.stderr.lines().all(is_usual),
                    "{ran:?}"
                );
            }
        }
    }
);

#[test]
fn a_hint_gives_its_reason() {
    for (line, expected) in REASONS {
        let text = refused(line);
        assert!(text.contains(expected), "{line}: {text}");
    }
}
