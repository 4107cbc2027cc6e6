//! The table of tracked connections against its maximum, and the packets that were dropped because
//! their connection got no entry.
//!
//! Each network namespace has a table of its own; the maximum is that of the initial one, which caps
//! all others (`__nf_conntrack_alloc`, net/netfilter/nf_conntrack_core.c). From a child namespace
//! the table of the host, which its packets may cross as well, cannot be seen.

use crate::diagnose::{Case, Examined, Host, Rule};
use crate::model::Setting::{
    ConntrackCount, ConntrackEstablished, ConntrackMax, ConntrackTimeWait, Mem,
};
use crate::model::{
    Command, Counter, Finding, Scope, Setting, Severity, StateSet, counted, duration_words,
    thousands,
};

/// From this many drops in the window on it warns. Single insertions fail on healthy hosts: two
/// packets of one new connection, such as two queries of a resolver, race for the same entry
/// (`__nf_conntrack_confirm`, net/netfilter/nf_conntrack_core.c).
const DROPS: u64 = 10;

/// From this part of the maximum on it warns.
const WARNING_SHARE: f64 = 0.8;

/// From this part on the kernel ends tracked connections before their time, once the table has been
/// full (`nf_conntrack_max95` in `gc_worker`, net/netfilter/nf_conntrack_core.c).
const CRITICAL_SHARE: f64 = 0.95;

/// Longer than this, in seconds, an idle entry need not stay: two hours, after which TCP sends its
/// first keepalive probe by default, and four minutes for an answer (RFC 5382, REQ-5).
const IDLE_SECONDS: u64 = 7_440;

/// Nor longer than this one of a closed connection: as long as the kernel keeps a socket in TIME_WAIT
/// (`TCP_TIMEWAIT_LEN`, include/net/tcp.h).
const CLOSED_SECONDS: u64 = 60;

const WHY_DROPS: &str = "Each is a packet that never arrived: the first one of a connection, so its SYN is sent again after 1 s and 3 s. An insertion fails if another entry has the same addresses and ports; if two connections are given the same port by source NAT at the same time, one of them loses.";

const WHY_EARLY: &str = "Each made room for a new connection. It was that of one that was not established, or of datagrams without a reply: its next packet counts as the first one of a connection, so that a firewall may drop it, and source NAT may give it another port.";

const REMEDY_DROPS: [&str; 3] = [
    "If entries are ended early or packets dropped, the table was full: see how many connections are tracked, and why.",
    "If insertions fail, let source NAT choose ports at random (`masquerade random,fully-random` in nftables, `--random-fully` in iptables), or use more source addresses.",
    "Do not track what needs no tracking: `notrack` in the raw hook of nftables for loopback and busy services.",
];

const WHY: &str = "When the table is full, a new connection replaces one that was never established; if the kernel finds none, the first packet of the new connection is dropped, and the log says `nf_conntrack: table full, dropping packet`.";

/// Needs no sockets.
#[derive(Debug, Default)]
pub(super) struct Conntrack;

impl Rule for Conntrack {
    const ID: &'static str = "conntrack";

    const SCOPE: Scope = Scope::Namespace;

    const STATES: StateSet = StateSet::NONE;

    type Before = ();

    fn examine(&self, case: &Case<'_>) -> Examined {
        let settings = &case.host.settings;
        let count = settings.number(ConntrackCount);
        let max = settings.number(ConntrackMax);
        // Only the initial network namespace has it.
        let is_initial = settings.numbers::<3>(Mem).is_ok();
        let (finding, absent) = match (count, max) {
            (Ok(count), Ok(max)) => (compare(count, max, case.host), None),
            (Err(reason), _) | (_, Err(reason)) => (None, Some(reason)),
        };
        let lacking = match (is_initial, absent) {
            (true, None) => None,
            (true, Some(reason)) => Some(format!(
                "{reason}; without connection tracking there is no table"
            )),
            (false, None) => Some(
                "the host's table is not visible from this network namespace; its own table is examined"
                    .to_owned(),
            ),
            (false, Some(reason)) => Some(format!(
                "the host's table is not visible from here: {reason}"
            )),
        };
        let drops = match case.host.settings.number(ConntrackCount) {
            // Without a table nothing is dropped from it.
            Err(_) => Ok(None),
            Ok(_) => dropped(case.host),
        };
        let (dropped, unknown) = match drops {
            Ok(found) => (found, None),
            Err(reason) => (None, Some(format!("dropped packets are unknown: {reason}"))),
        };
        Examined::found(finding.into_iter().chain(dropped))
            .without(lacking)
            .without(unknown)
    }
}

