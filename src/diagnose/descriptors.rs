//! Whether processes run out of descriptors, which decides how urgent it is that they hold sockets.

use std::time::Duration;

use crate::model::{Culprit, Descriptors, Holders, Severity, counted, thousands};

/// From this part of its limit on, a process is about to fail.
const NEARLY: f64 = 0.9;

/// The sockets of a finding must be this part of the open descriptors to be the reason.
const A_PART: f64 = 0.1;

/// From this part of the limit on, sockets that may be in order are worth a warning.
const LARGE_PART: f64 = 0.25;

/// How many processes are named.
const NAMED: usize = 3;

/// The severity of the sockets of these processes: critical if they take a part of the
/// descriptors of a process that has hardly any left.
pub(super) fn severity(processes: &[Culprit], holders: &Holders) -> Severity {
    let is_critical = |process: &Culprit| {
        let descriptors = holders.descriptors(process.pid);
        descriptors.is_ok_and(|Descriptors { open, limit }| {
            open as f64 >= limit as f64 * NEARLY && process.sockets as f64 >= open as f64 * A_PART
        })
    };
    Severity::critical_if(processes.iter().any(is_critical))
}

/// Whether the sockets of a process take a large part of the descriptors that it may have.
pub(super) fn are_large_part(processes: &[Culprit], holders: &Holders) -> bool {
    processes.iter().any(|process| {
        let descriptors = holders.descriptors(process.pid);
        descriptors.is_ok_and(|of| process.sockets as f64 >= of.limit as f64 * LARGE_PART)
    })
}

/// The descriptors of these processes, as evidence; or why they are unknown.
pub(super) fn evidence(processes: &[Culprit], holders: &Holders) -> Vec<String> {
    if processes.is_empty() {
        let unknown = holders.unknown.as_ref();
        let reason = unknown.map(|reason| {
            format!("whether their processes have descriptors left is unknown: {reason}")
        });
        return reason.into_iter().collect();
    }
    let named = processes.iter().take(NAMED);
    let texts = named.map(|process| match holders.descriptors(process.pid) {
        Ok(descriptors) => text(process, descriptors),
        Err(reason) => format!("the descriptors of {process} are unknown: {reason}"),
    });
    texts.collect()
}

/// When the first of these processes, the one with most sockets, reaches its limit if as many more are
/// opened as were `added` in the window, as evidence; `None` where it has no limit, or has reached it.
pub(super) fn reached(
    processes: &[Culprit],
    holders: &Holders,
    added: u64,
    window: Duration,
) -> Option<String> {
    let process = processes.first()?;
    let Descriptors { open, limit } = holders.descriptors(process.pid).ok()?;
    let left = limit.checked_sub(open).filter(|left| *left > 0)?;
    let rate = added as f64 / window.as_secs_f64();
    let in_seconds = left as f64 / rate;
    (limit != u64::MAX && rate > 0.0).then(|| {
        let last = window.as_secs_f64();
        format!(
            "at the rate of the last {last:.1} s, {rate:.0} more a second, {process} reaches its limit in about {in_seconds:.0} s"
        )
    })
}

/// `web (pid 7) has 64 of 64 descriptors open: accept() and socket() fail with EMFILE`.
pub(super) fn text(process: &Culprit, descriptors: Descriptors) -> String {
    let Descriptors { open, limit } = descriptors;
    let fails = match descriptors.are_used_up() {
        true => ": accept() and socket() fail with EMFILE",
        false => "",
    };
    match limit {
        u64::MAX => {
            let open = counted(open, "descriptor", "descriptors");
            format!("{process} has {open} open and no limit")
        }
        _ => format!(
            "{process} has {} of {} descriptors open{fails}",
            thousands(open),
            thousands(limit)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_critical_at_nine_tenths_if_a_tenth_are_the_sockets() {
        for (sockets, open, limit, severity) in [
            (125, 128, 128, Severity::Critical),
            (100, 900, 1_000, Severity::Critical),
            (90, 900, 1_000, Severity::Critical),
            (89, 900, 1_000, Severity::Warning),
            (800, 899, 1_000, Severity::Warning),
            (1_100, 1_150, 19_000, Severity::Warning),
            (1_100, 1_150, u64::MAX, Severity::Warning),
        ] {
            let process = Culprit {
                name: Some("web".to_owned()),
                pid: 7,
                sockets,
            };
            let mut holders = Holders::default();
            let processes = [process];
            assert_eq!(super::severity(&processes, &holders), Severity::Warning);
            holders.set_descriptors(7, Ok(Descriptors { open, limit }));
            assert_eq!(super::severity(&processes, &holders), severity, "{sockets}");
            let is_large = sockets >= limit.div_ceil(4);
            assert_eq!(are_large_part(&processes, &holders), is_large);
            let text = &evidence(&processes, &holders)[0];
            assert_eq!(text.contains("EMFILE"), open >= limit, "{text}");
        }
    }

    #[test]
    fn the_time_to_the_limit_follows_from_the_rate_of_the_window() {
        let process = Culprit {
            name: Some("web".to_owned()),
            pid: 7,
            sockets: 50,
        };
        for (open, limit, text) in [
            (
                100,
                1_100,
                Some(
                    "at the rate of the last 2.0 s, 50 more a second, web (pid 7) reaches its limit in about 20 s",
                ),
            ),
            (1_100, 1_100, None),
            (100, u64::MAX, None),
        ] {
            let mut holders = Holders::default();
            holders.set_descriptors(7, Ok(Descriptors { open, limit }));
            let processes = std::slice::from_ref(&process);
            let found = reached(processes, &holders, 100, Duration::from_secs(2));
            assert_eq!(found.as_deref(), text);
            let none = reached(processes, &holders, 0, Duration::from_secs(2));
            assert_eq!(none, None);
        }
    }

    #[test]
    fn without_holders_or_numbers_the_reason_is_reported() {
        let mut holders = Holders::default();
        holders.unknown = Some("no permission".to_owned());
        assert!(evidence(&[], &holders)[0].ends_with("is unknown: no permission"));
        let process = Culprit {
            name: None,
            pid: 7,
            sockets: 1,
        };
        holders.set_descriptors(7, Err("no such file".to_owned()));
        let text = evidence(&[process], &holders).remove(0);
        assert_eq!(
            text,
            "the descriptors of ? (pid 7) are unknown: no such file"
        );
    }
}
