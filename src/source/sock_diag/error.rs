//! Why netlink gave no answer, with the remedy.

use std::{fmt, io};

use rustix::io::Errno;

use crate::source::divide::OnlyTheKernel;

/// The system calls of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG)`
    Socket,
    /// `setsockopt(SO_RCVTIMEO)`
    SetSockOpt,
    /// `bind` to a port of our own.
    Bind,
    /// `sendto` the kernel.
    SendTo,
    /// `recvfrom` the kernel.
    RecvFrom,
}

impl Call {
    /// Turns the errno of this call into an error.
    pub(super) fn failed(self) -> impl FnOnce(io::Error) -> NetlinkError {
        move |error| NetlinkError::Call { call: self, error }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Socket => "socket(AF_NETLINK, NETLINK_SOCK_DIAG)",
            Call::SetSockOpt => "setsockopt(SO_RCVTIMEO) of a netlink socket",
            Call::Bind => "bind of a netlink socket",
            Call::SendTo => "sendto a netlink socket",
            Call::RecvFrom => "recvfrom a netlink socket",
        })
    }
}

/// Netlink did not answer: nothing was received, or nothing that could be counted.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// A system call failed.
    #[error("{call}: {error}{}", Remedy(.error))]
    Call {
        /// Which one.
        call: Call,
        /// How.
        error: io::Error,
    },
    /// The kernel answered the request with an errno instead of sockets.
    #[error("the kernel refused to list TCP sockets: {error}{}", Remedy(.error))]
    Refused {
        /// How.
        error: io::Error,
    },
    /// The filter tests the mark, and we lack CAP_NET_ADMIN.
    #[error(
        "the kernel tells the mark of a socket only to those who have CAP_NET_ADMIN: run as root, or leave the test of the mark out"
    )]
    MarkForbidden,
    /// The filter tests what only the kernel can tell, and this one does not.
    #[error("{0}")]
    Unanswered(OnlyTheKernel),
}

impl NetlinkError {
    /// The errno behind it.
    pub(in crate::source) fn errno(&self) -> Option<Errno> {
        match self {
            NetlinkError::Call { error, .. } | NetlinkError::Refused { error } => {
                Errno::from_io_error(error)
            }
            NetlinkError::MarkForbidden | NetlinkError::Unanswered(_) => None,
        }
    }
}

/// What usually stands behind an errno, and what would help; nothing where that is not known.
struct Remedy<'a>(&'a io::Error);

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match Errno::from_io_error(self.0) {
            Some(Errno::PERM | Errno::ACCESS) => {
                "; a seccomp filter or a security module forbids it: allow NETLINK_SOCK_DIAG"
            }
            Some(Errno::AFNOSUPPORT) => {
                "; under systemd, add AF_NETLINK to RestrictAddressFamilies="
            }
            Some(Errno::AGAIN) => "; it sent nothing for 5 seconds",
            Some(Errno::PROTONOSUPPORT) => "; this kernel has no sock_diag (gVisor, WSL 1)",
            Some(Errno::NOENT | Errno::OPNOTSUPP) => {
                "; load the kernel modules inet_diag and tcp_diag"
            }
            _ => return Ok(()),
        };
        f.write_str(remedy)
    }
}