/// Packets that were dropped in the window because their connection got no entry.
fn dropped(host: &Host) -> Result<Option<Finding>, String> {
    const COUNTERS: [Counter; 3] = [
        Counter::ConntrackDrop,
        Counter::ConntrackInsertFailed,
        Counter::ConntrackEarlyDrop,
    ];
    let [dropped, failed, early] = COUNTERS.map(|counter| host.growth(counter));
    let (dropped, failed, early) = (dropped?, failed?, early?);
    // A packet whose entry lost the race is in both (`nf_ct_resolve_clash`).
    let lost = dropped.max(failed);
    if lost.max(early) < DROPS {
        return Ok(None);
    }
    let window = host.window_text();
    let (title, why) = match lost {
        0 => {
            let entries = counted(early, "entry was", "entries were");
            let title = format!(
                "{entries} ended early in {window}, because the connection tracking table was full"
            );
            (title, WHY_EARLY)
        }
        _ => {
            let packets = counted(lost, "packet was", "packets were");
            let title = format!(
                "{packets} dropped in {window}, because connection tracking had no entry for them"
            );
            (title, WHY_DROPS)
        }
    };
    // A full table drops the first packet of every new connection.
    let severity = Severity::critical_if(dropped.saturating_sub(failed) >= DROPS);
    let value = lost.max(early) as f64;
    let finding = Finding::new(severity, title, value, Vec::new(), why)
        .with_evidence([host.growth_text(&COUNTERS)])
        .with_commands([Command::count("--by remote-addr --top 10")])
        .with_remedy(REMEDY_DROPS);
    Ok(Some(finding))
}

/// The timeouts of the table, whose entries they are, how many seconds are enough, and why.
const TIMEOUTS: [(Setting, &str, u64, &str); 2] = [
    (
        ConntrackEstablished,
        "an idle connection",
        IDLE_SECONDS,
        "TCP sends keepalive probes after two hours by default; go lower only if no connection is idle for longer",
    ),
    (
        ConntrackTimeWait,
        "a closed connection",
        CLOSED_SECONDS,
        "this host keeps a socket in TIME_WAIT as long",
    ),
];

/// The timeouts that are known, as evidence, and how to lower those that are long.
fn timeouts(host: &Host) -> (Vec<String>, Vec<String>) {
    let text = |seconds: u64| format!("{} s ({})", thousands(seconds), duration_words(seconds));
    let (mut evidence, mut lower) = (Vec::new(), Vec::new());
    for (setting, of, enough, why) in TIMEOUTS {
        let Some(seconds) = host.setting(setting) else {
            continue;
        };
        let is = text(seconds);
        evidence.push(format!(
            "{setting} is {is}: the entry of {of} stays as long"
        ));
        if seconds > enough {
            let to = text(enough);
            lower.push(format!("Lower {setting} from {is} to {to}: {why}."));
        }
    }
    (evidence, lower)
}

