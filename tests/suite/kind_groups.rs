//! `--by service` and `--by direction` over several kinds: each kind has listeners of its own, so that a
//! port of UDP is none of TCP.

use std::net::{TcpListener, UdpSocket};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::Value;

use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::Family;
use crate::zoo::special::mptcp;

/// How many sockets each group has, by its key as it is in JSON.
#[track_caller]
fn groups(line: &str) -> Vec<(String, u64)> {
    let arguments = line.split(' ').chain(["--json"]);
    let answer: Value = serde_json::from_str(&run(arguments).succeeded().stdout).unwrap();
    let groups = answer["groups"].as_array().unwrap().iter();
    let mut groups: Vec<_> = groups
        .map(|group| (group["key"].to_string(), group["total"].as_u64().unwrap()))
        .collect();
    groups.sort();
    groups
}

fn expected(groups: &[(&str, u64)]) -> Vec<(String, u64)> {
    let groups = groups.iter();
    let mut groups: Vec<_> = groups.map(|(key, total)| ((*key).into(), *total)).collect();
    groups.sort();
    groups
}

in_namespace!(
    fn ports_of_one_kind_are_no_listeners_of_another() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = tcp.local_addr().unwrap();
        // Waits for any peer, at the port that the client of the TCP service has.
        let waiting = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = waiting.local_addr().unwrap();
        let client = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&client, &other).unwrap();
        connect(&client, &service).unwrap();
        let _accepted = tcp.accept().unwrap();
        // Has a peer, at the port of the TCP service.
        let connected = UdpSocket::bind(service).unwrap();
        connected.connect(other).unwrap();
        let by_direction = expected(&[
            (r#"{"direction":"in","kind":"tcp"}"#, 2),
            (r#"{"direction":"out","kind":"tcp"}"#, 1),
            (r#"{"direction":"in","kind":"udp"}"#, 1),
            (r#"{"direction":"out","kind":"udp"}"#, 1),
        ]);
        let key =
            |kind: &str, service: String| format!(r#"{{"kind":"{kind}","service":"{service}"}}"#);
        let by_service = [
            (key("tcp", format!(":{}", service.port())), 2),
            (key("tcp", service.to_string()), 1),
            (key("udp", format!(":{}", other.port())), 1),
            (key("udp", other.to_string()), 1),
        ];
        let mut by_service = by_service.to_vec();
        by_service.sort();
        for source in ["netlink", "proc"] {
            let grouped = groups(&format!("-tu --by kind,direction --source {source}"));
            assert_eq!(grouped, by_direction, "{source}");
            let grouped = groups(&format!("-tu --by kind,service --source {source}"));
            assert_eq!(grouped, by_service, "{source}");
        }
        assert_eq!(
            groups("-A inet --by kind,direction sport != 0"),
            by_direction
        );
        // As each kind alone.
        for (kind, total) in [("-t", 2), ("-u", 1)] {
            let found = groups(&format!("{kind} --by direction"));
            assert!(found.contains(&(r#"{"direction":"in"}"#.into(), total)));
        }
        let ran = run([
            "check",
            "-A",
            "tcp,udp",
            "--by",
            "kind,service",
            "-c",
            "total=1",
        ]);
        assert_eq!(ran.status, 2, "{ran:?}");
        let worst = format!("kind tcp, service :{}: total 2 (> 1)", service.port());
        assert!(ran.stdout.contains(&worst), "{ran:?}");
    }
);

in_namespace!(
    fn connections_of_mptcp_are_taken_by_listeners_of_both_protocols() {
        let _sockets = mptcp::connections(Family::V4, 2);
        let _fallen_back = mptcp::fallback(Family::V4, 1);
        let by_direction = expected(&[
            (r#"{"direction":"in","kind":"mptcp"}"#, 3),
            (r#"{"direction":"out","kind":"mptcp"}"#, 3),
            // The listener of TCP, and the subflows.
            (r#"{"direction":"in","kind":"tcp"}"#, 5),
            (r#"{"direction":"out","kind":"tcp"}"#, 3),
        ]);
        assert_eq!(groups("-A tcp,mptcp --by kind,direction"), by_direction);
    }
);
