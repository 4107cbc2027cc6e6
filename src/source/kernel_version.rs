//! What depends on the running kernel's version and cannot be seen otherwise.
//!
//! Distributions backport, so a version is only ever a reason for doubt, never for trust in what
//! a kernel can do.

use procfs::KernelVersion;

use crate::model::Loss;

/// Since when `TCP: tw` of sockstat counts one namespace only: `tcp_death_row` became part of
/// `struct netns_ipv4` in 4.10. Before, a host's TIME_WAIT showed in every namespace.
const TIME_WAIT_PER_NAMESPACE: KernelVersion = KernelVersion {
    major: 4,
    minor: 10,
    patch: 0,
};

/// Since when bound sockets are reported (`TCPF_BOUND_INACTIVE`).
const BOUND: KernelVersion = KernelVersion {
    major: 6,
    minor: 8,
    patch: 0,
};

/// Whether the counter of timewait sockets can be taken for this namespace's own.
pub(super) fn counts_time_wait_per_namespace() -> bool {
    is_at_least(TIME_WAIT_PER_NAMESPACE)
}

/// The doubt about a dump without bound sockets, where the kernel may not know them: it ignores
/// the bound bit then, and says so in no way.
pub(super) fn doubt_about_no_bound_sockets() -> Option<Loss> {
    (!is_at_least(BOUND)).then(|| Loss::Doubtful {
        what: format!(
            "this kernel may not report bound sockets; Linux {}.{} and later do",
            BOUND.major, BOUND.minor
        ),
    })
}

/// A version that cannot be read is taken for an old one.
fn is_at_least(version: KernelVersion) -> bool {
    KernelVersion::current().is_ok_and(|current| current >= version)
}
