//! TCP's memory against its limits, and what was thrown away for want of memory.
//!
//! `tcp_mem` is three numbers of pages: below the first nothing is done, above the second buffers are
//! kept small, at the third nothing more is given (ip-sysctl.rst; `__sk_mem_raise_allocated`,
//! net/core/sock.c). The pages are those of the whole host, in every network namespace.

use super::facts::Facts;
use super::rule::Examined;
use crate::model::{Counter, Finding, Setting, Severity, counted, thousands};

/// The rule's name.
pub(super) const ID: &str = "memory";

/// What grows when something that came in was thrown away, and its sender must send it again
/// (`tcp_prune_queue`, `tcp_prune_ofo_queue`, `tcp_data_queue`, net/ipv4/tcp_input.c).
const THROWN_AWAY: [Counter; 3] = [Counter::RcvPruned, Counter::OfoPruned, Counter::RcvQDrop];

/// What grows when the kernel makes room before that: by one for each time, and for each segment.
const MADE_ROOM: [Counter; 2] = [Counter::PruneCalled, Counter::RcvCollapsed];

/// From so many times on that warns. Nothing is lost by it, and a buffer that is full for once is daily
/// life wherever much is received.
const OFTEN: u64 = 10;

const WHY: &str = "Under memory pressure windows shrink and received data is thrown away, to be sent again; beyond the limit connections stall and are reset (tcp(7), tcp_mem).";

/// Compares the pages with the limits, and looks at what was thrown away in the window.
pub(super) fn examine(facts: &Facts) -> Examined {
    let pages = facts.after.get(Counter::MemoryPages);
    let limits = facts.settings.numbers::<3>(Setting::Mem);
    let known = match (pages, limits) {
        (Ok(pages), Ok([_, pressure, high])) => Ok((pages, pressure, high)),
        (Err(reason), _) => Err(reason),
        (_, Err(reason)) => Err(format!("TCP's memory is the whole host's: {reason}")),
    };
    let over = known.as_ref().ok();
    let over = over.filter(|(pages, pressure, _)| pages >= pressure);
    let findings = match over {
        Some(over) => Some(at_the_limit(*over, facts)),
        None => thrown_away(facts),
    };
    Examined {
        findings: findings.into_iter().collect(),
        lacking: known.err(),
    }
}

fn at_the_limit((pages, pressure, high): (u64, u64, u64), facts: &Facts) -> Finding {
    let size = |pages| match facts.page_size {
        Some(bytes) => format!("{} MiB", thousands(bytes.saturating_mul(pages) >> 20)),
        None => format!("{} pages", thousands(pages)),
    };
    let name = Setting::Mem.name();
    let (severity, bound) = if pages >= high {
        (Severity::Critical, high)
    } else {
        (Severity::Warning, pressure)
    };
    let title = match severity {
        Severity::Critical => format!(
            "TCP uses {} of memory, all that {name} gives it",
            size(pages)
        ),
        Severity::Warning => format!(
            "TCP uses {} of memory and is under pressure from {} on",
            size(pages),
            size(bound)
        ),
    };
    let mut evidence = vec![
        format!(
            "{} pages of {}, pressure at {} ({name})",
            thousands(pages),
            thousands(high),
            thousands(pressure)
        ),
        facts.told(&[Counter::MemoryPressures, Counter::AbortOnMemory]),
    ];
    evidence.extend([facts.told(&MADE_ROOM), facts.told(&THROWN_AWAY)]);
    Finding {
        value: Some(pages as f64),
        limit: Some(bound as f64),
        ..finding(severity, title, evidence)
    }
}

/// Findings without the limits: what was thrown away all the same, of one socket with a full buffer.
fn thrown_away(facts: &Facts) -> Option<Finding> {
    let grown = |counters: &[Counter]| {
        let grown = counters
            .iter()
            .map(|counter| facts.grown(*counter).unwrap_or(0));
        grown.sum::<u64>()
    };
    let (thrown, pressures) = (grown(&THROWN_AWAY), grown(&[Counter::MemoryPressures]));
    let made = grown(&[Counter::PruneCalled]);
    let window = facts.shown_window();
    let title = if pressures > 0 {
        format!(
            "TCP came under memory pressure {} in {window}",
            counted(pressures, "time", "times")
        )
    } else if thrown > 0 {
        format!(
            "received data was thrown away {} for want of room in {window}",
            counted(thrown, "time", "times")
        )
    } else if made >= OFTEN {
        format!("receive queues were squeezed for room {made} times in {window}")
    } else {
        return None;
    };
    let value = [pressures, thrown, made]
        .into_iter()
        .find(|grown| *grown > 0);
    Some(Finding {
        value: value.map(|value| value as f64),
        ..finding(
            Severity::Warning,
            title,
            vec![
                facts.told(&[Counter::MemoryPressures]),
                facts.told(&MADE_ROOM),
                facts.told(&THROWN_AWAY),
            ],
        )
    })
}

