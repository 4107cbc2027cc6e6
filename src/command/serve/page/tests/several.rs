//! Pages of several network namespaces and of other kinds than TCP.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::command::serve::kinds::KindFound;
use crate::command::serve::namespaces::{Belongs, Shown};
use crate::model::{KindSet, NamespacesRead, Netns, ReadNamespace, UnseenNamespace, UnseenReason};

const NAMESPACES: &str = include_str!("../../../../../tests/fixtures/page/namespaces.prom");

fn counts(numbers: &[(State, u64)]) -> Counts {
    let mut counts = Counts::default();
    for (state, number) in numbers {
        counts.add(*state, *number);
    }
    counts
}

fn shown(netns: u32, name: &str) -> Shown {
    let (netns, name) = (Netns(netns), name.into());
    Shown { netns, name }
}

/// A page of three network namespaces, two of which have series, and one that was not read.
fn of_several() -> Sampled {
    let (host, pod) = (shown(7, "host"), shown(8, "pod:default/web-0"));
    let mut sampled = whole();
    let sockets = sampled.sockets.as_mut().unwrap().as_mut().unwrap();
    let (established, listen) = (State::Established, State::Listen);
    sockets.found.counts = counts(&[(established, 42), (State::TimeWait, 1), (listen, 4)]);
    sockets.found.namespaces = Some(Divided {
        shown: vec![
            (host.clone(), counts(&[(established, 30), (listen, 3)])),
            (
                pod.clone(),
                counts(&[(established, 11), (State::TimeWait, 1)]),
            ),
        ],
        other: counts(&[(established, 1), (listen, 1)]),
        others: 1,
        is_whole: true,
    });
    let read = |netns| ReadNamespace {
        netns: Netns(netns),
        facts: Arc::default(),
        source: SourceName::Netlink,
        is_empty: false,
    };
    sockets.report.completeness.set_namespaces(NamespacesRead {
        read: vec![read(7), read(8), read(9)],
        unseen: vec![UnseenNamespace {
            name: "blue".to_owned(),
            netns: Netns(10),
            reason: UnseenReason::NoPermission,
        }],
        ..NamespacesRead::default()
    });
    sockets.found.has_all_sockets = false;
    let listeners = sampled.listeners.as_mut().unwrap().as_mut().unwrap();
    let mut queues = AcceptQueues::default();
    for netns in [7, 8] {
        let one = listener("[::]:443", netns, Some(4096), None);
        let netns = Netns(netns);
        pass(&mut queues, &[Socket { netns, ..one }]);
    }
    let shown = vec![host.clone(), pod.clone()];
    let queues = queues.fullest(LISTENERS);
    listeners.found = Queues { queues, shown };
    sampled.kernel.as_mut().unwrap().is_of_host = true;
    let belongs = |name: Arc<str>, pod_namespace: &str, pod_name: &str, container: &str| Belongs {
        name,
        pod_namespace: pod_namespace.to_owned(),
        pod_name: pod_name.to_owned(),
        container: container.to_owned(),
    };
    sampled.belongs = vec![
        belongs(host.name, "", "", ""),
        belongs(pod.name, "default", "web-0", "php\"fpm"),
    ];
    sampled
}

/// Adds UDP, and PING, which was not read completely.
fn add_kinds(sampled: &mut Sampled) {
    sampled.named_kinds = Some(KindSet::INTERNET);
    let udp = counts(&[
        (State::Established, 2),
        (State::Unconnected, 5),
        (State::Unknown(14), 1),
    ]);
    let kinds = vec![
        KindFound {
            kind: Kind::Udp,
            counts: udp.clone(),
            namespaces: Some(Divided {
                shown: vec![(shown(7, "host"), udp)],
                is_whole: true,
                ..Divided::default()
            }),
            is_complete: true,
        },
        KindFound {
            kind: Kind::Ping,
            counts: Counts::default(),
            namespaces: Some(Divided::default()),
            is_complete: false,
        },
    ];
    let took = Duration::from_micros(500);
    sampled.kinds = Some(Ok(sample(SourceName::Netlink, took, kinds)));
}

#[test]
fn a_page_of_several_network_namespaces_and_kinds_is_as_recorded() {
    let mut sampled = of_several();
    add_kinds(&mut sampled);
    assert_eq!(sampled.status(), Status::Incomplete);
    let page = render(&sampled, PageFormat::Classic);
    assert_eq!(page, NAMESPACES);
    for family in Family::ALL {
        let name = family.definition().name;
        assert!(!name.contains("_netns_") || page.contains(name), "{name}");
    }
}

#[test]
fn kinds_that_are_not_read_yet_are_incomplete_and_named_tcp_has_its_label() {
    let mut sampled = whole();
    sampled.named_kinds = Some(KindSet::TCP.with(Kind::Udp));
    assert_eq!(sampled.status(), Status::Incomplete);
    let page = render(&sampled, PageFormat::Classic);
    for line in [
        "tcpstates_complete{part=\"sockets\"} 1\n",
        "tcpstates_complete{part=\"udp\"} 0\n",
        "tcpstates_sockets{kind=\"tcp\",state=\"syn_sent\"} 2\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
    assert!(!page.contains("kind=\"udp\""), "{page}");
}
