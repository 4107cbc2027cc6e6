//! Kernel parameters of the test's own network namespace.
//!
//! Must not be used outside a namespace of the test's own: it changes them. ip-sysctl.rst in the
//! kernel's documentation; `/proc/sys/net` shows the namespace of the reader.

use crate::skip::skip_or_fail;
use std::fs;

/// Keeps the kernel's timers from moving parked sockets for a few minutes, and its defences from
/// dropping half-open requests.
pub(crate) fn hold_timers() {
    for (name, value) in [
        // 127 and 63 seconds by default; the second is too near to the 60 of TIME_WAIT.
        ("tcp_syn_retries", "20"),
        ("tcp_synack_retries", "20"),
        ("tcp_retries2", "15"),
        // Orphans in FIN_WAIT1, LAST_ACK, CLOSING: 0, the default, means 8, some 100 seconds.
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

/// Sets `/proc/sys/net/NAME`; a machine that refuses cannot run the test.
pub(crate) fn write_sysctl(name: &str, value: &str) {
    let path = format!("/proc/sys/net/{name}");
    if let Err(error) = fs::write(&path, value) {
        skip_or_fail(&format!("cannot write {value} to {path}"), &error);
    }
}

/// A parameter changed for a while; the drop puts the old value back.
#[derive(Debug)]
pub(crate) struct Changed {
    name: &'static str,
    before: String,
}

impl Changed {
    pub(crate) fn to(name: &'static str, value: &str) -> Self {
        let path = format!("/proc/sys/net/{name}");
        let before = fs::read_to_string(&path).unwrap_or_else(|error| skip_or_fail(&path, &error));
        write_sysctl(name, value);
        Self { name, before }
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        // During a panic there is nothing to save: the namespace ends with the test.
        let _ = fs::write(format!("/proc/sys/net/{}", self.name), &self.before);
    }
}
