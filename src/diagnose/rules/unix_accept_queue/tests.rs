//! The rule on hosts made for it.

use super::*;
use crate::diagnose::testing::{assert_names_settings, host};
use crate::model::{Holders, ProcessName, UnixEnds, UnixName};

/// A listener with this queue and limit, in which these clients wait.
fn one(queue: u32, limit: u32, clients: &[u32]) -> Socket {
    Socket {
        receive_queue: queue,
        send_queue: limit,
        full: Some(true),
        inode: 9,
        ..Socket::bare(
            Kind::UnixStream,
            State::Listen,
            UnixEnds {
                name: UnixName::Path(b"/run/fpm.sock".as_slice().into()),
                clients: clients.into(),
                ..UnixEnds::default()
            },
        )
    }
}

fn found(before: (u32, u32), after: Socket) -> Vec<Finding> {
    let host = host();
    let rule: UnixAcceptQueue = host.read(&[one(before.0, before.1, &[])], &[after]);
    let mut holders = Holders::default();
    holders.set(9, ProcessName::new(b"php-fpm"), 1);
    holders.set(11, ProcessName::new(b"nginx"), 7);
    holders.set(12, ProcessName::new(b"nginx"), 7);
    host.examine_with(&rule, &holders).findings
}

#[test]
fn a_queue_that_is_full_in_both_samples_is_critical_and_a_long_one_a_warning() {
    use Severity::{Critical, Warning};
    for (before, after, severity) in [
        ((6, 5), (6, 5), Some(Critical)),
        ((4, 5), (6, 5), Some(Critical)),
        ((6, 5), (5, 5), Some(Warning)),
        ((4, 5), (4, 5), Some(Warning)),
        ((3, 5), (6, 5), None),
        ((6, 5), (3, 5), None),
        ((3, 3), (3, 3), None),
        ((1, 0), (1, 0), Some(Critical)),
    ] {
        let found = found(before, one(after.0, after.1, &[]));
        let severities = found.first().map(|found| found.severity);
        assert_eq!(severities, severity, "{before:?} {after:?}");
    }
}

#[test]
fn who_waits_is_named_and_not_taken_for_a_holder() {
    let found = found((6, 5), one(6, 5, &[11, 12, 0]));
    let finding = &found[0];
    assert_eq!(
        finding.title,
        "the accept queue of /run/fpm.sock is full: 6 of 5"
    );
    assert_eq!(
        finding.evidence,
        [
            "6 connections wait against the limit of 5, also 1.0 s before",
            "waiting: nginx (pid 7) ×2"
        ]
    );
    assert_eq!((finding.processes.len(), finding.processes[0].pid), (1, 1));
    assert_names_settings(finding);
}
