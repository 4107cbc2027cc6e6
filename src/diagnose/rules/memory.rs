//! TCP's memory against its limits, and what was dropped for lack of memory.
//!
//! `tcp_mem` is three numbers of pages: below the first nothing is done, above the second buffers are
//! kept small, at the third no more is given (ip-sysctl.rst; `__sk_mem_raise_allocated`,
//! net/core/sock.c). The pages are those of the whole host, in every network namespace.

use crate::diagnose::{Case, Examined, Host, Rule};
use crate::model::Setting::{Mem, ReceiveMemory, SendMemory};
use crate::model::{Command, Counter, Finding, Scope, Severity, StateSet, counted, thousands};

/// What grows when received data was dropped, and its sender must send it again (`tcp_prune_queue`,
/// `tcp_prune_ofo_queue`, `tcp_data_queue`, net/ipv4/tcp_input.c).
const DROPPED: [Counter; 3] = [Counter::RcvPruned, Counter::OfoPruned, Counter::RcvQDrop];

/// What grows when the kernel makes room before that: by one for each time, and for each segment.
const PRUNED: [Counter; 2] = [Counter::PruneCalled, Counter::RcvCollapsed];

/// From this many times on it warns. Nothing is lost by it, and a buffer that is full once is normal
/// wherever much is received.
const OFTEN: u64 = 10;

const WHY: &str = "Under memory pressure windows shrink and received data is dropped, to be sent again; beyond the limit connections stall and are reset (tcp(7), tcp_mem).";

/// Needs no sockets.
#[derive(Debug, Default)]
pub(super) struct Memory;

impl Rule for Memory {
    const ID: &'static str = "memory";

    const SCOPE: Scope = Scope::Host;

    const STATES: StateSet = StateSet::NONE;

    type Before = ();

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let known = host.memory("TCP", Counter::MemoryPages, Mem);
        let finding = match known {
            Ok((pages, [_, pressure, high])) if pages >= pressure => {
                Some(at_the_limit(pages, pressure, high, host))
            }
            Ok(_) | Err(_) => dropped(host),
        };
        Examined::found(finding)
            .without(known.err())
            .without(host.growth(Counter::PruneCalled).err())
    }
}

fn at_the_limit(pages: u64, pressure: u64, high: u64, host: &Host) -> Finding {
    let [in_use, small_from] = [pages, pressure].map(|pages| host.memory_text(pages));
    let is_over = pages >= high;
    let bound = if is_over { high } else { pressure };
    let title = match is_over {
        true => format!("TCP uses {in_use} of memory, all that {Mem} allows"),
        false => format!(
            "TCP uses {in_use} of memory, and the kernel keeps buffers small from {small_from} on"
        ),
    };
    let severity = Severity::critical_if(is_over);
    let [used, most, from] = [pages, high, pressure].map(thousands);
    let numbers = format!("{used} pages of {most}, pressure at {from} ({Mem})");
    let consequences = [Counter::MemoryPressures, Counter::AbortOnMemory];
    let evidence = [numbers, host.growth_text(&consequences)];
    finding(severity, title, pages, evidence, host).with_limit(bound as f64)
}

/// What was dropped although the limits were not reached, or are unknown: one socket with a full buffer
/// is enough.
fn dropped(host: &Host) -> Option<Finding> {
    let growth = |counters: &[Counter]| host.known_growth(counters);
    let (dropped, pressures) = (growth(&DROPPED), growth(&[Counter::MemoryPressures]));
    let pruned = growth(&[Counter::PruneCalled]);
    let (value, event) = match (pressures, dropped, pruned) {
        (1.., ..) => (pressures, "TCP came under memory pressure"),
        (_, 1.., _) => (dropped, "received data was dropped for lack of room"),
        (_, _, OFTEN..) => (pruned, "receive queues were pruned"),
        _ => return None,
    };
    let times = counted(value, "time", "times");
    let title = format!("{event} {times} in {}", host.window_text());
    let evidence = [host.growth_text(&[Counter::MemoryPressures])];
    Some(finding(Severity::Warning, title, value, evidence, host))
}

