//! Records of the sockets that match a filter: every answer is about these, and says so.

use std::net::{TcpListener, TcpStream};

use super::{Folder, assert_same, objects};
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
