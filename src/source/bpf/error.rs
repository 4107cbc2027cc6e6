//! Why no program can be loaded or run, with what is missing.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities};

use super::btf::{BtfError, VMLINUX};

/// Why no program can be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum BpfError {
    /// The kernel does not describe its types.
    #[error("cannot read {VMLINUX}: {0}; the kernel must be built with CONFIG_DEBUG_INFO_BTF")]
    NoBtf(io::Error),
    /// It describes them in an unknown way, or lacks one.
    #[error("{0}")]
    Types(#[from] BtfError),
    /// bpf(2) refused.
    #[error("cannot {what}: {error}{reason}")]
    Bpf {
        /// What was tried.
        what: String,
        /// How it ended.
        error: io::Error,
        /// What is missing, where that is known: a clause of its own.
        reason: &'static str,
    },
}

impl BpfError {
    /// Whether CAP_BPF and CAP_PERFMON are missing, or one of them.
    pub fn lacks_capabilities(&self) -> bool {
        matches!(self, BpfError::Bpf { reason, .. } if *reason == NEEDED)
    }

    pub(in crate::source) fn of(what: impl Into<String>) -> impl FnOnce(io::Error) -> BpfError {
        let what = what.into();
        move |error| BpfError::Bpf {
            reason: reason(&error),
            what,
            error,
        }
    }
}

/// What is missing where bpf(2) is refused.
const NEEDED: &str = "; it needs CAP_BPF and CAP_PERFMON";

/// What an error of bpf(2) means.
fn reason(error: &io::Error) -> &'static str {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let has = |sets: CapabilitySets| {
        sets.effective.contains(needed) || sets.effective.contains(CapabilitySet::SYS_ADMIN)
    };
    let kind = error.kind();
    if kind == io::ErrorKind::InvalidInput {
        "; trace needs Linux 5.8 or later, --source bpf 6.1"
    } else if kind != io::ErrorKind::PermissionDenied {
        ""
    } else if capabilities(None).is_ok_and(has) {
        "; the process has CAP_BPF and CAP_PERFMON, but a seccomp filter, kernel lockdown or a user \
         namespace blocks bpf(2)"
    } else {
        NEEDED
    }
}
