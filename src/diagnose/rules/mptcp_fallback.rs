//! Connections that requested Multipath TCP and became plain TCP.
//!
//! A client that sends the option MP_CAPABLE with its SYN falls back where the SYN-ACK has no such option
//! (RFC 8684, 3.7; `subflow_finish_connect`, net/mptcp/subflow.c): the server does not use MPTCP, or
//! something on the path removes the option. MPCapableFallbackACK, which counts the same on the side of
//! servers, is not examined: this host cannot change what its clients send.

use crate::diagnose::{Case, Examined, Host, Rule};
use crate::model::Counter::{MpCapableFallback, MpCapableSynTx};
use crate::model::{Command, Finding, Kind, KindSet, Scope, Severity, StateSet, thousands};

/// Fewer in the window are left to chance.
const LEAST: u64 = 10;

/// The least part of the attempts with the option: a few servers without MPTCP are normal.
const SHARE: f64 = 0.5;

const WHY: &str = "A connection that fell back has one path: it ends when that path fails, and adds no throughput (RFC 8684, 3.7). Either the servers do not use MPTCP, or a firewall, load balancer or proxy on the path removes the option.";

/// Needs no sockets.
#[derive(Debug, Default)]
pub(super) struct MptcpFallback;

impl Rule for MptcpFallback {
    const ID: &'static str = "mptcp-fallback";

    const SCOPE: Scope = Scope::Namespace;

    const KINDS: KindSet = KindSet::NONE.with(Kind::Mptcp);

    const STATES: StateSet = StateSet::NONE;

    type Before = ();

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        match (host.growth(MpCapableFallback), host.growth(MpCapableSynTx)) {
            (Ok(fallen), Ok(begun)) => Examined::found(finding(fallen, begun, host)),
            // A kernel without MPTCP has neither the counters nor such sockets.
            _ if host.still.is_none() && host.unlisted.mptcp == Ok(0) => Examined::default(),
            (Err(reason), _) | (_, Err(reason)) => Examined::lacking(reason),
        }
    }
}

fn finding(fallen: u64, begun: u64, host: &Host) -> Option<Finding> {
    // One that fell back in the window may have begun before it.
    let begun = begun.max(fallen);
    if fallen < LEAST || (fallen as f64) < begun as f64 * SHARE {
        return None;
    }
    let [fallen_text, begun_text] = [fallen, begun].map(thousands);
    let title = format!(
        "{fallen_text} of {begun_text} MPTCP connections that this host began fell back to plain TCP in {}",
        host.window_text()
    );
    Some(
        Finding::new(Severity::Warning, title, fallen as f64, Vec::new(), WHY)
            .with_limit(begun as f64)
            .with_evidence([host.growth_text(&[MpCapableFallback, MpCapableSynTx])])
            .with_commands([Command::list("-p").of_kind(Kind::Mptcp)])
            .with_remedy([
                "Find out whether the servers use MPTCP: the listener needs a socket with IPPROTO_MPTCP, and the server's kernel net.mptcp.enabled of 1.",
                "If they do, capture SYN and SYN-ACK on both hosts; if one arrives without the option MP_CAPABLE, let the devices on the path pass TCP option 30.",
            ]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::host;

    fn with(fallen: u64, begun: u64) -> Host {
        let host = host().with_growth(MpCapableFallback, 5, 5 + fallen);
        host.with_growth(MpCapableSynTx, 7, 7 + begun)
    }

    #[test]
    fn it_warns_from_ten_on_that_are_half_of_the_attempts() {
        for (fallen, begun, is_found) in [
            (0, 0, false),
            (9, 9, false),
            (10, 10, true),
            (10, 20, true),
            (10, 21, false),
            (50, 100, true),
            (49, 100, false),
        ] {
            let examined = with(fallen, begun).examine(&MptcpFallback);
            let found = examined.findings.first().map(|finding| finding.severity);
            let expected = is_found.then_some(Severity::Warning);
            assert_eq!(found, expected, "{fallen} of {begun}");
            assert!(examined.lacking.is_empty());
        }
    }

    #[test]
    fn one_that_began_before_the_window_is_an_attempt_too() {
        let found = with(12, 11).examine(&MptcpFallback).findings.remove(0);
        let title =
            "12 of 12 MPTCP connections that this host began fell back to plain TCP in 1.0 s";
        assert_eq!(found.title, title);
        assert_eq!((found.value, found.limit), (12.0, Some(12.0)));
    }

    #[test]
    fn without_the_counters_it_is_not_examined_unless_there_is_no_mptcp() {
        let mut host = host();
        let examined = host.examine(&MptcpFallback);
        assert!(examined.lacking.is_empty() && examined.findings.is_empty());
        host.unlisted.mptcp = Ok(1);
        let examined = host.examine(&MptcpFallback);
        assert_eq!(examined.lacking.len(), 1);
        let mut copied = with(50, 50);
        copied.still = Some("a copied tree");
        let examined = copied.examine(&MptcpFallback);
        assert_eq!(examined.lacking, ["counters do not grow in a copied tree"]);
    }

    #[test]
    fn counters_that_went_back_are_not_compared() {
        let mut host = with(50, 50);
        std::mem::swap(&mut host.before, &mut host.after);
        host.unlisted.mptcp = Err("unknown".to_owned());
        let examined = host.examine(&MptcpFallback);
        assert!(examined.findings.is_empty() && !examined.lacking.is_empty());
    }
}
