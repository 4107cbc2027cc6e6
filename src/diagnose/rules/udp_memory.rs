//! UDP's memory against its limit.
//!
//! Of the three numbers of `udp_mem` the first is the limit (ip-sysctl.rst). UDP has no state of memory
//! pressure, so that above the first number a socket that holds `udp_rmem_min` bytes or more is given no
//! page (`__sk_mem_raise_allocated`, net/core/sock.c), and the datagram is dropped
//! (`__udp_enqueue_schedule_skb`, net/ipv4/udp.c). The pages are those of the whole host.

use crate::diagnose::{Case, Examined, Host, Rule};
use crate::model::Setting::{RmemMax, UdpMem};
use crate::model::{
    Command, Counter, Finding, Kind, KindSet, Scope, Severity, StateSet, thousands,
};

/// From this part of the limit on it warns.
const NEAR: f64 = 0.8;

const WHY: &str = "Beyond this limit the kernel drops datagrams to every UDP socket of the host that already holds unread ones, also to those whose programs read in time (udp(7), udp_mem).";

/// Needs no sockets.
#[derive(Debug, Default)]
pub(super) struct UdpMemory;

impl Rule for UdpMemory {
    const ID: &'static str = "udp-memory";

    const SCOPE: Scope = Scope::Host;

    const KINDS: KindSet = KindSet::NONE.with(Kind::Udp);

    const STATES: StateSet = StateSet::NONE;

    type Before = ();

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        match host.memory("UDP", Counter::UdpMemoryPages, UdpMem) {
            Ok((pages, [limit, ..])) => Examined::found(finding(pages, limit, host)),
            Err(reason) => Examined::lacking(reason),
        }
    }
}

fn finding(pages: u64, limit: u64, host: &Host) -> Option<Finding> {
    if pages == 0 || (pages as f64) < limit as f64 * NEAR {
        return None;
    }
    let [in_use, most] = [pages, limit].map(|pages| host.memory_text(pages));
    let severity = Severity::critical_if(pages >= limit);
    let title = match pages >= limit {
        true => format!("UDP uses {in_use} of memory, all that {UdpMem} allows"),
        false => format!("UDP uses {in_use} of the {most} of memory that {UdpMem} allows"),
    };
    let [used, limit_text] = [pages, limit].map(thousands);
    let remedy = [
        "Let the processes with the longest receive queues read faster, or close sockets that they do not read.".to_owned(),
        format!(
            "If all of them are working normally, raise the first number of {UdpMem}, or lower {RmemMax}, the maximum for one socket."
        ),
    ];
    Some(
        Finding::new(severity, title, pages as f64, Vec::new(), WHY)
            .with_limit(limit as f64)
            .with_evidence([
                format!("{used} pages of {limit_text} (the first number of {UdpMem})"),
                host.growth_text(&[Counter::UdpMemErrors, Counter::Udp6MemErrors]),
            ])
            .with_commands([
                Command::list("-p --sort receive-queue:desc --limit 10").of_kind(Kind::Udp)
            ])
            .with_remedy(remedy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host};

    fn with_pages(pages: u64) -> Host {
        let host = host().with_setting(UdpMem, "100\t200\t300");
        host.with_growth(Counter::UdpMemoryPages, pages, pages)
    }

    #[test]
    fn it_warns_from_four_fifths_on_and_is_critical_at_the_first_number() {
        for (pages, severity) in [
            (0, None),
            (79, None),
            (80, Some(Severity::Warning)),
            (99, Some(Severity::Warning)),
            (100, Some(Severity::Critical)),
            (300, Some(Severity::Critical)),
        ] {
            let examined = with_pages(pages).examine(&UdpMemory);
            let found = examined.findings.first().map(|finding| finding.severity);
            assert_eq!(found, severity, "{pages}");
            assert!(examined.lacking.is_empty());
        }
    }

    #[test]
    fn pages_are_shown_in_mebibytes_where_their_size_is_known() {
        let mut host = with_pages(100);
        host.page_size = Some(1 << 20);
        let found = host.examine(&UdpMemory).findings.remove(0);
        let title = "UDP uses 100 MiB of memory, all that net.ipv4.udp_mem allows";
        assert_eq!(found.title, title);
        assert_eq!((found.value, found.limit), (100.0, Some(100.0)));
        assert_names_settings(&found);
        let mut host = with_pages(90);
        host.page_size = None;
        let title = host.examine(&UdpMemory).findings.remove(0).title;
        let expected = "UDP uses 90 pages of the 100 pages of memory that net.ipv4.udp_mem allows";
        assert_eq!(title, expected);
    }

    #[test]
    fn without_the_limit_or_the_pages_it_is_not_examined() {
        let without_limit = host().with_growth(Counter::UdpMemoryPages, 9, 9);
        let examined = without_limit.examine(&UdpMemory);
        assert!(examined.findings.is_empty());
        let whole = "UDP's memory is that of the whole host: net.ipv4.udp_mem";
        assert!(examined.lacking[0].starts_with(whole), "{examined:?}");
        let without_pages = host().with_setting(UdpMem, "100\t200\t300");
        let examined = without_pages.examine(&UdpMemory);
        assert_eq!(examined.lacking, ["sockstat UDP mem was not read"]);
        assert!(examined.findings.is_empty());
    }
}
