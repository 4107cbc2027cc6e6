//! A verdict as one line of JSON, of the shape documented in tcpstates-check(1).

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;
use serde_json::Number;

use super::reasons::reasons;
use super::{counted, not_counted};
use crate::model::{
    CheckStatus, Field, Holder, JudgedGroup, JudgedQuantity, JudgedQueue, Judgement, ListenPlace,
    Measure, Range, Scope, Thresholds, UnixName, Verdict, decimal,
};
use crate::output::escape::unix_name;
use crate::output::json::{Envelope, KeyLine, losses, write_line};

#[derive(Serialize)]
struct VerdictLine<'a> {
    #[serde(flatten)]
    envelope: Envelope,
    status: &'static str,
    reasons: Vec<String>,
    metrics: Vec<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<WaitedLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged: Option<Judged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<GroupStatus<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_queues: Option<Vec<QueueStatus<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// One number. What it is judged by, and the result, where it is judged.
#[derive(Default, Serialize)]
struct Metric {
    name: String,
    kind: &'static str,
    value: Option<Number>,
    #[serde(skip_serializing_if = "is_zero")]
    spread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    critical: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(flatten)]
    holder: HolderKeys,
}

/// The socket or destination that has a value.
#[derive(Default, Serialize)]
struct HolderKeys {
    #[serde(skip_serializing_if = "Option::is_none")]
    local_addr: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_addr: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_port: Option<u16>,
}

impl HolderKeys {
    fn of(holder: Holder) -> HolderKeys {
        let (local_addr, local_port, peer) = match holder {
            Holder::Socket(ends) => (ends.local.ip(), Some(ends.local.port()), ends.peer()),
            Holder::Destination { source, peer } => (source, None, Some(peer)),
        };
        HolderKeys {
            local_addr: Some(local_addr),
            local_port,
            remote_addr: peer.map(|peer| peer.ip()),
            remote_port: peer.map(|peer| peer.port()),
        }
    }
}

/// How often a check was repeated.
#[derive(Serialize)]
struct WaitedLine {
    seconds: f64,
    checks: u64,
    ok_in_a_row: u32,
}

/// How many groups were judged.
#[derive(Serialize)]
struct Judged {
    groups: u64,
    warning: u64,
    critical: u64,
}

#[derive(Serialize)]
struct GroupStatus<'a> {
    key: KeyLine<'a>,
    status: &'static str,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
struct QueueStatus<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    local_addr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v6only: Option<bool>,
    accept_queue: u64,
    accept_limit: u64,
    share: Option<Number>,
    status: &'static str,
}

/// Writes one object and a line end.
///
/// # Errors
/// The writer's.
pub fn write_check_json(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let observation = verdict.observation.as_ref();
    let groups = verdict.groups.as_ref();
    let queues = verdict.queues.as_ref();
    let line = VerdictLine {
        envelope: Envelope::new(verdict.time, observation, verdict.counts.total()),
        status: verdict.status.name(),
        reasons: reasons(verdict),
        metrics: metrics(verdict),
        waited: verdict.waited.map(|waited| WaitedLine {
            seconds: waited.elapsed.as_secs_f64(),
            checks: waited.checks,
            ok_in_a_row: waited.ok_in_a_row,
        }),
        judged: groups.map(|groups| Judged {
            groups: groups.groups,
            warning: groups.warning,
            critical: groups.critical,
        }),
        groups: groups.map(|groups| {
            let listed = groups.listed.iter();
            listed.map(|one| group(&groups.fields, one)).collect()
        }),
        accept_queues: queues.map(|queues| queues.listed.iter().map(queue).collect()),
        warnings: observation.map(losses).unwrap_or_default(),
    };
    write_line(out, &line)
}

/// Every requested state and the total; then what else is compared.
fn metrics(verdict: &Verdict) -> Vec<Metric> {
    let counted = counted(verdict).map(|one| {
        let plain = || Metric {
            name: one.aspect.label(),
            kind: "count",
            value: Some(one.sockets.into()),
            spread: one.spread,
            ..Metric::default()
        };
        one.judgement.map_or_else(plain, metric)
    });
    let others = not_counted(verdict).filter(|_| verdict.observation.is_some());
    let quantities = verdict.quantities.iter().map(quantity);
    counted
        .chain(others.map(metric))
        .chain(quantities)
        .collect()
}

/// A quantity; without a value where that is unknown.
fn quantity(one: &JudgedQuantity) -> Metric {
    let aspect = one.thresholds.aspect;
    let scope = aspect.quantity().map(|one| one.definition().scope);
    let metric = match &one.judgement {
        Some(judgement) => metric(judgement),
        None => Metric {
            status: Some(CheckStatus::Unknown.name()),
            ..named(one.thresholds)
        },
    };
    Metric {
        part: metric.sockets,
        sockets: None,
        scope,
        holder: one.holder.map(HolderKeys::of).unwrap_or_default(),
        ..metric
    }
}

/// What is known of a metric before it is measured.
fn named(thresholds: Thresholds) -> Metric {
    let range = |range: Option<Range>| range.map(|range| range.to_string());
    Metric {
        name: thresholds.aspect.label(),
        kind: match thresholds.aspect.measure {
            Measure::Count if thresholds.aspect.is_in_bytes() => "bytes",
            Measure::Count => "count",
            Measure::Share => "share",
            Measure::Rate => "rate",
        },
        warning: range(thresholds.warning),
        critical: range(thresholds.critical),
        ..Metric::default()
    }
}

fn metric(judgement: &Judgement) -> Metric {
    let measured = judgement.measured;
    Metric {
        value: number(measured.value),
        spread: measured.spread,
        sockets: measured.parts.map(|parts| parts.0),
        of: measured.parts.map(|parts| parts.1),
        status: Some(judgement.status.name()),
        ..named(judgement.thresholds)
    }
}

/// A decimal of up to six places.
fn number(value: f64) -> Option<Number> {
    decimal(value, 6).parse().ok()
}

fn group<'a>(fields: &'a [Field], group: &'a JudgedGroup) -> GroupStatus<'a> {
    GroupStatus {
        key: KeyLine(fields, &group.key),
        status: group.status.name(),
        metrics: group.judgements.iter().map(metric).collect(),
    }
}

fn queue(queue: &JudgedQueue) -> QueueStatus<'_> {
    let JudgedQueue { place, judgement } = queue;
    let (address, name) = match place {
        ListenPlace::Internet(address) => (Some(address), None),
        ListenPlace::Unix(name) => (None, Some(name)),
    };
    let (waiting, limit) = judgement.measured.parts.unwrap_or_default();
    QueueStatus {
        local_addr: address.map(|address| address.local.ip().to_string()),
        local_port: address.map(|address| address.local.port()),
        name: name.map(unix_name),
        name_kind: name.and_then(UnixName::space),
        interface: address.and_then(|address| address.interface.as_deref()),
        v6only: address.and_then(|address| address.v6only),
        accept_queue: waiting,
        accept_limit: limit,
        share: number(judgement.measured.value),
        status: judgement.status.name(),
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields by reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
