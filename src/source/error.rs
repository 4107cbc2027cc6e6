//! Why no source answered, with the remedy, and whether /proc may answer in place of netlink.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::{BpfError, ProcError, ProcNet};
use crate::filter::{Expression, Test};
use crate::model::{Family, Field, Kind, KindSet, SourceName, State};
use crate::question::Question;

/// A test that only the kernel can evaluate, and this kernel cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedTest {
    /// Whether the kernel chose the port: no record contains that.
    #[error("only the kernel can evaluate `autobound`, and this kernel does not support filters")]
    Autobound,
    /// The control group.
    #[error("this kernel does not report the control group of a socket (Linux 5.9 does)")]
    Cgroup,
    /// The mark.
    #[error("this kernel does not report the mark of a socket (Linux 4.9 does)")]
    Mark,
}

/// Netlink did not answer: nothing was received, or nothing that could be counted.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// A system call on a netlink socket failed.
    #[error("{call}: {error}{}", remedy(.error, None))]
    Call {
        /// The call and its arguments.
        call: &'static str,
        /// How.
        error: io::Error,
    },
    /// The kernel answered the request with an errno instead of sockets.
    #[error("the kernel's dump of {} sockets failed: {error}{}", .kind.request_title(), remedy(.error, Some(*.kind)))]
    Refused {
        /// The kind of sockets requested.
        kind: Kind,
        /// How.
        error: io::Error,
    },
    /// The kernel has no request for sockets of this kind.
    #[error("netlink has no request for {} sockets", .kind.title())]
    NoRequest {
        /// The kind.
        kind: Kind,
    },
    /// The filter tests the mark, and the process lacks CAP_NET_ADMIN.
    #[error(
        "the kernel reports the mark of a socket only to processes with CAP_NET_ADMIN: run as root, or remove the mark from the filter"
    )]
    MarkForbidden,
    /// The network namespace has ended, or its file leads to another one by now.
    #[error("{0}")]
    NamespaceGone(io::Error),
    /// The filter has a test that only the kernel can evaluate, and this one cannot.
    #[error("{0}")]
    Unsupported(#[from] UnsupportedTest),
}

impl NetlinkError {
    /// Turns the errno of a call into an error.
    pub(super) fn failed(call: &'static str) -> impl FnOnce(io::Error) -> NetlinkError {
        move |error| NetlinkError::Call { call, error }
    }

    /// The errno behind it.
    pub(super) fn errno(&self) -> Option<Errno> {
        match self {
            NetlinkError::Call { error, .. } | NetlinkError::Refused { error, .. } => {
                Errno::from_io_error(error)
            }
            NetlinkError::MarkForbidden
            | NetlinkError::NoRequest { .. }
            | NetlinkError::NamespaceGone(_)
            | NetlinkError::Unsupported(_) => None,
        }
    }

    /// Whether most kernels answer so: raw_diag is an option of the kernel that few have
    /// (CONFIG_INET_RAW_DIAG), and the tables have all the same sockets.
    pub(super) fn is_usual(&self) -> bool {
        match self {
            NetlinkError::NoRequest { .. } => true,
            NetlinkError::Refused { kind, .. } => {
                *kind == Kind::Raw && self.errno() == Some(Errno::NOENT)
            }
            NetlinkError::Call { .. }
            | NetlinkError::MarkForbidden
            | NetlinkError::NamespaceGone(_)
            | NetlinkError::Unsupported(_) => false,
        }
    }

    /// Whether netlink is not available to this process, as opposed to failing: then /proc may
    /// answer in its place. It is decided before the first socket, so rows of two sources never
    /// mix. Not for a bug of our own (EINVAL), nor for a shortage (EMFILE, ENOBUFS), which /proc
    /// would meet too.
    pub(super) fn permits_fallback(&self) -> bool {
        if let NetlinkError::NoRequest { .. } = self {
            return true;
        }
        matches!(
            self.errno(),
            Some(
                // seccomp filters and security modules
                Errno::PERM | Errno::ACCESS
                // systemd's RestrictAddressFamilies=
                | Errno::AFNOSUPPORT
                // kernels and emulators without this netlink protocol: gVisor, WSL 1, qemu-user
                | Errno::PROTONOSUPPORT
                // seccomp profiles that deny by absence, emulated kernels
                | Errno::NOSYS
                // the modules inet_diag or tcp_diag are absent
                | Errno::NOENT
                | Errno::OPNOTSUPP
            )
        )
    }
}

