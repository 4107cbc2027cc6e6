//! Kernel parameters of the test's own network namespace.
//!
//! It changes them, so it must only be used inside a namespace of the test's own. ip-sysctl.rst in
//! the kernel's documentation; `/proc/sys/net` shows the namespace of the reader.

use crate::skip::skip_or_fail;
use std::fs;
use std::path::Path;

/// Lengthens the kernel's timers so that parked sockets keep their states for a few minutes, and
/// keeps the kernel from dropping half-open requests.
pub(crate) fn set_long_timers() {
    for (name, value) in [
        // 127 and 63 seconds by default; the second is too close to TIME_WAIT's 60.
        ("tcp_syn_retries", "20"),
        ("tcp_synack_retries", "20"),
        ("tcp_retries2", "15"),
        // Orphans in FIN_WAIT1, LAST_ACK, CLOSING: the default 0 means 8, about 100 seconds.
        ("tcp_orphan_retries", "15"),
        ("tcp_fin_timeout", "60"),
        // Without cookies a full queue drops the SYN instead of answering without a request.
        ("tcp_syncookies", "0"),
        ("tcp_max_syn_backlog", "65536"),
        ("tcp_tw_reuse", "0"),
    ] {
        write_sysctl(&format!("ipv4/{name}"), value);
    }
}

/// Sets `/proc/sys/net/NAME`; skips the test where that is refused.
pub(crate) fn write_sysctl(name: &str, value: &str) {
    let path = format!("/proc/sys/net/{name}");
    if let Err(error) = fs::write(&path, value) {
        skip_or_fail(&format!("cannot write {value} to {path}"), &error);
    }
}

/// Disables IPv6 on all interfaces, present and future, as `net.ipv6.conf.all.disable_ipv6` does.
///
/// The files `tcp6` and `sockstat6` stay: a machine without them (`ipv6.disable=1`, or IPv6 not
/// built in) cannot be simulated. Call it before anything opens an IPv6 address.
pub(crate) fn disable_ipv6() {
    if !Path::new("/proc/sys/net/ipv6").exists() {
        return;
    }
    for which in ["all", "default"] {
        write_sysctl(&format!("ipv6/conf/{which}/disable_ipv6"), "1");
    }
}

/// A parameter changed temporarily; the drop restores the old value.
#[derive(Debug)]
pub(crate) struct ScopedSysctl {
    name: &'static str,
    before: String,
}

impl ScopedSysctl {
    pub(crate) fn set(name: &'static str, value: &str) -> Self {
        let path = format!("/proc/sys/net/{name}");
        let before = fs::read_to_string(&path).unwrap_or_else(|error| skip_or_fail(&path, &error));
        write_sysctl(name, value);
        Self { name, before }
    }
}

impl Drop for ScopedSysctl {
    fn drop(&mut self) {
        // A failure does not matter: the namespace ends with the test.
        let _ = fs::write(format!("/proc/sys/net/{}", self.name), &self.before);
    }
}
