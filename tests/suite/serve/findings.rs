//! `--doctor`: the findings of `doctor` as series, from one sample to the next.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::client::{Client, Served};
use super::page::Page;
use crate::doctor::report::Report;
use crate::namespace::in_namespace;
use crate::program::run;
use crate::wait::wait_for;

const COMPLETE: &str = "tcpstates_complete{part=\"findings\"}";

/// How many findings of each severity about connections that are not closed; other rules may find
/// something on the host.
fn leaks(page: &Page) -> BTreeMap<String, f64> {
    let series = page.series("tcpstates_findings").into_iter();
    let some = series.filter(|(labels, number)| labels["rule"] == "close-wait" && *number > 0.0);
    some.map(|(labels, number)| (labels["severity"].clone(), number))
        .collect()
}

/// The rules that were applied completely.
fn examined(page: &Page) -> Vec<String> {
    let series = page.series("tcpstates_rule_examined").into_iter();
    let whole = series.filter(|(_, is_examined)| *is_examined == 1.0);
    whole.map(|(labels, _)| labels["rule"].clone()).collect()
}

/// Connections that a server never closes.
fn close_wait(number: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let servers = (0..number).map(|_| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"unread").unwrap();
        listener.accept().unwrap().0
    });
    let servers = servers.collect();
    (listener, servers)
}

fn one_leak() -> BTreeMap<String, f64> {
    BTreeMap::from([("warning".to_owned(), 1.0)])
}

in_namespace!(
    fn one_page_has_the_findings_and_the_unexamined_rules_of_doctor_and_the_same_sockets() {
        let _busy = close_wait(12);
        for source in ["auto", "proc"] {
            let words = [
                "serve", "--once", "--doctor", "--by", "process", "--source", source,
            ];
            // A rule is left out where the machine is held up, which may be in one of both.
            let (page, report) = wait_for("a page and a diagnosis of the same rules", || {
                let page = Page::of(&run(words).succeeded());
                let report = Report::of(&run(["doctor", "--json", "--source", source]));
                let mut applied = report.examined.clone();
                applied.sort();
                (examined(&page) == applied).then_some((page, report))
            });
            assert_eq!(leaks(&page), one_leak(), "{source}");
            assert_eq!(report.findings_of("close-wait").len(), 1);
            let all = page.series("tcpstates_rule_examined").len();
            assert_eq!(page.series("tcpstates_findings").len(), 3 * all);
            assert_eq!(page.number(COMPLETE), Some(1.0));
            assert_eq!(
                page.number("tcpstates_sockets{state=\"close_wait\"}"),
                Some(12.0)
            );
            let window = page.number("tcpstates_findings_window_seconds");
            assert!(window >= Some(5.0), "{window:?}");
        }
    }
);

in_namespace!(
    fn a_server_compares_with_its_last_sample_and_a_fault_that_ends_is_gone() {
        let server = Served::start(["--doctor"]);
        let read = || Page::parse(&Client::connect().get("/metrics").body);
        let busy = close_wait(12);
        wait_for("a finding from two samples", || {
            std::thread::sleep(Duration::from_millis(200));
            let page = read();
            let window = page.number("tcpstates_findings_window_seconds");
            assert_eq!(
                window.is_some(),
                page.number(COMPLETE) == Some(1.0),
                "{page:?}"
            );
            (leaks(&page) == one_leak()).then_some(())
        });
        drop(busy);
        wait_for("no finding", || {
            std::thread::sleep(Duration::from_millis(200));
            leaks(&read()).is_empty().then_some(())
        });
        drop(server);
    }
);

in_namespace!(
    fn the_search_for_processes_may_be_limited_only_where_there_is_one() {
        let ran = run(["serve", "--once", "--doctor", "--owner-timeout", "1"]).succeeded();
        assert_eq!(Page::of(&ran).number(COMPLETE), Some(1.0));
        let ran = run(["serve", "--once", "--owner-timeout", "1"]);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{ran:?}");
    }
);
