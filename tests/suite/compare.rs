//! `--compare`: the changes since an answer that was saved by `--json`.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};

use crate::answer::Answer;
use crate::namespace::in_namespace;
use crate::program::{Ran, run, run_command};
use crate::zoo::Family;
use crate::zoo::special::mptcp;

/// A folder with a saved answer.
struct Saved {
    folder: tempfile::TempDir,
}

impl Saved {
    /// What these arguments print now.
    fn answer(arguments: &[&str]) -> Saved {
        let arguments = [arguments, &["--json"]].concat();
        Saved::text(&run(arguments).succeeded().stdout)
    }

    fn text(text: &str) -> Saved {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("before.json"), text).unwrap();
        Saved { folder }
    }

    /// What is printed in comparison with it.
    fn compare(&self, arguments: &[&str]) -> Ran {
        let mut command =
            crate::program::command([arguments, &["--compare", "before.json"]].concat());
        run_command(command.current_dir(self.folder.path()))
    }

    fn refused(&self, arguments: &[&str], words: &str) {
        let ran = self.compare(arguments);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(
            ran.stderr
                .starts_with("tcpstates: --compare: before.json: "),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
}

/// Connections to a listener, which has both ends of each.
fn connect(listener: &TcpListener, connections: usize) -> Vec<TcpStream> {
    let address = listener.local_addr().unwrap();
    let ends = (0..connections).flat_map(|_| {
        let client = TcpStream::connect(address).unwrap();
        [client, listener.accept().unwrap().0]
    });
    ends.collect()
}

/// The words of the row that begins with this one.
fn row<'a>(stdout: &'a str, first: &str) -> Vec<&'a str> {
    let rows = stdout.lines().map(|line| line.split_whitespace().collect());
    let mut rows = rows.filter(|row: &Vec<&str>| row.first() == Some(&first));
    rows.next()
        .unwrap_or_else(|| panic!("no {first}: {stdout}"))
}

in_namespace!(
    fn states_and_the_total_are_compared_in_every_format() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = connect(&listener, 3);
        let saved = Saved::answer(&[]);
        let _second = connect(&listener, 2);
        let table = saved.compare(&[]).succeeded().stdout;
        assert!(table.starts_with("compared with 20"), "{table}");
        assert_eq!(row(&table, "STATE"), ["STATE", "SOCKETS", "CHANGE"]);
        assert_eq!(row(&table, "LISTEN"), ["LISTEN", "1", "0"]);
        assert_eq!(row(&table, "ESTABLISHED"), ["ESTABLISHED", "10", "+4"]);
        assert_eq!(row(&table, "TOTAL"), ["TOTAL", "11", "+4"]);
        let bare = saved.compare(&["-H"]).succeeded().stdout;
        assert_eq!(
            bare,
            "LISTEN             1         0\nESTABLISHED       10        +4\n"
        );
        let json = saved.compare(&["--json"]).succeeded().stdout;
        let answer: Answer = serde_json::from_str(&json).unwrap();
        let compared = answer.compared.unwrap();
        assert_eq!((compared.complete, compared.change), (true, 4));
        assert_eq!(
            (compared.states["ESTABLISHED"], compared.states["LISTEN"]),
            (4, 0)
        );
        let csv = saved.compare(&["--format", "csv"]).succeeded().stdout;
        assert!(
            csv.starts_with("time,source,complete,state,sockets,spread,change\n"),
            "{csv}"
        );
        assert!(csv.contains(",ESTABLISHED,10,0,4\n"), "{csv}");
        drop(first);
        let table = saved.compare(&["--state", "listen"]);
        assert_eq!(table.status, 2, "{table:?}");
    }
);

in_namespace!(
    fn groups_that_came_and_went_are_shown_with_their_change() {
        let [stays, goes, comes] = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
        let [stays_at, goes_at, comes_at] = [&stays, &goes, &comes].map(port);
        let by = &["--by", "local-port", "-l"][..];
        drop(comes);
        let saved = Saved::answer(by);
        drop(goes);
        let _comes = TcpListener::bind(format!("127.0.0.1:{comes_at}")).unwrap();
        let table = saved.compare(by).succeeded().stdout;
        assert_eq!(
            row(&table, "LOCAL-PORT"),
            ["LOCAL-PORT", "TOTAL", "CHANGE", "LISTEN"]
        );
        assert_eq!(row(&table, &stays_at), [&*stays_at, "1", "0", "1"]);
        assert_eq!(row(&table, &comes_at), [&*comes_at, "1", "+1", "1"]);
        assert_eq!(row(&table, &goes_at), [&*goes_at, "0", "-1", "0"]);
        assert_eq!(row(&table, "TOTAL"), ["TOTAL", "2", "0", "2"]);
        let csv = saved
            .compare(&[by, &["--format", "csv"]].concat())
            .succeeded()
            .stdout;
        assert!(csv.contains(&format!(",group,{goes_at},0,0,-1\n")), "{csv}");
        let json = saved
            .compare(&[by, &["--json", "--top", "1"]].concat())
            .succeeded()
            .stdout;
        let answer: Answer = serde_json::from_str(&json).unwrap();
        assert_eq!(answer.by, ["local-port"]);
        // One that there is, and the one that is gone.
        assert_eq!(answer.groups.len(), 2, "{json}");
        assert_eq!(answer.groups[1].change, Some(-1));
        assert_eq!(answer.other.unwrap().groups, 1);
        // What was only added up may have been any group.
        let cut = Saved::answer(&[by, &["--top", "1"]].concat());
        let changes = cut.compare(by).succeeded().stdout;
        let unknown = changes.lines().filter(|line| line.contains(" - "));
        assert_eq!(unknown.count(), 1, "{changes}");
    }
);

