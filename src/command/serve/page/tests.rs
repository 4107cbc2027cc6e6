//! Pages of samples made by hand, against recorded ones.

mod several;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::command::doctor::RuleResult;
use crate::command::outcome::{Failure, Status};
use crate::command::serve::groups::Chosen;
use crate::command::serve::sampler::LISTENERS;
use crate::command::serve::sink::PageSink;
use crate::command::serve::walk::Ports;
use crate::diagnose::PortsTaken;
use crate::model::Where;
use crate::model::page::PageFormat;
use crate::model::testing::ends;
use crate::model::{Completeness, Counters, Settings, Sink, Socket, StateSet, Timer, TimerKind};
use crate::output::render_page;
use crate::question::Question;
use crate::source::{Cost, Need, Observer, ProcNet, Report, Sources};
use crate::tally::AcceptQueues;

const CLASSIC: &str = include_str!("../../../../tests/fixtures/page/classic.prom");
const OPENMETRICS: &str = include_str!("../../../../tests/fixtures/page/openmetrics.txt");
const FROM_PROC: &str = include_str!("../../../../tests/fixtures/page/from-proc.prom");

fn sample<T>(source: SourceName, took: Duration, found: T) -> Sample<T> {
    let question = Question::about(Kind::Tcp, StateSet::ALL);
    let observer = Observer::new(question, Sources::Proc(ProcNet::own())).unwrap();
    let report = Report {
        source,
        completeness: Completeness::default(),
        spread: Counts::default(),
        notes: Vec::new(),
        ended_by_sink: false,
        plan: observer.plan(Need::Counts).unwrap(),
        cost: Cost::default(),
    };
    let mut sample = Sample::take(&Where::Here, |_| Ok((report, found))).unwrap();
    sample.took = took;
    sample
}

/// What a walk found that passed these numbers on, without groups and ports.
fn found(sink: PageSink<'_>) -> Found {
    Found {
        counts: sink.counts,
        unanswered: sink.unanswered,
        queues: sink.queues.map(|queues| queues.fullest(LISTENERS)),
        has_all_sockets: true,
        has_all_listeners: true,
        search: None,
        groups: Vec::new(),
        ports: None,
        findings: None,
        namespaces: None,
    }
}

fn socket(state: State, retransmits: u32) -> Socket {
    let (kind, remaining) = (TimerKind::Retransmit, Duration::ZERO);
    Socket {
        retransmits: Some(retransmits),
        timer: Some(Timer { kind, remaining }),
        ..Socket::bare(Kind::Tcp, state, ends("192.0.2.1:40000", "192.0.2.2:443"))
    }
}

fn listener(local: &str, waiting: u32, limit: Option<u32>, drops: Option<u32>) -> Socket {
    Socket {
        receive_queue: waiting,
        send_queue: limit.unwrap_or(0),
        full: limit.map(|_| true),
        drops,
        ..Socket::bare(Kind::Tcp, State::Listen, ends(local, "0.0.0.0:0"))
    }
}

fn pass<S: Sink>(sink: &mut S, sockets: &[Socket]) {
    for socket in sockets {
        assert!(sink.socket(socket).is_continue());
    }
}

/// Every counter of the page with a number of its own, and every setting that is on the page.
fn kernel() -> Kernel {
    let (mut counters, mut settings) = (Counters::default(), Settings::default());
    for (number, (_, counter)) in (100..).zip(Family::KERNEL) {
        counters.set(counter, Ok(number));
    }
    counters.set(Counter::Orphans, Ok(50));
    counters.set(Counter::MemoryPages, Ok(60));
    for (setting, text) in [
        (Setting::LocalPortRange, "32768\t60999"),
        (Setting::LocalReservedPorts, "40000-40099"),
        (Setting::MaxTwBuckets, "262144"),
        (Setting::MaxOrphans, "65536"),
        (Setting::Mem, "100\t200\t300"),
        (Setting::ConntrackCount, "7"),
        (Setting::ConntrackMax, "9"),
    ] {
        settings.set(setting, Ok(text.to_owned()));
    }
    Kernel {
        counters,
        settings,
        page_size: Some(4096),
        is_of_host: false,
        took: Duration::from_micros(250),
    }
}

