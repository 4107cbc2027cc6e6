//! Where sockets come from: the kernel over netlink, or the tables of a proc file system.
//!
//! [`visit`] carries out a [`Plan`] and pours every socket into a sink; nothing here keeps one.
//! Kernel crates are named in this room only.

mod fallback;
mod kernel_state;
mod plan;
mod proc_net;
mod sock_diag;
mod wire;

pub use plan::{CannotKnow, Plan, Sources};
pub use proc_net::{NoTables, ProcError, ProcNet};
pub use sock_diag::{Call, NetlinkError};

use crate::model::{Completeness, Sink, SourceName};

/// Who answered, how completely, and what a person should be told about it.
#[derive(Debug)]
pub struct Report {
    /// The source of every socket in the answer.
    pub source: SourceName,
    /// What was lost.
    pub completeness: Completeness,
    /// Why it was this source, where that was not to be expected.
    pub note: Option<String>,
}

/// No source answered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Netlink did not, and nothing else was allowed or able to.
    #[error("{0}")]
    Netlink(NetlinkError),
    /// Netlink was refused, the user allows no other source, and one might answer.
    #[error("{0}; or let /proc answer: --source auto")]
    NetlinkOnly(NetlinkError),
    /// The tables could not be read.
    #[error("{0}")]
    Proc(ProcError),
    /// Netlink was refused, and the tables could not be read either.
    #[error("{netlink}; and no answer from /proc either: {proc}")]
    Both {
        /// The first cause.
        netlink: NetlinkError,
        /// The second.
        proc: ProcError,
    },
    /// Netlink was refused, and /proc cannot know.
    #[error("{netlink}; and {cannot_know}")]
    OnlyNetlinkKnows {
        /// Why netlink did not answer.
        netlink: NetlinkError,
        /// What /proc lacks.
        cannot_know: CannotKnow,
    },
}

/// Carries out `plan`: pours every socket asked for into `sink`.
///
/// # Errors
/// When no allowed source answered; the sink then holds nothing that was counted.
pub fn visit<S: Sink>(plan: &Plan, sink: &mut S) -> Result<Report, SourceError> {
    match &plan.way {
        Sources::Proc(tables) => from_proc(plan, tables, sink).map_err(SourceError::Proc),
        Sources::Netlink => from_netlink(plan, sink).map_err(|error| {
            if fallback::is_refusal(&error) {
                SourceError::NetlinkOnly(error)
            } else {
                SourceError::Netlink(error)
            }
        }),
        Sources::Auto(tables) => match from_netlink(plan, sink) {
            Err(netlink) if fallback::is_refusal(&netlink) => {
                from_proc_instead(plan, netlink, tables, sink)
            }
            answer => answer.map_err(SourceError::Netlink),
        },
    }
}

fn from_netlink<S: Sink>(plan: &Plan, sink: &mut S) -> Result<Report, NetlinkError> {
    Ok(Report {
        source: SourceName::Netlink,
        completeness: sock_diag::visit(&plan.question, sink)?,
        note: None,
    })
}

fn from_proc<S: Sink>(plan: &Plan, tables: &ProcNet, sink: &mut S) -> Result<Report, ProcError> {
    Ok(Report {
        source: SourceName::Proc,
        completeness: tables.visit(&plan.question, sink)?,
        note: tables.note(),
    })
}

fn from_proc_instead<S: Sink>(
    plan: &Plan,
    netlink: NetlinkError,
    tables: &ProcNet,
    sink: &mut S,
) -> Result<Report, SourceError> {
    if let Some(cannot_know) = plan::proc_cannot_know(&plan.question, tables) {
        return Err(SourceError::OnlyNetlinkKnows {
            netlink,
            cannot_know,
        });
    }
    match from_proc(plan, tables, sink) {
        Ok(report) => Ok(Report {
            note: Some(format!(
                "{} answered, because netlink did not: {netlink}",
                tables.directory().display()
            )),
            ..report
        }),
        Err(proc) => Err(SourceError::Both { netlink, proc }),
    }
}
