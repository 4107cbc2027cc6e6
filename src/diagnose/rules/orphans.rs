//! Connections that are closed here, have not ended and belong to no process, against
//! `tcp_max_orphans`.
//!
//! tcp(7): tcp_max_orphans, tcp_fin_timeout. The kernel does not count FIN_WAIT2 without a process as
//! an orphan but as TIME_WAIT, unless that timeout is longer than TIME_WAIT (`tcp_rcv_state_process`,
//! net/ipv4/tcp_input.c).

#[cfg(test)]
mod tests;

use crate::diagnose::{Case, Examined, Host, Rule, Sampled, TIME_WAIT};
use crate::model::Setting::{FinTimeout, MaxOrphans, OrphanRetries};
use crate::model::{
    Command, Counter, Finding, Scope, Severity, State, StateSet, TimerKind, counted, thousands,
};

/// From this share of the limit on it warns: an orphan whose peer is silent and unreachable counts
/// four times, and is reset from here on (`tcp_out_of_resources`, net/ipv4/tcp_timer.c).
const WARNING_SHARE: f64 = 0.25;

/// The retransmissions of an orphan if the setting is 0 (`tcp_orphan_retries`, net/ipv4/tcp_timer.c).
const ORPHAN_RETRIES: u64 = 8;

/// Up to this number of orphans, or a tenth of them, come and go between the reading of the counter and
/// that of the sample.
const DRIFT: u64 = 10;

const WHY: &str = "An orphan keeps buffers that no process is charged for. Beyond the limit the kernel resets connections instead of ending them in order, and data in flight is lost.";

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// What the kernel counts: FIN_WAIT2 that is on its way to TIME_WAIT is none.
    counted: u64,
}

impl Rule for Orphans {
    const ID: &'static str = "orphans";

    const STATES: StateSet = StateSet::NONE
        .with(State::FinWait1)
        .with(State::FinWait2)
        .with(State::Closing)
        .with(State::LastAck);

    type Before = ();

    fn add(&mut self, sampled: &Sampled<'_>) {
        let socket = sampled.socket;
        let kind = socket.timer.map(|timer| timer.kind);
        let is_orphan = socket.inode == 0 && kind != Some(TimerKind::TimeWait);
        self.counted += u64::from(is_orphan);
    }

    fn examine(&self, case: &Case<'_>) -> Examined {
        let host = case.host;
        let resets = host.growth(Counter::AbortOnMemory);
        let limit = host.settings.number(MaxOrphans);
        let orphans = host.after.get(Counter::Orphans);
        let unknown = [&limit, &orphans, &resets].map(|known| known.as_ref().err().cloned());
        let orphans = orphans.ok();
        let elsewhere = orphans.and_then(|orphans| self.elsewhere(orphans));
        let lacking = unknown.into_iter().flatten().chain(elsewhere);
        let found = self.too_many(resets.unwrap_or(0), orphans, limit.ok(), host);
        Examined::found(found).without(lacking)
    }
}

impl Orphans {
    /// How many orphans of the host are not in this network namespace, where that is known for certain.
    fn elsewhere(&self, orphans: u64) -> Option<String> {
        let elsewhere = orphans.saturating_sub(self.counted);
        let orphans = counted(orphans, "orphan is", "orphans are");
        let is_certain = elsewhere > DRIFT.max(self.counted / 10);
        let elsewhere = thousands(elsewhere);
        is_certain.then(|| {
            format!("{elsewhere} of the host's {orphans} not in the network namespace examined")
        })
    }

    /// Orphans against their limit. The limit is the host's and not visible in a child namespace; the
    /// resets are those of this namespace.
    fn too_many(
        &self,
        resets: u64,
        orphans: Option<u64>,
        limit: Option<u64>,
        host: &Host,
    ) -> Option<Finding> {
        let severity = match resets {
            0 => Severity::of_share(orphans?, limit?.max(1), WARNING_SHARE, 1.0)?,
            _ => Severity::Critical,
        };
        let text = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), thousands);
        let (all, most, here) = (text(orphans), text(limit), thousands(self.counted));
        let reset = counted(resets, "connection was", "connections were");
        let title = match resets {
            0 => format!("{all} orphans, of {most} that {MaxOrphans} allows"),
            _ => format!("{reset} reset for lack of memory, or because of too many orphans"),
        };
        let host_wide = format!("orphans of the whole host: {all}, their limit: {most}");
        let here = format!("orphans in the network namespace examined: {here}");
        let show = Command::count("--state fin-wait-1,closing,last-ack --by remote-addr --top 10");
        let value = orphans.unwrap_or(resets) as f64;
        Some(
            Finding::new(severity, title, value, Vec::new(), WHY)
                .with_limit(limit.map(|limit| limit as f64))
                .with_evidence([host.growth_text(&[Counter::AbortOnMemory]), host_wide, here])
                .with_commands([show.of("not inode gt 0")])
                .with_scope(Scope::Host)
                .with_remedy(remedy(host))
                // Too many orphans do not follow from memory, but a reset may.
                .with_causes(match resets {
                    0 => &["vanished-peers"],
                    _ => &["memory", "vanished-peers"],
                }),
        )
    }
}

/// What to do about too many orphans.
fn remedy(host: &Host) -> Vec<String> {
    let fewer = match host.setting(OrphanRetries) {
        Some(retries @ 1..) => retries.to_string(),
        Some(0) | None => format!("{ORPHAN_RETRIES}, but not to 0, which means {ORPHAN_RETRIES}"),
    };
    let mut remedy = vec![
        "Let the program wait until its peer has all the data before it closes, and find out why peers vanish: each vanished peer leaves an orphan.".to_owned(),
        format!("Let the kernel give up orphans sooner: set {OrphanRetries} to less than {fewer}."),
    ];
    let timeout = host.setting(FinTimeout);
    let time_wait = TIME_WAIT.as_secs();
    if timeout.is_some_and(|seconds| seconds > time_wait) {
        remedy.push(format!(
            "Set {FinTimeout} to {time_wait} or less: then FIN_WAIT2 without a process is not an orphan."
        ));
    }
    remedy.push(format!(
        "Raise {MaxOrphans} if there is memory: an orphan can take 64 KiB."
    ));
    remedy
}
