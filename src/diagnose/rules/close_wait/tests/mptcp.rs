//! Connections over MPTCP, which are in the tables of TCP too.

use super::*;

/// The same connection as an MPTCP socket.
fn over_mptcp(socket: Socket) -> Socket {
    Socket {
        kind: Kind::Mptcp,
        cookie: socket.cookie.map(|cookie| cookie + 1_000),
        ..socket
    }
}

/// What is found of 12 MPTCP connections on which nothing was sent for this time, with this much unread.
fn silent_for(age: u64, unread: u32) -> Vec<Finding> {
    let mut host = host().listening_at(&["0.0.0.0:80"]);
    let sockets: Vec<Socket> = (1..=12)
        .map(|number| Socket {
            receive_queue: unread,
            ..over_mptcp(one(number, number))
        })
        .collect();
    let rule: CloseWait = host.read(&sockets, &sockets);
    let measures = [
        (Metric::BytesAcked, 0),
        (Metric::BytesReceived, 100),
        (Metric::LastDataSent, age),
        (Metric::LastDataReceived, age),
        (Metric::LastAckReceived, age),
    ];
    let now: Vec<Socket> = sockets
        .into_iter()
        .map(|one| seen(one, &measures))
        .collect();
    host.see(&rule, &now);
    host.see(&rule, &now);
    host.examine(&rule).findings
}

#[test]
fn what_is_not_answered_after_10_seconds_or_not_read_is_a_leak() {
    for (age, unread, severity) in [
        (9_999, 0, Severity::Info),
        (10_000, 0, Severity::Warning),
        (6_000, 932, Severity::Warning),
    ] {
        let found = silent_for(age, unread);
        assert_eq!(found[0].severity, severity, "{age} {unread}: {found:?}");
        let kind = (Field::Kind, Label::Text("mptcp".to_owned()));
        assert!(found[0].subject.contains(&kind), "{found:?}");
        assert!(found[0].title.contains("to port 80 over MPTCP"));
        let command = found[0].commands[0].to_string();
        assert!(
            command.starts_with("tcpstates list --kind mptcp "),
            "{command}"
        );
        let end = format!(
            "{} have unread data; whether the end is read is not reported",
            if unread > 0 { 12 } else { 0 }
        );
        assert_eq!(found[0].evidence[1], end);
    }
}

#[test]
fn a_connection_that_fell_back_to_tcp_is_counted_once() {
    let host = host().listening_at(&["0.0.0.0:80"]);
    for inode in [0, 1] {
        let tcp = (1..=12).map(|number| one(number, inode * number));
        let tcp: Vec<Socket> = tcp.collect();
        let both: Vec<Socket> = tcp
            .iter()
            .cloned()
            .map(over_mptcp)
            .chain(tcp.iter().cloned())
            .collect();
        let rule: CloseWait = host.read(&both, &both);
        let found = host.examine(&rule).findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].value, 12.0);
    }
}

#[test]
fn connections_of_both_kinds_to_one_port_are_two_findings() {
    let host = host().listening_at(&["0.0.0.0:80"]);
    let mptcp = (1..=12).map(|number| over_mptcp(one(number, number)));
    let tcp = (21..=32).map(|number| one(number, number));
    let both: Vec<Socket> = mptcp.chain(tcp).collect();
    let rule: CloseWait = host.read(&both, &both);
    let found = host.examine(&rule).findings;
    let kinds: Vec<bool> = found
        .iter()
        .map(|found| found.title.contains("over MPTCP"))
        .collect();
    assert_eq!(kinds, [false, true]);
}