fn compare(count: u64, max: u64, host: &Host) -> Option<Finding> {
    // 0 is no maximum.
    let severity = Severity::of_share(count, max, WARNING_SHARE, CRITICAL_SHARE);
    let severity = severity.filter(|_| max > 0)?;
    let tracked = counted(count, "connection is", "connections are");
    let most = thousands(max);
    let title = format!("{tracked} tracked, of {most} that {ConntrackMax} allows");
    let evidence = format!(
        "{ConntrackCount} is {:.1} % of {ConntrackMax}; from 95 % on the kernel ends entries early, once the table has been full",
        count as f64 / max as f64 * 100.0
    );
    let (timeouts, lower) = timeouts(host);
    let remedy = [
        "Keep connections open and reuse them: every new one takes an entry, and keeps it for some time after it ends.".to_owned(),
        "Do not track what needs no tracking: `notrack` in the raw hook of nftables for loopback and busy services.".to_owned(),
        format!("Raise {ConntrackMax} in the initial network namespace; an entry takes some 300 bytes."),
    ];
    let remedy = remedy.into_iter().chain(lower);
    Some(
        Finding::new(severity, title, count as f64, Vec::new(), WHY)
            .with_limit(max as f64)
            .with_evidence([evidence])
            .with_evidence(timeouts)
            .with_commands([Command::count("--by service --top 10")])
            .with_remedy(remedy)
            // An entry outlasts its connection, as TIME_WAIT does.
            .with_causes(&["time-wait"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::{assert_names_settings, host};

    fn table(count: &str, max: &str) -> Host {
        host()
            .with_setting(Setting::ConntrackCount, count)
            .with_setting(Setting::ConntrackMax, max)
            .with_growth(Counter::ConntrackDrop, 7, 7)
            .with_growth(Counter::ConntrackInsertFailed, 7, 7)
            .with_growth(Counter::ConntrackEarlyDrop, 7, 7)
    }

    #[test]
    fn ten_packets_without_an_entry_warn_and_ten_that_found_the_table_full_are_critical() {
        for (dropped, failed, early, severity) in [
            (9, 9, 0, None),
            (0, 10, 0, Some(Severity::Warning)),
            (10, 10, 0, Some(Severity::Warning)),
            (19, 10, 0, Some(Severity::Warning)),
            (20, 10, 0, Some(Severity::Critical)),
            (10, 0, 0, Some(Severity::Critical)),
            (0, 0, 9, None),
            (0, 0, 10, Some(Severity::Warning)),
        ] {
            let host = table("5", "1000")
                .with_growth(Counter::ConntrackDrop, 1, 1 + dropped)
                .with_growth(Counter::ConntrackInsertFailed, 1, 1 + failed)
                .with_growth(Counter::ConntrackEarlyDrop, 1, 1 + early);
            let found = host.examine(&Conntrack).findings;
            let found = found.first();
            let is = found.map(|finding| finding.severity);
            assert_eq!(is, severity, "{dropped} {failed} {early}");
            let is_about_packets = |finding: &Finding| finding.why == WHY_DROPS;
            assert!(found.is_none_or(|found| is_about_packets(found) == (early == 0)));
        }
    }

    #[test]
    fn without_its_counters_the_dropped_packets_are_not_examined() {
        let host = host()
            .with_setting(Setting::ConntrackCount, "5")
            .with_setting(Setting::ConntrackMax, "9")
            .with_setting(Setting::Mem, "1 2 3");
        let examined = host.examine(&Conntrack);
        assert_eq!(examined.lacking.len(), 1);
        assert!(examined.lacking[0].starts_with("dropped packets are unknown: nf_conntrack drop"));
    }

    #[test]
    fn it_warns_at_four_fifths_and_is_critical_from_where_entries_are_ended() {
        for (count, severity) in [
            ("799", None),
            ("800", Some(Severity::Warning)),
            ("949", Some(Severity::Warning)),
            ("950", Some(Severity::Critical)),
            ("1000", Some(Severity::Critical)),
        ] {
            let host = table(count, "1000").with_setting(Setting::Mem, "1 2 3");
            let examined = host.examine(&Conntrack);
            let found = examined.findings.first().map(|finding| finding.severity);
            assert_eq!(found, severity, "{count}");
            assert!(examined.lacking.is_empty());
            examined.findings.iter().for_each(assert_names_settings);
        }
    }

    #[test]
    fn timeouts_are_named_where_they_are_known_and_lowered_only_where_they_are_long() {
        let texts = |established: Option<&str>, time_wait: Option<&str>| {
            let mut host = table("950", "1000");
            for (setting, text) in [
                (ConntrackEstablished, established),
                (ConntrackTimeWait, time_wait),
            ] {
                host = text
                    .into_iter()
                    .fold(host, |host, text| host.with_setting(setting, text));
            }
            let finding = host.examine(&Conntrack).findings.remove(0);
            assert_names_settings(&finding);
            let lower = finding.remedy.into_iter();
            let lower = lower.filter(|remedy| remedy.starts_with("Lower"));
            (finding.evidence[1..].to_vec(), lower.collect::<Vec<_>>())
        };
        assert_eq!(texts(None, None), (Vec::new(), Vec::new()));
        let (evidence, lower) = texts(Some("432000"), Some("120"));
        let established = "net.netfilter.nf_conntrack_tcp_timeout_established";
        let time_wait = "net.netfilter.nf_conntrack_tcp_timeout_time_wait";
        assert_eq!(
            evidence,
            [
                format!(
                    "{established} is 432,000 s (5 days): the entry of an idle connection stays as long"
                ),
                format!(
                    "{time_wait} is 120 s (2 minutes): the entry of a closed connection stays as long"
                ),
            ]
        );
        let [idle, closed] = &lower[..] else {
            panic!("{lower:?}");
        };
        let begin =
            format!("Lower {established} from 432,000 s (5 days) to 7,440 s (2 hours 4 minutes): ");
        assert!(idle.starts_with(&begin), "{idle}");
        let begin = format!("Lower {time_wait} from 120 s (2 minutes) to 60 s (1 minute): ");
        assert!(closed.starts_with(&begin), "{closed}");
        let (evidence, lower) = texts(Some("7440"), Some("60"));
        assert_eq!((evidence.len(), lower.len()), (2, 0));
        let (evidence, lower) = texts(Some("7441"), None);
        assert_eq!((evidence.len(), lower.len()), (1, 1));
        let (evidence, lower) = texts(None, Some("61"));
        assert_eq!((evidence.len(), lower.len()), (1, 1));
    }

    #[test]
    fn a_maximum_of_0_is_none() {
        assert!(table("0", "0").examine(&Conntrack).findings.is_empty());
        assert!(table("5", "0").examine(&Conntrack).findings.is_empty());
    }

    #[test]
    fn a_child_namespace_evaluates_its_own_table_and_reports_that_there_is_another() {
        let child = table("950", "1000").examine(&Conntrack);
        assert_eq!(child.findings.len(), 1);
        assert!(child.lacking[0].contains("host's table is not visible"));
        let without = host().examine(&Conntrack);
        assert!(without.findings.is_empty());
        assert!(without.lacking[0].contains("not visible from here: net.netfilter"));
        let unloaded = host().with_setting(Setting::Mem, "1 2 3");
        let unloaded = unloaded.examine(&Conntrack);
        assert!(unloaded.lacking[0].contains("nf_conntrack_count"));
    }
}