/// Every family, from netlink and the kernel's counters.
fn whole() -> Sampled {
    let mut sink = PageSink::default();
    pass(
        &mut sink,
        &[socket(State::SynSent, 2), socket(State::SynSent, 1)],
    );
    pass(
        &mut sink,
        &[socket(State::LastAck, 3), socket(State::Unknown(13), 0)],
    );
    sink.counts.add(State::Established, u64::from(u32::MAX) + 1);
    let took = Duration::from_micros(1500);
    let mut sockets = sample(SourceName::NetlinkAndCounters, took, found(sink));
    sockets.report.spread.add(State::Established, 12);
    let mut queues = AcceptQueues::default();
    pass(
        &mut queues,
        &[
            listener("[::]:443", 0, Some(4096), Some(0)),
            listener("127.0.0.1:5432", 3, Some(2), Some(17)),
            listener("192.0.2.1:80", 0, Some(128), None),
        ],
    );
    let took = Duration::from_micros(125);
    Sampled {
        time: UNIX_EPOCH + Duration::from_millis(1_795_715_531_250),
        extra_parts: Vec::new(),
        listeners: Some(Ok(sample(SourceName::Netlink, took, of_one(queues)))),
        kernel: Some(kernel()),
        sockets: Some(Ok(sockets)),
        named_kinds: None,
        kinds: None,
        belongs: Vec::new(),
    }
}

/// Accept queues of one network namespace.
fn of_one(queues: AcceptQueues) -> Queues {
    let (queues, shown) = (queues.fullest(LISTENERS), Vec::new());
    Queues { queues, shown }
}

/// The same with all that is only on request.
fn whole_with_extras() -> Sampled {
    let mut sampled = whole();
    let (mut shown, mut other) = (Counts::default(), Counts::default());
    shown.add(State::Established, 40);
    shown.add(State::CloseWait, 10);
    other.add(State::TimeWait, 7);
    let label = ("tcp_service".to_owned(), "\"a\\b\"\n".to_owned());
    let found = &mut sampled.sockets.as_mut().unwrap().as_mut().unwrap().found;
    found.groups.push(Some(Chosen {
        name: "service".to_owned(),
        shown: vec![(vec![label], shown)],
        other,
        number: 3,
        is_whole: true,
    }));
    let fullest = PortsTaken {
        taken: 3000,
        source: "192.0.2.1".parse().unwrap(),
        peer: "192.0.2.9:443".parse().unwrap(),
    };
    found.ports = Some(Ports {
        fullest: vec![fullest],
        most: 3000,
        others: 1,
        is_whole: true,
    });
    let rule = |id, findings, is_examined| RuleResult {
        id,
        findings,
        is_examined,
    };
    found.findings = Some(Findings {
        rules: vec![
            rule("accept-queue", [1, 0, 2], true),
            rule("close-wait", [0, 0, 0], false),
        ],
        window: Duration::from_millis(15_250),
        are_whole: true,
    });
    sampled.extra_parts = vec!["groups", "ports", "findings"];
    sampled
}

/// The page as recorded: with `VERSION` in place of that of the program.
fn render(sampled: &Sampled, format: PageFormat) -> String {
    let page = render_page(Arc::new(sampled.page()), format).unwrap();
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    page.replace(&version, "version=\"VERSION\"")
}

#[test]
fn a_whole_page_is_as_recorded_in_both_formats_and_has_every_family() {
    let sampled = whole_with_extras();
    let page = sampled.page();
    let families: Vec<Family> = page.families().map(|(family, ..)| family).collect();
    let is_of_servers = |family: &&Family| {
        let name = family.definition().name;
        name.starts_with("process_") || name.starts_with("tcpstates_http_")
    };
    let others = Family::ALL.iter().filter(|family| !is_of_servers(family));
    let is_of_several = |family: &Family| family.definition().name.contains("_netns_");
    let others = others.filter(|family| !is_of_several(family));
    assert!(families.iter().eq(others), "{families:?}");
    assert_eq!(sampled.status(), Status::Answered);
    assert_eq!(render(&sampled, PageFormat::Classic), CLASSIC);
    assert_eq!(render(&sampled, PageFormat::OpenMetrics), OPENMETRICS);
    assert!(OPENMETRICS.ends_with("\n# EOF\n"));
}

