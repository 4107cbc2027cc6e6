//! A namespace without IPv6, as `net.ipv6.conf.all.disable_ipv6` makes it.
//!
//! The files `tcp6` and `sockstat6` stay; a machine that lacks those (`ipv6.disable=1`, or not
//! built in) cannot be made from here. Must come before anything that has IPv6 addresses.

use crate::zoo::sysctl::write_sysctl;
use std::path::Path;

/// Takes IPv6 away from all interfaces, present and future.
pub(crate) fn disable() {
    if !Path::new("/proc/sys/net/ipv6").exists() {
        return;
    }
    for which in ["all", "default"] {
        write_sysctl(&format!("ipv6/conf/{which}/disable_ipv6"), "1");
    }
}
