//! Makes dumps without a privilege that the answer does not need: for processes with CAP_NET_ADMIN
//! the kernel adds the mark of every socket, and looks for its MD5 keys and upper layer protocols
//! (`inet_diag_msg_attrs_fill`, net/ipv4/inet_diag.c; `tcp_diag_get_aux`, net/ipv4/tcp_diag.c),
//! which takes a tenth of the time of a dump.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// While this lives, CAP_NET_ADMIN is not effective in the calling thread.
#[derive(Debug)]
pub(in crate::source) struct NetAdminDropped {
    /// The capabilities to restore; `None` where nothing was dropped.
    before: Option<CapabilitySets>,
}

impl NetAdminDropped {
    /// Drops the privilege, if the thread has it. A failure changes no answer and is ignored.
    pub(in crate::source) fn new() -> NetAdminDropped {
        let before = capabilities(None)
            .ok()
            .filter(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN));
        let before = before.filter(|sets| {
            let effective = sets.effective.difference(CapabilitySet::NET_ADMIN);
            set_capabilities(None, CapabilitySets { effective, ..*sets }).is_ok()
        });
        NetAdminDropped { before }
    }
}

impl Drop for NetAdminDropped {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // A permitted capability can always be made effective.
            let _ = set_capabilities(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_net_admin() -> bool {
        let sets = capabilities(None).unwrap();
        sets.effective.contains(CapabilitySet::NET_ADMIN)
    }

    #[test]
    fn the_privilege_is_back_afterwards_if_it_was_there() {
        let before = has_net_admin();
        let dropped = NetAdminDropped::new();
        assert!(!has_net_admin());
        drop(dropped);
        assert_eq!(has_net_admin(), before);
    }
}