/// What would help against an errno, as the end of a sentence; empty where that is not known.
fn remedy(error: &io::Error, kind: Option<Kind>) -> String {
    let remedy = match (Errno::from_io_error(error), kind) {
        (Some(Errno::PERM | Errno::ACCESS), _) => {
            "; if a seccomp filter or a security module refuses it, allow NETLINK_SOCK_DIAG"
        }
        (Some(Errno::AFNOSUPPORT), _) => {
            "; under systemd, add AF_NETLINK to RestrictAddressFamilies="
        }
        (Some(Errno::AGAIN), _) => "; no message arrived within 5 seconds",
        (Some(Errno::PROTONOSUPPORT), _) => "; this kernel or emulator has no NETLINK_SOCK_DIAG",
        (Some(Errno::NOENT | Errno::OPNOTSUPP), Some(kind)) if kind.is_unix() => {
            "; load the kernel module unix_diag"
        }
        (Some(Errno::NOENT | Errno::OPNOTSUPP), Some(kind)) => {
            return format!(
                "; load the kernel modules inet_diag and {}_diag",
                kind.name()
            );
        }
        _ => "",
    };
    remedy.to_owned()
}

/// The source does not have the answer to this question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table} {lack}")]
pub struct CannotKnow {
    pub(super) table: String,
    /// What is missing, as the rest of a sentence.
    pub(super) lack: String,
}

impl CannotKnow {
    /// Why the tables cannot answer, if they cannot.
    pub(super) fn check(question: &Question, tables: &ProcNet) -> Result<(), CannotKnow> {
        let mut tests = question.filter.iter().flat_map(Expression::tests);
        let Some(table) = question.kind.table(Family::V4) else {
            return Err(CannotKnow {
                table: tables.directory().display().to_string(),
                lack: format!(
                    "has no table of {} sockets; only netlink reports them",
                    question.kinds().titles()
                ),
            });
        };
        let lack = if question.states.contains(State::Bound) {
            "does not list bound sockets (BOUND); only netlink does, from Linux 6.8".to_owned()
        } else if tests.any(|test| *test == Test::Autobound) {
            "has no `autobound`; only netlink does".to_owned()
        } else if let Some(field) = question
            .needed()
            .find(|field| !field.is_in_proc(question.kind))
        {
            format!("has no `{}`; only netlink does", field.name())
        } else {
            return Ok(());
        };
        let table = tables.directory().join(table);
        let table = table.display().to_string();
        Err(CannotKnow { table, lack })
    }

    /// Why a record cannot answer, if it cannot.
    pub(super) fn check_record(question: &Question, tables: &ProcNet) -> Result<(), CannotKnow> {
        let Some(record) = tables.place().recorded() else {
            return Ok(());
        };
        if let Some(counted) = record.counted() {
            return CannotKnow::check_counted(question, record, counted);
        }
        let moment = record.moment();
        let source = moment.and_then(|moment| moment.source_of(question.kind));
        // Of several network namespaces, each is checked by itself.
        let is_one = record.namespaces().is_none();
        if is_one && source == Some(SourceName::Proc) {
            CannotKnow::check(question, tables)?;
        }
        if let (None, Some((_, name))) = (moment, &record.one_of) {
            return Err(CannotKnow {
                table: record.path.display().to_string(),
                lack: format!("has no network namespace {name} at that time"),
            });
        }
        let has = moment.map(|moment| moment.available()).unwrap_or_default();
        let asked = question.kinds();
        let mut tests = question.filter.iter().flat_map(Expression::tests);
        let lack = if !asked.difference(has).is_empty() {
            let (asked, has) = (asked.difference(has).titles(), has.titles());
            format!("has no {asked} sockets: {has} sockets were recorded")
        } else if tests.any(|test| *test == Test::Autobound) {
            "has no `autobound`; only the kernel can evaluate it".to_owned()
        } else {
            return Ok(());
        };
        let table = record.path.display().to_string();
        Err(CannotKnow { table, lack })
    }

