//! `--by` and `--ports`: series by group and by destination, with a bound, and of one walk.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use super::page::Page;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::zoo::sysctl::write_sysctl;

/// A listener at this port, and connections to it: from each of these addresses this number.
fn connections(port: u16, from: &[(u8, usize)]) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut streams = Vec::new();
    for (last, number) in from {
        for _ in 0..*number {
            let local = SocketAddr::new(Ipv4Addr::new(127, 0, 3, *last).into(), 0);
            let remote = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
            streams.push(crate::zoo::new_connection(remote, |socket| {
                rustix::net::bind(socket, &local).unwrap();
            }));
            streams.push(listener.accept().unwrap().0.into());
        }
    }
    (listener, streams.into_iter().map(TcpStream::from).collect())
}

/// The sum of the series of a family, by the value of one label.
fn sums(page: &Page, family: &str, label: &str) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for (labels, value) in page.series(family) {
        *sums.entry(labels[label].clone()).or_default() += value;
    }
    sums
}

in_namespace!(
    fn groups_and_all_others_add_up_to_the_sockets_of_each_state() {
        let _busy = connections(8080, &[(1, 40), (2, 12), (3, 3)]);
        let words = [
            "serve",
            "--once",
            "--by",
            "service",
            "--by",
            "remote-addr/32",
            "--by",
            "process",
        ];
        let page = Page::of(&run(words).succeeded());
        let all = sums(&page, "tcpstates_sockets", "state");
        assert_eq!(all["established"], 110.0);
        for by in ["service", "remote_addr", "process"] {
            let mut groups = sums(&page, &format!("tcpstates_sockets_by_{by}"), "state");
            for (labels, value) in page.series("tcpstates_sockets_by_other") {
                if labels["by"] == by {
                    *groups.entry(labels["state"].clone()).or_default() += value;
                }
            }
            for (state, sockets) in &all {
                assert_eq!(groups.get(state).unwrap_or(&0.0), sockets, "{by} {state}");
            }
            let complete = page.number("tcpstates_complete{part=\"groups\"}");
            assert_eq!(complete, Some(1.0));
        }
        let services = sums(&page, "tcpstates_sockets_by_service", "tcp_service");
        // With its listener.
        assert_eq!(services[":8080"], 56.0);
        assert_eq!(services["127.0.0.1:8080"], 55.0);
        let clients = sums(&page, "tcpstates_sockets_by_remote_addr", "remote_addr");
        assert_eq!(clients["127.0.3.1"], 40.0);
        assert_eq!(clients["127.0.3.2"], 12.0);
        assert!(
            !clients.contains_key("127.0.3.3"),
            "too few for a series: {clients:?}"
        );
        let dropped = page.number("tcpstates_series_dropped{part=\"remote_addr\"}");
        let groups = page.number("tcpstates_groups{by=\"remote_addr\"}").unwrap();
        assert_eq!(dropped, Some(groups - clients.len() as f64));
        let processes = sums(&page, "tcpstates_sockets_by_process", "process");
        assert_eq!(processes.values().sum::<f64>(), 111.0, "{processes:?}");
        assert_eq!(
            page.number("tcpstates_complete{part=\"processes\"}"),
            Some(1.0)
        );
    }
);

in_namespace!(
    fn the_top_limits_the_series_of_a_group() {
        let _busy = connections(8080, &[(1, 40), (2, 12)]);
        let words = ["serve", "--once", "--by", "remote-addr", "--top", "1"];
        let page = Page::of(&run(words).succeeded());
        let clients = sums(&page, "tcpstates_sockets_by_remote_addr", "remote_addr");
        assert_eq!(clients.len(), 1, "{clients:?}");
    }
);

in_namespace!(
    fn ports_towards_a_destination_are_counted_from_a_tenth_of_all_on() {
        write_sysctl("ipv4/ip_local_port_range", "40000 40099");
        let _busy = connections(8080, &[(1, 30)]);
        let _few = connections(8081, &[(1, 5)]);
        let page = Page::of(&run(["serve", "--once", "--ports"]).succeeded());
        let used = "tcpstates_ephemeral_ports_used{local_addr=\"127.0.3.1\",remote_addr=\"127.0.0.1\",remote_port=\"8080\"}";
        assert_eq!(page.number("tcpstates_ephemeral_ports"), Some(100.0));
        assert_eq!(page.number(used), Some(30.0));
        assert_eq!(page.series("tcpstates_ephemeral_ports_used").len(), 1);
        assert_eq!(
            page.number("tcpstates_ephemeral_ports_used_most"),
            Some(30.0)
        );
        assert_eq!(page.number("tcpstates_complete{part=\"ports\"}"), Some(1.0));
        let check = run(["check", "-w", "ephemeral-ports=1000"]).stdout;
        assert!(check.contains("30"), "{check}");
    }
);

#[test]
fn keys_without_a_bound_are_refused_in_one_line() {
    for (words, expected) in [
        (
            &["--by", "pid"][..],
            "no groups by pid here: its values have no bound, and new ones would make new series; allowed are",
        ),
        (
            &["--by", "remote-port"],
            "its values have no bound; use service",
        ),
        (
            &["--by", "service,local-port"],
            "its values have no bound; use service",
        ),
        (&["--by", "state"], "every series has a state already"),
        (
            &["--by", "kind"],
            "each kind of --kind has series of its own",
        ),
        (&["--by", "colour"], "not a key"),
        (&["--by", "service", "--by", "service"], "is given twice"),
        (&["--top", "5"], "--top needs --by KEYS or several"),
        (
            &["--by", "uid", "--top", "101"],
            "allowed are whole numbers from 1 to 100",
        ),
        (
            &["--by", "uid", "--owner-timeout", "1"],
            "--owner-timeout needs",
        ),
    ] {
        let ran = run(["serve", "--once"].into_iter().chain(words.iter().copied()));
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}
