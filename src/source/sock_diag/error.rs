//! Why netlink gave no answer, with the remedy, and whether /proc may answer instead.

use std::io;

use rustix::io::Errno;

use crate::model::Kind;
use crate::source::plan::UnsupportedTest;

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
    #[error("the kernel's dump of {} sockets failed: {error}{}", .kind.title(), remedy(.error, Some(*.kind)))]
    Refused {
        /// The kind of sockets requested.
        kind: Kind,
        /// How.
        error: io::Error,
    },
    /// The filter tests the mark, and the process lacks CAP_NET_ADMIN.
    #[error(
        "the kernel reports the mark of a socket only to processes with CAP_NET_ADMIN: run as root, or remove the mark from the filter"
    )]
    MarkForbidden,
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
    pub(in crate::source) fn errno(&self) -> Option<Errno> {
        match self {
            NetlinkError::Call { error, .. } | NetlinkError::Refused { error, .. } => {
                Errno::from_io_error(error)
            }
            NetlinkError::MarkForbidden | NetlinkError::Unsupported(_) => None,
        }
    }

    /// Whether netlink is not available to this process, as opposed to failing: then /proc may
    /// answer in its place. It is decided before the first socket, so rows of two sources never
    /// mix. Not for a bug of our own (EINVAL), nor for a shortage (EMFILE, ENOBUFS), which /proc
    /// would meet too.
    pub(in crate::source) fn permits_fallback(&self) -> bool {
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