    /// Why a program that counts by state and family cannot answer, if it cannot.
    pub(super) fn check_walk(question: &Question) -> Result<(), CannotKnow> {
        let is_counted = |field| matches!(field, Field::State | Field::Family | Field::Netns);
        let is_test = |test: &Test| {
            matches!(
                test,
                Test::Any | Test::State(_) | Test::Family(_) | Test::Netns(_)
            )
        };
        let mut tests = question.filter.iter().flat_map(Expression::tests);
        let is_bound = question.states.contains(State::Bound);
        let is_tcp = question.kinds() == KindSet::TCP;
        if is_tcp && !is_bound && question.needed().all(is_counted) && tests.all(is_test) {
            return Ok(());
        }
        Err(CannotKnow {
            table: "--source bpf".to_owned(),
            lack:
                "counts TCP sockets by state, family and network namespace, and nothing else: use \
                   --source auto"
                    .to_owned(),
        })
    }
}

/// No source answered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Netlink failed, and no other source was allowed or able to answer.
    #[error("{0}")]
    Netlink(#[from] NetlinkError),
    /// Netlink is not available, the user allows no other source, and one might answer.
    #[error("{0}; or read /proc instead: --source auto")]
    NetlinkOnly(NetlinkError),
    /// The program that counts could not be loaded or run.
    #[error("--source bpf: {0}")]
    Bpf(#[from] BpfError),
    /// The network namespace of the calling thread is unknown.
    #[error("--source bpf: cannot read /proc/thread-self/ns/net: {0}")]
    NoNetns(io::Error),
    /// It counts sockets and cannot list them.
    #[error("--source bpf counts sockets and cannot list them: use --source auto")]
    CountsOnly,
    /// The tables could not be read.
    #[error("{0}")]
    Proc(#[from] ProcError),
    /// Netlink is not available, and the tables could not be read either.
    #[error("{netlink}; and /proc did not answer either: {proc}")]
    Both {
        /// The first cause.
        netlink: NetlinkError,
        /// The second.
        proc: ProcError,
    },
    /// The tables do not contain the answer.
    #[error("{0}")]
    CannotKnow(#[from] CannotKnow),
    /// A record could not be read any more.
    #[error("cannot read {}: {error}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// None of several network namespaces could be read.
    #[error("{0}")]
    Namespaces(String),
    /// Netlink is not available, and /proc does not contain the answer.
    #[error("{netlink}; and {cannot_know}")]
    OnlyNetlinkKnows {
        /// Why netlink did not answer.
        netlink: NetlinkError,
        /// What /proc lacks.
        cannot_know: CannotKnow,
    },
}

impl SourceError {
    /// Whether the process whose tables were read has ended.
    pub fn is_of_ended_process(&self) -> bool {
        let no_process = Errno::SRCH.raw_os_error();
        let SourceError::Proc(ProcError { error, .. }) = self else {
            return false;
        };
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(no_process)
    }

    /// Whether the kernel, or what may be asked of it, has no such sockets to report.
    pub fn is_lack(&self) -> bool {
        match self {
            SourceError::Netlink(netlink) | SourceError::NetlinkOnly(netlink) => {
                netlink.permits_fallback()
            }
            SourceError::Both { netlink, proc } => {
                netlink.permits_fallback() && proc.error.kind() == io::ErrorKind::NotFound
            }
            SourceError::Proc(proc) => proc.error.kind() == io::ErrorKind::NotFound,
            SourceError::CannotKnow(_) | SourceError::OnlyNetlinkKnows { .. } => true,
            SourceError::Bpf(_)
            | SourceError::NoNetns(_)
            | SourceError::CountsOnly
            | SourceError::Record { .. }
            | SourceError::Namespaces(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_permit_the_fallback_and_failures_do_not() {
        let permits = |errno: Errno| {
            let refused = NetlinkError::Refused {
                kind: Kind::Tcp,
                error: errno.into(),
            };
            refused.permits_fallback()
        };
        for errno in [
            Errno::PERM,
            Errno::ACCESS,
            Errno::AFNOSUPPORT,
            Errno::PROTONOSUPPORT,
            Errno::NOSYS,
            Errno::NOENT,
            Errno::OPNOTSUPP,
        ] {
            assert!(permits(errno), "{errno}");
        }
        for errno in [
            Errno::INVAL,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::NOBUFS,
            Errno::AGAIN,
            Errno::BUSY,
        ] {
            assert!(!permits(errno), "{errno}");
        }
    }
}
