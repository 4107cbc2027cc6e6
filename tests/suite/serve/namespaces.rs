//! `serve --netns` of several network namespaces: series of each, with a bound.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::channel;

use rustix::thread::UnshareFlags;

use super::client::{Client, Served};
use super::page::Page;
use crate::namespace::in_namespace;
use crate::netns::{Named, make_directory};
use crate::program::run;
use crate::wait::wait_for;

/// The sockets of each state by network namespace; those without series of their own under "".
fn states(page: &Page) -> BTreeMap<(String, String), f64> {
    let series = page.series("tcpstates_sockets").into_iter();
    series
        .map(|(labels, value)| ((labels["netns"].clone(), labels["state"].clone()), value))
        .collect()
}

fn number(page: &Page, netns: &str, state: &str) -> Option<f64> {
    states(page)
        .get(&(netns.to_owned(), state.to_owned()))
        .copied()
}

/// The names of the network namespaces that have series.
fn names(page: &Page) -> Vec<String> {
    let mut names: Vec<String> = states(page).into_keys().map(|(netns, _)| netns).collect();
    names.dedup();
    names
}

#[track_caller]
fn once(words: &[&str]) -> Page {
    let words = ["serve", "--once"].into_iter().chain(words.iter().copied());
    let ran = run(words);
    // In a pid namespace or next to others' processes, more network namespaces may exist.
    assert!(matches!(ran.status, 0 | 3), "{ran:?}");
    Page::of(&ran)
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn each_network_namespace_has_its_states_and_all_add_up_to_the_summary() {
        make_directory();
        let _blue = Named::with_connections("blue", 12);
        let _red = Named::with_connections("red", 3);
        let page = once(&["--netns", "blue,red"]);
        assert_eq!(names(&page), ["", "blue", "red"]);
        assert_eq!(number(&page, "blue", "established"), Some(24.0));
        assert_eq!(number(&page, "red", "established"), Some(6.0));
        assert_eq!(number(&page, "red", "listen"), Some(1.0));
        assert_eq!(number(&page, "", "established"), Some(0.0));
        assert_eq!(
            page.number("tcpstates_complete{part=\"sockets\"}"),
            Some(1.0)
        );
        assert_eq!(page.number("tcpstates_netns_read"), Some(2.0));
        assert_eq!(page.number("tcpstates_netns_unread"), Some(0.0));
        let info = page.series("tcpstates_netns_info");
        let named: Vec<&str> = info
            .iter()
            .map(|(labels, _)| labels["netns"].as_str())
            .collect();
        assert_eq!(named, ["blue", "red"]);
        let queues = page.series("tcpstates_accept_queue_limit");
        let of: Vec<&str> = queues
            .iter()
            .map(|(labels, _)| labels["netns"].as_str())
            .collect();
        assert_eq!(of, ["blue", "red"]);
        // Those of one network namespace are not on a page about several.
        assert!(!page.has("tcpstates_kernel_"), "{page:?}");
        assert!(!page.has("tcpstates_time_wait_limit"), "{page:?}");
        assert_eq!(
            page.number("tcpstates_complete{part=\"kernel\"}"),
            Some(1.0)
        );
        // The kernel is shared with other tests, which have network namespaces too.
        let all = once(&["-N", "all", "--top", "100"]);
        assert_eq!(number(&all, "blue", "established"), Some(24.0));
        let sum: f64 = states(&all).values().sum();
        assert!(sum >= 32.0, "{all:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn more_network_namespaces_than_the_top_are_added_up_in_one_series() {
        make_directory();
        let few: Vec<Named> = (0..4)
            .map(|n| Named::with_connections(&format!("n{n}"), 1))
            .collect();
        let _busy = Named::with_connections("busy", 20);
        let words = "busy,n0,n1,n2,n3";
        let page = once(&["-N", words]);
        assert_eq!(names(&page), ["", "busy", "n0", "n1", "n2", "n3"]);
        let page = once(&["-N", words, "--top", "3"]);
        assert_eq!(names(&page), ["", "busy"]);
        assert_eq!(number(&page, "", "established"), Some(8.0));
        assert_eq!(number(&page, "", "listen"), Some(4.0));
        assert_eq!(
            page.number("tcpstates_series_dropped{part=\"netns\"}"),
            Some(4.0)
        );
        drop(few);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn kinds_and_groups_of_several_network_namespaces_have_its_label() {
        make_directory();
        let blue = Named::with_connections("blue", 12);
        let red = Named::with_connections("red", 11);
        let (tell, told) = channel();
        red.run(move || tell.send(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap());
        let _udp = told.recv().unwrap();
        let page = once(&["-N", "blue,red", "--kind", "udp", "--by", "netns,family"]);
        let udp = "tcpstates_sockets{kind=\"udp\",netns=\"red\",state=\"unconnected\"}";
        assert_eq!(page.number(udp), Some(1.0));
        assert!(!page.has("tcpstates_sockets{kind=\"udp\",netns=\"blue\""));
        let tcp = "tcpstates_sockets{kind=\"tcp\",netns=\"blue\",state=\"established\"}";
        assert_eq!(page.number(tcp), Some(24.0));
        let group = "tcpstates_sockets_by_netns_family{netns=\"red\",family=\"ipv4\",state=\"established\"}";
        assert_eq!(page.number(group), Some(22.0));
        drop(blue);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_server_follows_network_namespaces_that_come_and_go_and_keeps_nothing_of_them() {
        make_directory();
        let served = Served::start(["-N", "all", "--top", "100"]);
        let scrape = || Page::parse(&Client::connect().get("/metrics").body);
        let first = scrape();
        // A thread keeps its own namespace open from the first one on that it enters.
        let mut files = usize::MAX;
        let complete = |page: &Page| page.number("tcpstates_complete{part=\"sockets\"}");
        for round in 0..5 {
            let name = format!("come{round}");
            let named = Named::with_connections(&name, 12);
            wait_for("the namespace on the page", || {
                let page = scrape();
                assert_eq!(complete(&page), complete(&first));
                (number(&page, &name, "established") == Some(24.0)).then_some(())
            });
            named.unmount();
            drop(named);
            wait_for("the page without it", || {
                let page = scrape();
                assert_eq!(complete(&page), complete(&first));
                (!names(&page).contains(&name)).then_some(())
            });
            // Its connections end after their clients.
            let open = wait_for("files that are closed again", || {
                let open = served.open_files();
                (open <= files).then_some(open)
            });
            files = files.min(open);
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_named_network_namespace_that_has_ended_makes_the_sockets_incomplete() {
        make_directory();
        let _blue = Named::with_connections("blue", 12);
        let red = Named::with_connections("red", 11);
        let _served = Served::start(["-N", "blue,red"]);
        let scrape = || Page::parse(&Client::connect().get("/metrics").body);
        assert_eq!(scrape().number("tcpstates_netns_unread"), Some(0.0));
        red.unmount();
        drop(red);
        let page = wait_for("the end of one", || {
            let page = scrape();
            (page.number("tcpstates_netns_unread") == Some(1.0)).then_some(page)
        });
        assert_eq!(
            page.number("tcpstates_complete{part=\"sockets\"}"),
            Some(0.0)
        );
        assert_eq!(number(&page, "blue", "established"), Some(24.0));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn names_of_mounts_that_no_word_can_be_are_not_labels() {
        make_directory();
        let hostile = [
            "a b",
            "x\"} 1\nfake{y=\"",
            "back\\slash",
            "-dash",
            "\u{1b}[31m",
        ];
        let named: Vec<Named> = hostile
            .iter()
            .map(|name| Named::with_connections(name, 12))
            .collect();
        let page = once(&["-N", "all"]);
        for name in names(&page) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+@%:/".contains(c);
            assert!(name.chars().all(is_plain), "{name:?}");
        }
        let established: f64 = states(&page)
            .iter()
            .filter(|((_, state), _)| state == "established")
            .map(|(_, value)| value)
            .sum();
        assert!(established >= 5.0 * 24.0, "{page:?}");
        drop(named);
        assert!(fs::read_dir("/run/netns").unwrap().count() >= hostile.len());
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn one_without_a_name_is_not_called_by_a_process_that_may_end_before_it() {
        make_directory();
        let blue = Named::with_connections("blue", 12);
        let _process = blue.start_process(&["sleep", "60"]);
        let inode = fs::metadata("/run/netns/blue").unwrap().ino();
        let its = format!("net:{inode}");
        blue.unmount();
        // Other tests have network namespaces too.
        let words = ["-N", "all", "--top", "100"];
        for by in [&[][..], &["--by", "netns,service"]] {
            let page = once(&[&words[..], by].concat());
            let names = names(&page);
            assert!(
                !names.iter().any(|name| name.starts_with("pid:")),
                "{names:?}"
            );
            assert_eq!(number(&page, &its, "established"), Some(24.0), "{names:?}");
            let groups = page.series("tcpstates_sockets_by_netns_service");
            let mut places = groups.iter().map(|(labels, _)| &labels["netns"]);
            assert!(!places.any(|name| name.starts_with("pid:")), "{groups:?}");
        }
        let by_name = run(["-N", &its, "--json"]).succeeded();
        assert!(by_name.stdout.contains("\"ESTABLISHED\":24"), "{by_name:?}");
    }
);

#[test]
fn what_is_about_one_network_namespace_is_refused_for_several() {
    for (words, expected) in [
        (
            &["--ports"][..],
            "--ports is about one network namespace: select one with --netns",
        ),
        (&["--doctor"], "--doctor is about one network namespace"),
        (&["--by", "interface"], "is about one network namespace"),
        (&["--by", "netns"], "has a label netns already"),
    ] {
        let all = ["serve", "--once", "-N", "all"];
        let ran = run(all.into_iter().chain(words.iter().copied()));
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    let ran = run(["serve", "--once", "--by", "netns,service"]);
    assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
}