fn finding(
    severity: Severity,
    title: String,
    value: u64,
    evidence: impl IntoIterator<Item = String>,
    host: &Host,
) -> Finding {
    let remedy = vec![
        "Let the processes with the longest receive queues read, and those with the longest send queues give up peers that do not take the data.".to_owned(),
        format!(
            "If all of them are working normally, raise {Mem}, or lower the third number of {ReceiveMemory} and {SendMemory}, the maximum for one socket."
        ),
    ];
    Finding::new(severity, title, value as f64, Vec::new(), WHY)
        .with_evidence(evidence)
        .with_evidence([host.growth_text(&PRUNED), host.growth_text(&DROPPED)])
        .with_commands([
            Command::list("-p --sort receive-queue:desc --limit 10"),
            Command::list("-p --sort send-queue:desc --limit 10"),
        ])
        .with_remedy(remedy)
        .with_causes(&["stuck-peers"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host};
    use crate::model::Setting;

    fn quiet() -> Host {
        host().with_growth(Counter::PruneCalled, 1, 1)
    }

    fn with_pages(pages: u64) -> Host {
        let host = quiet().with_setting(Setting::Mem, "100\t200\t300");
        host.with_growth(Counter::MemoryPages, pages, pages)
    }

    #[test]
    fn it_warns_from_the_pressure_on_and_is_critical_at_the_limit() {
        for (pages, severity) in [
            (199, None),
            (200, Some(Severity::Warning)),
            (299, Some(Severity::Warning)),
            (300, Some(Severity::Critical)),
        ] {
            let examined = with_pages(pages).examine(&Memory);
            let found = examined.findings.first().map(|finding| finding.severity);
            assert_eq!(found, severity, "{pages}");
            assert!(examined.lacking.is_empty());
        }
    }

    #[test]
    fn pages_are_shown_in_mebibytes_where_their_size_is_known() {
        let mut host = with_pages(300);
        host.page_size = Some(1 << 20);
        let title = |host: &Host| host.examine(&Memory).findings.remove(0).title;
        assert_eq!(
            title(&host),
            "TCP uses 300 MiB of memory, all that net.ipv4.tcp_mem allows"
        );
        host.page_size = None;
        assert!(title(&host).contains("300 pages"));
        assert_names_settings(&host.examine(&Memory).findings.remove(0));
    }

    #[test]
    fn drops_are_reported_without_the_limits_and_a_reset_counter_is_not() {
        let host = quiet().with_growth(Counter::MemoryPages, 9, 9);
        let examined = host.examine(&Memory);
        assert!(examined.findings.is_empty());
        let lacking = &examined.lacking[0];
        let whole = "TCP's memory is that of the whole host: net.ipv4.tcp_mem";
        assert!(lacking.starts_with(whole), "{lacking}");
        for (counter, title) in [
            (
                Counter::RcvPruned,
                "received data was dropped for lack of room 2 times",
            ),
            (
                Counter::RcvQDrop,
                "received data was dropped for lack of room 2 times",
            ),
            (
                Counter::MemoryPressures,
                "TCP came under memory pressure 2 times",
            ),
        ] {
            let grown = host.clone().with_growth(counter, 5, 7);
            let finding = grown.examine(&Memory).findings.remove(0);
            assert!(finding.title.starts_with(title), "{finding:?}");
            assert_eq!(finding.value, 2.0);
            let reset = host.clone().with_growth(counter, 7, 5);
            assert!(reset.examine(&Memory).findings.is_empty());
        }
    }

    #[test]
    fn pruning_is_reported_if_it_is_frequent_and_segments_are_not_counted_as_times() {
        let pruned = |times: u64| {
            let host = host().with_growth(Counter::RcvCollapsed, 0, 500);
            let host = host.with_growth(Counter::PruneCalled, 3, 3 + times);
            host.examine(&Memory).findings
        };
        assert!(pruned(9).is_empty());
        let found = pruned(10);
        assert_eq!(
            found[0].title,
            "receive queues were pruned 10 times in 1.0 s"
        );
        assert_eq!(found[0].value, 10.0);
    }

    #[test]
    fn without_the_growth_of_counters_it_is_not_completely_examined() {
        let mut copied = with_pages(300);
        copied.still = Some("a copied tree");
        let examined = copied.examine(&Memory);
        assert_eq!(examined.findings.len(), 1);
        assert_eq!(examined.lacking, ["counters do not grow in a copied tree"]);
    }
}
