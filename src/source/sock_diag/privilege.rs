//! Asks without a privilege that the answer does not need: to those who have CAP_NET_ADMIN the
//! kernel tells the mark of every socket, and looks for its MD5 keys and upper layer protocols
//! (`inet_diag_msg_attrs_fill`, net/ipv4/inet_diag.c; `tcp_diag_get_aux`, net/ipv4/tcp_diag.c),
//! which takes it a tenth of the time of a dump.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// While this lives, the calling thread does not use CAP_NET_ADMIN; then it does again.
#[derive(Debug)]
pub(super) struct WithoutNetAdmin {
    /// What it may use otherwise; `None` where it makes no difference.
    before: Option<CapabilitySets>,
}

impl WithoutNetAdmin {
    /// Lays the privilege down, if there is one and one may: the answer is the same either way.
    pub(super) fn lay_down() -> WithoutNetAdmin {
        let before = capabilities(None)
            .ok()
            .filter(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN));
        let before = before.filter(|sets| {
            let effective = sets.effective.difference(CapabilitySet::NET_ADMIN);
            set_capabilities(None, CapabilitySets { effective, ..*sets }).is_ok()
        });
        WithoutNetAdmin { before }
    }
}

impl Drop for WithoutNetAdmin {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // What is permitted can be made effective.
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
        let without = WithoutNetAdmin::lay_down();
        assert!(!has_net_admin());
        drop(without);
        assert_eq!(has_net_admin(), before);
    }
}