fn finding(severity: Severity, title: String, evidence: Vec<String>) -> Finding {
    Finding {
        id: ID,
        severity,
        title,
        subject: Vec::new(),
        value: None,
        limit: None,
        evidence,
        processes: Vec::new(),
        commands: vec![
            "tcpstates list -p --sort receive-queue:desc --limit 10".to_owned(),
            "tcpstates list -p --sort send-queue:desc --limit 10".to_owned(),
        ],
        why: WHY,
        remedy: vec![
            "Let the processes with the longest receive queues read, and those with the longest send queues give up peers that do not take the data.".to_owned(),
            format!(
                "If all of them are at work, raise {}, or lower the third number of {} and {}, the most that one socket takes.",
                Setting::Mem.name(),
                Setting::ReceiveMemory.name(),
                Setting::SendMemory.name()
            ),
        ],
        causes: &["stuck-peers"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, facts};

    fn with_pages(pages: u64) -> Facts {
        let facts = facts().with_setting(Setting::Mem, "100\t200\t300");
        facts.with_growth(Counter::MemoryPages, pages, pages)
    }

    #[test]
    fn it_warns_from_the_pressure_on_and_is_critical_at_the_limit() {
        for (pages, severity) in [
            (199, None),
            (200, Some(Severity::Warning)),
            (299, Some(Severity::Warning)),
            (300, Some(Severity::Critical)),
        ] {
            let examined = examine(&with_pages(pages));
            let found = examined.findings.first().map(|finding| finding.severity);
            assert_eq!((found, examined.lacking), (severity, None), "{pages}");
        }
    }

    #[test]
    fn pages_are_shown_in_mebibytes_where_their_size_is_known() {
        let mut facts = with_pages(300);
        facts.page_size = Some(1 << 20);
        let title = |facts: &Facts| examine(facts).findings.remove(0).title;
        assert_eq!(
            title(&facts),
            "TCP uses 300 MiB of memory, all that net.ipv4.tcp_mem gives it"
        );
        facts.page_size = None;
        assert!(title(&facts).contains("300 pages"));
        assert_names_settings(&examine(&facts).findings.remove(0));
    }

    #[test]
    fn what_was_thrown_away_is_told_where_the_limits_are_not_and_a_reset_is_not() {
        let facts = facts().with_growth(Counter::MemoryPages, 9, 9);
        let examined = examine(&facts);
        assert!(examined.findings.is_empty());
        let lacking = examined.lacking.unwrap();
        assert!(lacking.starts_with("TCP's memory is the whole host's: net.ipv4.tcp_mem"));
        for (counter, told) in [
            (Counter::RcvPruned, "received data was thrown away 2 times"),
            (Counter::RcvQDrop, "received data was thrown away 2 times"),
            (
                Counter::MemoryPressures,
                "TCP came under memory pressure 2 times",
            ),
        ] {
            let grown = facts.clone().with_growth(counter, 5, 7);
            let finding = examine(&grown).findings.remove(0);
            assert!(finding.title.starts_with(told), "{finding:?}");
            assert_eq!(finding.value, Some(2.0));
            let reset = facts.clone().with_growth(counter, 7, 5);
            assert!(examine(&reset).findings.is_empty());
        }
    }

    #[test]
    fn room_that_is_made_again_and_again_is_told_and_segments_are_not_counted_as_times() {
        let made = |times: u64| {
            let facts = facts().with_growth(Counter::RcvCollapsed, 0, 500);
            examine(&facts.with_growth(Counter::PruneCalled, 3, 3 + times)).findings
        };
        assert!(made(9).is_empty());
        let found = made(10);
        assert_eq!(
            found[0].title,
            "receive queues were squeezed for room 10 times in 1.0 s"
        );
        assert_eq!(found[0].value, Some(10.0));
    }
}
