//! A filter selects the same sockets in every view, from every source, and wherever it is written.

use std::io::Write;
use std::net::TcpListener;

use crate::answer::Answer;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, run, run_command};
use crate::zoo::special::mapped;
use crate::zoo::{Family, SocketCounts, State, Zoo};

/// Runs the program with a filter and a source.
fn run_with(options: &[&str], filter: &str, source: &str) -> Ran {
    let source = format!("--source={source}");
    run([options, &[filter, &source]].concat()).succeeded()
}

in_namespace!(
    fn a_filter_selects_the_same_sockets_in_every_view_and_source() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let _extra = mapped::accepted(zoo.peer(), 3);
        let count = |family, state| zoo.expected().count(family, state);
        let v4_closing = count(Family::V4, State::Closing);
        let both_waiting = zoo.expected().by_state()["TIME_WAIT"];
        for (filter, expected) in [
            ("dst 192.0.2.0/24 and state closing", v4_closing),
            ("dst ::ffff:192.0.2.12 and family inet", 0),
            ("src 192.0.2.1 and family v4-mapped", 3),
            ("state time-wait", both_waiting),
            ("dport 443 and state time-wait or dport 1", both_waiting),
        ] {
            for source in ["auto", "netlink", "netlink+counters", "proc"] {
                let once = Answer::of(&run_with(&["--json"], filter, source));
                assert_eq!(once.total, expected, "{filter} {source}");
                assert_eq!(once.states.values().sum::<usize>(), expected);
                let groups = Answer::of(&run_with(&["--json", "--by=family"], filter, source));
                let sum: usize = groups.groups.iter().map(|group| group.total).sum();
                assert_eq!(
                    (groups.total, sum),
                    (expected, expected),
                    "{filter} {source}"
                );
                let twice = ["--json", "--watch=0.05", "--samples=2"];
                let samples = Answer::all(&run_with(&twice, filter, source));
                assert_eq!(samples.len(), 2);
                assert!(
                    samples.iter().all(|s| s.total == expected),
                    "{filter} {source}"
                );
                let table = run_with(&[], filter, source).table();
                assert!(
                    table.contains(&("TOTAL".to_owned(), expected)),
                    "{filter} {source}"
                );
                let listed = Listed::all(&run_with(&["list", "--json"], filter, source)).0;
                assert_eq!(listed.len(), expected, "{filter} {source}");
            }
        }
    }
);

in_namespace!(
    fn filter_words_mix_with_options_and_combine_with_a_file() {
        let wanted = TcpListener::bind("127.0.0.1:0").unwrap();
        let _other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = wanted.local_addr().unwrap().port();
        let word = format!(":{port}");
        let quoted = format!("sport = {word}");
        let ports = |ran: Ran| {
            let listed = Listed::all(&ran.succeeded()).0;
            listed.iter().map(|s| s.local_port).collect::<Vec<_>>()
        };
        let expected = vec![port];
        let word = word.as_str();
        for ran in [
            run(["list", "sport", "=", word, "--json", "-4"]),
            run(["list", "--json", "-4", "sport", "=", word]),
            run(["list", "--json", "sport", "-4", "eq", "--sort=uid", word]),
            run(["list", "--json", &quoted]),
            run([
                "list", "--json", "sport", word, "and", "(", "src", "127/8", ")",
            ]),
            run(["list", "--json", "--", "sport", word]),
        ] {
            assert_eq!(ports(ran), expected);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        // A comment, and a test that continues on the next line.
        std::fs::write(&file, format!("# the one\nsport =\n  {word}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(ports(run(["list", "--json", "-F", path])), expected);
        assert_eq!(
            ports(run(["list", "--json", "-F", path, "state", "listen"])),
            expected
        );
        let neither = run(["list", "--json", "-F", path, "state estab"]);
        assert_eq!(ports(neither), [] as [u16; 0]);
        // Each is one expression: the `or` does not include the other.
        let or = run(["list", "--json", "sport 1 or sport 2", "-F", path]);
        assert_eq!(ports(or), [] as [u16; 0]);
        assert_eq!(ports(from_stdin(&quoted)), expected);
    }
);

/// A list with the filter read from standard input.
fn from_stdin(filter: &str) -> Ran {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(filter.as_bytes()).unwrap();
    drop(writer);
    let mut list = command(["list", "--json", "-F", "-"]);
    run_command(list.stdin(reader))
}

in_namespace!(
    fn bound_sockets_are_listed_when_the_filter_names_them() {
        let _extra = crate::zoo::special::listeners::bound_only(Family::V4, 2);
        let total = |filter: &[&str]| {
            let ran = run([&["--json"], filter].concat());
            // Linux before 6.8 does not list them.
            if ran.status == 3 {
                crate::skip::skip(ran.stderr);
            }
            Answer::of(&ran.succeeded()).total
        };
        assert_eq!(total(&["state", "bound"]), 2);
        assert_eq!(total(&["src", "127.0.0.1", "and", "state", "bound"]), 2);
        assert_eq!(total(&["src", "127.0.0.2", "and", "state", "bound"]), 0);
        assert_eq!(total(&["src", "127.0.0.1"]), 0);
        assert_eq!(total(&["exclude", "listen"]), 0);
        assert_eq!(total(&["--state=all,bound", "exclude", "listen"]), 2);
        let proc = run(["--source=proc", "state", "bound"]);
        assert_eq!((proc.status, proc.stdout.as_str()), (1, ""), "{proc:?}");
        assert!(proc.stderr.contains("BOUND"), "{proc:?}");
    }
);