#[test]
fn limits_and_drops_that_proc_does_not_have_are_absent_and_never_0() {
    let mut sink = PageSink {
        queues: Some(AcceptQueues::default()),
        ..PageSink::default()
    };
    pass(&mut sink, &[listener("0.0.0.0:22", 1, None, None)]);
    let mut kernel = kernel();
    kernel.page_size = None;
    kernel.settings = Settings::default();
    kernel
        .counters
        .set(Counter::ReqQFullDrop, Err("absent".to_owned()));
    let sampled = Sampled {
        listeners: None,
        kernel: Some(kernel),
        sockets: Some(Ok(sample(
            SourceName::Proc,
            Duration::from_millis(2),
            found(sink),
        ))),
        ..whole()
    };
    assert_eq!(sampled.status(), Status::Answered);
    assert_eq!(render(&sampled, PageFormat::Classic), FROM_PROC);
}

#[test]
fn a_part_of_which_something_was_lost_is_incomplete_and_keeps_its_series() {
    let mut sampled = whole();
    let sockets = sampled.sockets.as_mut().unwrap().as_mut().unwrap();
    sockets.found.has_all_sockets = false;
    assert_eq!(sampled.status(), Status::Incomplete);
    let page = render(&sampled, PageFormat::Classic);
    assert!(
        page.contains("tcpstates_complete{part=\"sockets\"} 0\n"),
        "{page}"
    );
    assert!(
        page.contains("tcpstates_complete{part=\"listeners\"} 1\n"),
        "{page}"
    );
    assert!(
        page.contains("tcpstates_sockets{state=\"syn_sent\"} 2\n"),
        "{page}"
    );
}

#[test]
fn without_an_earlier_sample_there_are_no_findings_and_that_is_incomplete() {
    let mut sampled = whole();
    sampled.extra_parts = vec!["findings"];
    assert_eq!(sampled.status(), Status::Incomplete);
    let page = render(&sampled, PageFormat::Classic);
    assert!(
        page.contains("tcpstates_complete{part=\"findings\"} 0\n"),
        "{page}"
    );
    for absent in ["tcpstates_findings", "tcpstates_rule_examined"] {
        assert!(!page.contains(absent), "{page}");
    }
}

#[test]
fn a_part_that_failed_has_no_series_but_that_it_is_incomplete() {
    let failed = || Failure::Proc("nothing answered".to_owned());
    let mut sampled = whole();
    sampled.sockets = Some(Err(failed()));
    sampled.listeners = Some(Err(failed()));
    sampled.kernel.as_mut().unwrap().counters = Counters::default();
    assert_eq!(sampled.status(), Status::Incomplete);
    let page = render(&sampled, PageFormat::Classic);
    let complete: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("tcpstates_complete{"))
        .collect();
    assert_eq!(
        complete,
        [
            "tcpstates_complete{part=\"listeners\"} 0",
            "tcpstates_complete{part=\"kernel\"} 0",
            "tcpstates_complete{part=\"sockets\"} 0",
        ]
    );
    for absent in [
        "tcpstates_sockets",
        "tcpstates_source",
        "tcpstates_accept",
        "tcpstates_kernel",
    ] {
        assert!(!page.contains(absent), "{page}");
    }
}

#[test]
fn queues_that_came_with_sockets_of_another_source_than_proc_are_unknown() {
    let mut sampled = whole();
    sampled.listeners = None;
    assert!(sampled.queues().is_none());
    assert_eq!(sampled.status(), Status::Incomplete);
}

#[test]
fn more_listeners_than_have_series_are_counted() {
    let mut queues = AcceptQueues::default();
    for port in 1..=LISTENERS + 7 {
        let port = u16::try_from(port).unwrap();
        pass(
            &mut queues,
            &[listener(&format!("192.0.2.1:{port}"), 0, Some(1), None)],
        );
    }
    let mut sampled = whole();
    sampled.listeners = Some(Ok(sample(
        SourceName::Netlink,
        Duration::ZERO,
        of_one(queues),
    )));
    let page = render(&sampled, PageFormat::Classic);
    assert_eq!(
        page.matches("tcpstates_accept_queue_length{").count(),
        LISTENERS
    );
    assert!(
        page.contains("tcpstates_series_dropped{part=\"listeners\"} 7\n"),
        "{page}"
    );
    assert_eq!(sampled.status(), Status::Answered);
}
