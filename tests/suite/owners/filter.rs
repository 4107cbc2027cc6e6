//! `process = NAME` and `pid = N` in filters.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};

use super::holder::Holder;
use crate::answer::Answer;
use crate::child::Start;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::{command, run};
use crate::wait::wait_for;

/// The local ports of the selected sockets.
#[track_caller]
fn ports(filter: &str, source: &str) -> Vec<u16> {
    let json = run(["list", "--json", "--source", source, filter]).succeeded();
    let (sockets, _) = Listed::all(&json);
    let mut ports: Vec<_> = sockets.iter().map(|socket| socket.local_port).collect();
    ports.sort_unstable();
    ports
}

in_namespace!(
    fn sockets_are_selected_by_process_name_and_pid() {
        let listeners = [1, 2, 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let own = listeners.each_ref().map(|l| l.local_addr().unwrap().port());
        let named = Holder::named(OsStr::new("odd name)"), &listeners[0]);
        // No other test uses this name; an ordinary user cannot read the processes of others.
        let selected = OsStr::new("selected");
        let one = Holder::named(selected, &listeners[1]);
        let both = Holder::named(selected, &listeners[0]);
        let _mine = &listeners[2];
        for source in ["netlink", "proc"] {
            let mut first_two = own[..2].to_vec();
            first_two.sort_unstable();
            assert_eq!(ports(r"process = odd\ name\)", source), [own[0]]);
            assert_eq!(ports("process = selected", source), first_two);
            for (filter, expected) in [
                ("process = selected".to_owned(), first_two.clone()),
                (format!("pid = {}", one.pid()), vec![own[1]]),
                (
                    format!("pid {} or pid {}", named.pid(), one.pid()),
                    first_two.clone(),
                ),
                (
                    format!("process = selected and not pid = {}", both.pid()),
                    vec![own[1]],
                ),
                ("process != selected".to_owned(), vec![own[2]]),
                (
                    format!("process = selected and sport = :{}", own[0]),
                    vec![own[0]],
                ),
            ] {
                assert_eq!(ports(&filter, source), expected, "{filter} from {source}");
            }
        }
        let groups = Answer::of(&run(["--json", "--by", "pid", "process = selected"]).succeeded());
        assert_eq!(groups.total, 2);
    }
);

in_namespace!(
    fn unowned_sockets_match_no_pid() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mine = format!("pid = {}", std::process::id());
        let answer = Answer::of(&run(["--json", &mine]).succeeded());
        assert_eq!((answer.total, answer.states["ESTABLISHED"]), (2, 1));
        drop(client);
    }
);

in_namespace!(
    fn an_unknown_process_name_or_pid_selects_nothing_and_is_noted() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for (filter, note) in [
            (
                "process = no-such-name",
                "there is no process called no-such-name",
            ),
            ("pid = 4194304", "there is no process with pid 4194304"),
        ] {
            let ran = run(["--json", filter]);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(
                ran.stderr.contains(note) || ran.stderr.contains("seen here"),
                "{ran:?}"
            );
            assert_eq!(Answer::of(&ran).total, 0);
        }
    }
);

in_namespace!(
    fn a_watched_process_filter_follows_starting_and_ending_processes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut watch = command(["--watch=0.05", "--json", "process = followed"]);
        let mut watch = watch.start().unwrap();
        let mut total = || {
            let line = watch.next_line().unwrap();
            let answer: Answer = serde_json::from_str(&line).unwrap();
            answer.total
        };
        assert_eq!(total(), 0);
        let holder = Holder::named(OsStr::new("followed"), &listener);
        wait_for("the new owner", || (total() == 1).then_some(()));
        drop(holder);
        wait_for("the end of the owner", || (total() == 0).then_some(()));
    }
);