in_namespace!(
    fn an_answer_to_another_question_is_refused_with_the_difference() {
        let by_state = Saved::answer(&["--by", "state"]);
        by_state.refused(&[], "its answer is by state, this one is not grouped");
        let filtered = Saved::answer(&[":443", "-4"]);
        filtered.refused(&[":80", "-4"], "filtered by `");
        filtered.refused(
            &[":443"],
            "its answer is about ipv4, this one is about both families",
        );
        let own = format!("pid:{}", std::process::id());
        let elsewhere = Saved::answer(&["-N", &own]);
        elsewhere.refused(&[], "this one is about this network namespace");
        elsewhere.compare(&["-N", &own]).succeeded();
        let same = filtered.compare(&["port", "=", ":443", "-4"]).succeeded();
        assert!(same.stdout.contains("TOTAL"), "{same:?}");
        let folded = Saved::answer(&["--by", "remote-addr/24"]);
        folded.refused(
            &["--by", "remote-addr"],
            "by remote-addr/24,/64, this one is by remote-addr",
        );
        let listening = Saved::answer(&["-l"]);
        listening.refused(
            &[],
            "its answer is about LISTEN, this one is about LISTEN, SYN_SENT",
        );
    }
);

in_namespace!(
    fn what_is_no_answer_is_refused_and_the_last_of_several_is_used() {
        let answer = run(["--json"]).succeeded().stdout;
        let pretty = serde_json::from_str::<serde_json::Value>(&answer).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();
        let twice = format!(
            "{pretty}\n{}",
            answer.replace("\"total\":0", "\"total\": 0")
        );
        Saved::text(&twice).compare(&[]).succeeded();
        for (text, words) in [
            ("", "it is empty"),
            ("no JSON", "not an answer of `tcpstates --json`: expected"),
            (&answer[..40], "not an answer of `tcpstates --json`: EOF"),
            (
                &*run(["list", "--json"]).succeeded().stdout,
                "missing field `states`",
            ),
            (
                &answer.replace("\"version\":1", "\"version\":2"),
                "of version 2, not 1",
            ),
            (
                &answer.replace("\"total\":0", "\"total\":7"),
                "not the sum of its states",
            ),
            (
                &answer.replace("\"LISTEN\"", "\"LISTEM\""),
                "it has a state `LISTEM`",
            ),
            (
                &answer.replace(
                    "\"LISTEN\":0",
                    "\"LISTEN\":18446744073709551615,\"UNKNOWN(14)\":9",
                ),
                "not the sum of its states",
            ),
            (
                &answer.replace("\"time\":\"2", "\"time\":\"x"),
                "its time is not valid",
            ),
        ] {
            Saved::text(text).refused(&[], words);
        }
        let missing = run(["--compare", "/no/such/file"]);
        assert_eq!(missing.status, 2);
        assert!(
            missing.stderr.contains("cannot read /no/such/file"),
            "{missing:?}"
        );
        for option in ["--watch", "--explain"] {
            let both = run(["--compare", "before.json", option]);
            assert_eq!(both.status, 2, "{both:?}");
        }
    }
);

in_namespace!(
    fn answers_about_several_kinds_are_compared_kind_by_kind_or_refused() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let both = Saved::answer(&["-tu"]);
        let all = Saved::answer(&["-A", "inet"]);
        let _receivers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let ran = both.compare(&["-tu", "--json"]);
        let answer = Answer::of(&ran);
        let compared = answer.compared.unwrap();
        assert_eq!((compared.change, compared.states["UNCONNECTED"]), (2, 2));
        let table = both.compare(&["-tu"]).succeeded().stdout;
        assert_eq!(row(&table, "udp")[..3], ["udp", "2", "+2"]);
        assert_eq!(row(&table, "tcp")[..3], ["tcp", "1", "0"]);
        for (arguments, words) in [
            (
                &["-t"][..],
                "about tcp,udp sockets, and this one about tcp\n",
            ),
            (
                &["-tw"],
                "about tcp,udp sockets, and this one about tcp,raw",
            ),
            (
                &["-tu", "--by", "kind,state"],
                "by kind, this one is by kind,state",
            ),
            (
                &["-tu", "-4"],
                "about both families, this one is about ipv4",
            ),
        ] {
            both.refused(arguments, words);
        }
        let one = Saved::answer(&["-u"]);
        one.refused(&["-tu"], "about udp sockets, and this one about tcp,udp");
        one.refused(&["-x"], "about udp sockets, and this one about unix");
        one.refused(&[], "about udp sockets, and this one about tcp");
        // The tables of /proc have no sockets of MPTCP.
        let _mptcp = mptcp::connections(Family::V4, 1);
        let words = "MPTCP sockets are not available in this answer: name the other kinds with -A";
        all.refused(&["-A", "inet", "--source=proc"], words);
        let of_proc = ["-A", "inet", "--source=proc"];
        let without = run(of_proc.into_iter().chain(["--json"]));
        let without = Saved::text(&without.stdout);
        let words = "MPTCP sockets are not available in its answer";
        without.refused(&["-A", "inet"], words);
        assert_eq!(without.compare(&of_proc).status, 0);
    }
);
