//! Records of the sockets that match a filter: every answer is about these, and says so.

use std::net::{TcpListener, TcpStream};

use super::{Folder, assert_same, end, objects};
use crate::child::Start;
use crate::namespace::in_namespace;
use crate::zoo::{SocketCounts, Zoo};

in_namespace!(
    fn a_record_of_sockets_that_match_answers_as_the_same_filter_does_on_the_host() {
        let _zoo = Zoo::open(&SocketCounts::all_different());
        let folder = Folder::new();
        let filter = ["state", "close-wait", "or", "sport", "=", ":80"];
        let ran = folder.record(&[&["-t"], &filter[..]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        for arguments in [
            &[][..],
            &["--by", "service"],
            &["--by", "process"],
            &["list"],
            &["list", "-p", "--sort", "remote-port"],
        ] {
            let live = folder.run(&[arguments, &["--json", "-q"], &filter[..]].concat());
            let recorded = folder.from(&[arguments, &["--json"]].concat());
            let without_filter = |mut all: Vec<serde_json::Value>| {
                for one in &mut all {
                    one.as_object_mut().unwrap().remove("filter");
                }
                all
            };
            assert!(!objects(&live).is_empty(), "{arguments:?}");
            assert_eq!(
                without_filter(objects(&recorded)),
                without_filter(objects(&live)),
                "{arguments:?}"
            );
        }
        let narrowed = folder.from(&["--json", "state", "listening"]);
        assert_eq!(objects(&narrowed)[0]["filter"], "sport = :80");
        let said = folder.run(&["--from", "a.rec"]).stderr;
        let words = "in a.rec, only sockets that match state close-wait or sport = :80";
        assert!(said.contains(words), "{said}");
    }
);

in_namespace!(
    fn listeners_are_recorded_whatever_the_filter_so_that_services_are_known() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        let folder = Folder::new();
        let pid = std::process::id().to_string();
        let options = ["-t", "state", "established", "pid", "=", &pid];
        let ran = folder.record(&options);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_same(
            &folder,
            &options,
            &[&["list", "-p", "state", "established"]],
        );
        let port = address.port().to_string();
        let services = folder.from(&["--by", "service", "--json"]);
        let by_service = objects(&services)[0]["groups"].to_string();
        assert!(by_service.contains(&port), "{by_service}");
        assert_eq!(objects(&services)[0]["total"], 2, "{services:?}");
        drop((client, server));
    }
);

in_namespace!(
    fn a_filter_is_not_recorded_with_other_names_in_the_place_of_those_of_the_host() {
        let folder = Folder::new();
        folder.refused(
            &["record", "a.rec", "--anonymize", "dst", "10.0.0.1"],
            "--anonymize: the record would contain the filter",
        );
        assert!(!folder.path("a.rec").exists());
        folder.refused(&["record", "a.rec", "sprot", "=", ":80"], "sport");
        assert!(!folder.path("a.rec").exists());
    }
);

in_namespace!(
    fn an_answer_is_compared_with_that_from_a_record() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = Folder::new();
        assert_eq!(folder.record(&["-t"]).status, 0);
        let client = TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().unwrap();
        let compared = |arguments: &[&str]| {
            let ran = folder.run(&[arguments, &["--compare", "a.rec"]].concat());
            assert_eq!(ran.status, 0, "{ran:?}");
            ran.stdout
        };
        let rows = compared(&[]);
        let line = |rows: &str, start: &str| -> Vec<String> {
            let line = rows.lines().find(|line| line.starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(line(&rows, "ESTABLISHED"), ["ESTABLISHED", "2", "+2"]);
        assert_eq!(line(&rows, "LISTEN").last().unwrap(), "0");
        let groups = compared(&["--by", "process", "state", "established"]);
        assert!(groups.contains("+2"), "{groups}");
        let lacking = folder.run(&["--compare", "a.rec", "-x"]);
        assert_eq!((lacking.status, &*lacking.stdout), (1, ""), "{lacking:?}");
        assert!(lacking.stderr.contains("a.rec has no UNIX sockets"));
        drop((client, server));
    }
);

/// A listener with connections, which are kept open; and a filter that selects it and those that it accepted.
fn service(clients: usize) -> (Vec<TcpStream>, TcpListener, [String; 3]) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut streams = Vec::new();
    for _ in 0..clients {
        streams.push(TcpStream::connect(address).unwrap());
        streams.push(listener.accept().unwrap().0);
    }
    let filter = [
        "sport".to_owned(),
        "=".to_owned(),
        format!(":{}", address.port()),
    ];
    (streams, listener, filter)
}

in_namespace!(
    fn samples_of_sockets_that_match_answer_as_the_same_filter_does_on_the_host() {
        let (_others, _other, _) = service(2);
        let (_streams, _listener, filter) = service(3);
        let filter = filter.each_ref().map(String::as_str);
        let folder = Folder::new();
        end(folder.sample("a.rec", &filter));
        for arguments in [&[][..], &["--by", "service"], &["--by", "process"], &["-4"]] {
            let live = folder.run(&[arguments, &["--json", "-q"], &filter[..]].concat());
            let recorded = folder.from(&[arguments, &["--json"]].concat());
            if arguments == ["-4"] {
                assert_eq!(recorded.status, 1, "{recorded:?}");
                continue;
            }
            let (recorded, live) = (objects(&recorded), objects(&live));
            assert_eq!(live[0]["total"], 4, "{live:?}");
            for key in ["filter", "total", "states", "groups"] {
                assert_eq!(recorded[0][key], live[0][key], "{arguments:?}");
            }
        }
        let ran = folder.run(&["--from", "a.rec", "--json", "state", "listening"]);
        assert_eq!(objects(&ran)[0]["total"], 1, "{ran:?}");
        let words = format!("in a.rec, only sockets that match {}", filter.join(" "));
        assert!(ran.stderr.contains(&words), "{ran:?}");
        // What a sample cannot tell of those that match.
        let further = folder.run(&["--from", "a.rec", "dst", "127.0.0.1"]);
        assert_eq!((further.status, &*further.stdout), (1, ""), "{further:?}");
        assert!(
            further
                .stderr
                .contains("only the numbers by kind and state"),
            "{further:?}"
        );
    }
);

in_namespace!(
    fn findings_about_sockets_that_match_are_recorded_and_no_others() {
        let full = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            rustix::net::listen(&listener, 2).unwrap();
            let address = listener.local_addr().unwrap();
            let clients: Vec<TcpStream> = (0..3)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            (listener, clients, format!(":{}", address.port()))
        };
        let (_listener, _clients, port) = full();
        let (_streams, _calm, other) = service(1);
        let folder = Folder::new();
        let calm = folder.sample("b.rec", &other.each_ref().map(String::as_str));
        let mut recording = folder.sample("a.rec", &["sport", "=", &port]);
        recording.wait_for_stderr("recorded all sockets: accept-queue: ");
        let moments = |file: &str| {
            let script = format!("zcat {file} 2> /dev/null | grep -c '\"type\":\"moment\"'");
            let mut shell = crate::child::command("sh");
            shell.args(["-c", &script]).current_dir(folder.path(""));
            let output = shell.run_to_end().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        while moments("a.rec") != "2" {
            assert!(recording.is_running());
        }
        end(recording);
        end(calm);
        assert_eq!(moments("b.rec"), "0");
        let listed = folder.from(&["list", "--json"]);
        let listed = objects(&listed);
        let sockets = listed.iter().filter(|one| one["type"] == "socket");
        let mut ports: Vec<String> = sockets
            .map(|one| format!(":{}", one["local_port"]))
            .collect();
        ports.dedup();
        assert_eq!(ports, [&*port]);
        let doctor = folder.from(&["doctor"]);
        assert!(doctor.stdout.contains("accept queue"), "{doctor:?}");
    }
);

in_namespace!(
    fn a_record_is_continued_with_its_own_filter_only() {
        let (_streams, _listener, filter) = service(1);
        let filter = filter.each_ref().map(String::as_str);
        let folder = Folder::new();
        end(folder.sample("a.rec", &filter));
        end(folder.sample("a.rec", &filter));
        let before = std::fs::read(folder.path("a.rec")).unwrap();
        let every = ["record", "a.rec", "--every", "0.1"];
        folder.refused(
            &every,
            &format!(
                "a record of the sockets that match {}, and cannot",
                filter.join(" ")
            ),
        );
        folder.refused(
            &[&every[..], &["sport", "=", ":1"]].concat(),
            "continued with the sockets that match sport = :1: choose",
        );
        assert_eq!(std::fs::read(folder.path("a.rec")).unwrap(), before);
        let all = folder.run(&["record", "b.rec", "--every", "0.1", "--samples", "1"]);
        assert_eq!(all.status, 0, "{all:?}");
        folder.refused(
            &[&["record", "b.rec", "--every", "0.1"][..], &filter].concat(),
            "is a record of all sockets, and cannot",
        );
    }
);

in_namespace!(
    fn an_answer_names_its_record_and_the_filter_of_the_record_once() {
        let folder = Folder::new();
        let ran = folder.record(&["-t", "sport = :1"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let healthy = folder.from(&["doctor"]).stdout;
        let words = " in a.rec, only sockets that match sport = :1 over ";
        assert!(healthy.contains(words), "{healthy}");
        // It compares the two moments.
        let checked = folder.run(&["check", "-w", "total=9/s", "--from", "a.rec"]);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert_eq!(said.matches("note: ").count(), 1, "{said}");
        assert!(!said.contains("selected by"), "{said}");
    }
);
