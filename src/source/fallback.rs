//! The one decision whether /proc may answer in netlink's place.
//!
//! It is taken before the first socket was handed on, so rows of two sources never mix. A refusal
//! by the environment permits it; a bug of our own (EINVAL) or a shortage (EMFILE, ENOBUFS, which
//! /proc would meet too) does not.

use rustix::io::Errno;

use super::sock_diag::NetlinkError;

/// Whether netlink is closed to us here, as opposed to failing.
pub(super) fn is_refusal(error: &NetlinkError) -> bool {
    matches!(
        error.errno(),
        Some(
            // seccomp filters and security modules
            Errno::PERM | Errno::ACCESS
            // systemd's RestrictAddressFamilies=
            | Errno::AFNOSUPPORT
            // gVisor, WSL 1: no such netlink protocol
            | Errno::PROTONOSUPPORT
            // seccomp profiles that deny by absence, emulated kernels
            | Errno::NOSYS
            // the modules inet_diag or tcp_diag are absent
            | Errno::NOENT
            | Errno::OPNOTSUPP
        )
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn refusals_permit_the_fallback_and_failures_do_not() {
        let refused = |errno: Errno| {
            is_refusal(&NetlinkError::Refused {
                error: io::Error::from(errno),
            })
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
            assert!(refused(errno), "{errno}");
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
            assert!(!refused(errno), "{errno}");
        }
    }
}
