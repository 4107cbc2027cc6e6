//! The same scripts for every kind of request: it is refused, answered with an error, interrupted, cut, or
//! answered twice.

use super::*;

/// A kind of request: in how many dumps its sockets are listed, and a record of a socket with this number.
struct Case {
    kind: Kind,
    dumps: usize,
    /// The length of what every record has.
    header: usize,
    record: fn(u8) -> Vec<u8>,
}

fn inet(number: u8) -> Vec<u8> {
    let mut body = inet_diag_msg(1).to_vec();
    // `idiag_cookie`.
    body[44] = number;
    body
}

/// A record of `length` bytes that begins with these, then has the number, and again in its cookie.
fn record(start: [u8; 4], length: usize, cookie: usize, number: u8) -> Vec<u8> {
    let mut body = start.to_vec();
    body.resize(length, 0);
    body[4] = number;
    body[cookie] = number;
    body
}

fn unix(number: u8) -> Vec<u8> {
    record([1, 1, 1, 0], 16, 8, number)
}

fn packet(number: u8) -> Vec<u8> {
    record([17, 3, 3, 0], 16, 8, number)
}

fn netlink(number: u8) -> Vec<u8> {
    record([16, 3, 0, 1], 28, 20, number)
}

const CASES: [Case; 7] = [
    of(Kind::Udp, 2, 72, inet),
    of(Kind::UdpLite, 2, 72, inet),
    of(Kind::Mptcp, 2, 72, inet),
    of(Kind::Raw, 2, 72, inet),
    of(Kind::UnixStream, 1, 16, unix),
    of(Kind::Packet, 1, 16, packet),
    of(Kind::Netlink, 1, 28, netlink),
];

const fn of(kind: Kind, dumps: usize, header: usize, record: fn(u8) -> Vec<u8>) -> Case {
    Case {
        kind,
        dumps,
        header,
        record,
    }
}

impl Case {
    /// One datagram with these records.
    fn records(&self, sequence: u32, flags: u16, bodies: &[Vec<u8>]) -> Turn {
        let messages = bodies.iter();
        let messages = messages.flat_map(|body| message(ONE_FAMILY, flags, (sequence, PORT), body));
        Turn::Datagram(0, messages.collect())
    }

    /// The first dump is answered so, and those after it with nothing.
    fn list(&self, first: Vec<Turn>) -> Result<(usize, Vec<Loss>), NetlinkError> {
        let others = (2..).take(self.dumps - 1);
        let others = others.map(|number| vec![done(number, 0)]);
        let scripts = std::iter::once(first).chain(others).collect();
        let mut seen = Seen::default();
        let question = Question::about(self.kind, self.kind.states());
        let (_, outcome) = list_of(&question, scripts, &mut seen)?;
        Ok((seen.states.len(), outcome.completeness.losses().to_vec()))
    }
}

#[test]
fn a_refused_kind_is_an_error_with_its_errno_and_permits_the_tables() {
    for case in CASES {
        for errno in [Errno::NOENT, Errno::PERM, Errno::INVAL] {
            for turn in [refusal(1, errno), done(1, errno.raw_os_error())] {
                let question = Question::about(case.kind, case.kind.states());
                let listed = list_of(&question, vec![vec![turn]], &mut Seen::default());
                let error = listed.unwrap_err();
                assert_eq!(error.errno(), Some(errno), "{:?}", case.kind);
                assert_eq!(error.permits_fallback(), errno != Errno::INVAL);
            }
        }
    }
}

#[test]
fn an_error_behind_records_of_any_kind_is_a_loss_and_these_are_kept() {
    for case in CASES {
        let bodies = [(case.record)(1), (case.record)(2)];
        let script = vec![
            case.records(1, 0, &bodies),
            done(1, Errno::NOMEM.raw_os_error()),
        ];
        let (sockets, losses) = case.list(script).unwrap();
        assert_eq!(sockets, 2, "{:?}", case.kind);
        assert!(matches!(&losses[..], [Loss::Aborted { .. }]), "{losses:?}");
    }
}

#[test]
fn an_interrupted_dump_of_any_kind_is_kept_and_reported() {
    for case in CASES {
        let bodies = [(case.record)(1)];
        let script = vec![case.records(1, INTERRUPTED, &bodies), done(1, 0)];
        let expected = (1, vec![Loss::Interrupted]);
        assert_eq!(case.list(script).unwrap(), expected, "{:?}", case.kind);
    }
}

#[test]
fn a_socket_that_is_sent_twice_counts_once_where_the_kernel_does_that() {
    for case in CASES {
        let bodies = [(case.record)(1), (case.record)(2), (case.record)(1)];
        let script = vec![case.records(1, 0, &bodies), done(1, 0)];
        let once = case.kind == Kind::Netlink;
        let expected = (if once { 2 } else { 3 }, Vec::new());
        assert_eq!(case.list(script).unwrap(), expected, "{:?}", case.kind);
    }
}

#[test]
fn a_record_of_any_kind_that_is_cut_costs_that_socket_and_is_reported() {
    for case in CASES {
        let whole = (case.record)(1);
        for length in 0..case.header {
            let cut = whole[..length].to_vec();
            let script = vec![
                case.records(1, 0, &[cut]),
                case.records(1, 0, &[(case.record)(2)]),
                done(1, 0),
            ];
            let (sockets, losses) = case.list(script).unwrap();
            assert_eq!(sockets, 1, "{:?} {length}", case.kind);
            assert!(
                matches!(&losses[..], [Loss::Malformed { records: 1, .. }]),
                "{losses:?}"
            );
        }
    }
}

#[test]
fn a_datagram_of_any_kind_that_is_cut_is_reported_and_its_whole_records_are_counted() {
    for case in CASES {
        let each = (16 + case.header).next_multiple_of(4);
        let fit = BUFFER_LEN / each;
        let bodies: Vec<_> = (0..=u8::MAX)
            .cycle()
            .take(fit + 1)
            .map(case.record)
            .collect();
        let distinct = match case.kind == Kind::Netlink {
            true => fit.min(256),
            false => fit,
        };
        let (sockets, losses) = case.list(vec![case.records(1, 0, &bodies)]).unwrap();
        let bytes = (fit + 1) * each;
        assert_eq!(losses, [Loss::Truncated { bytes }], "{:?}", case.kind);
        assert_eq!(sockets, distinct, "{:?}", case.kind);
    }
}

#[test]
fn a_changed_byte_of_any_kind_costs_no_socket_unless_that_is_reported() {
    for case in CASES {
        let whole = (case.record)(1);
        for at in 0..whole.len() {
            for byte in [0, 1, 2, 10, 127, 255] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let script = vec![case.records(1, 0, &[changed]), done(1, 0)];
                let (sockets, losses) = case.list(script).unwrap();
                // Another type of UNIX sockets, or another state of NETLINK sockets, is not selected.
                let is_other = at < 4;
                assert!(
                    sockets == 1 || !losses.is_empty() || is_other,
                    "{:?} {at}:{byte}",
                    case.kind
                );
            }
        }
    }
}
