//! The network namespace a crowd lives in: nobody else's sockets, settings of its own, gone when
//! its last process is. Nothing is ever written outside it.

use std::fs;
use std::process::{Command, Stdio};

use crate::fault::{During, Fault};
use crate::system;

/// Crowd members listen below this port and are given the ports above it to connect from.
pub(crate) const FIRST_CLIENT_PORT: u16 = 10_000;

/// Leaves the machine's namespaces. Called once, while the process has a single thread.
pub(crate) fn leave_the_host() -> Result<(), Fault> {
    if system::unshare(libc::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    system::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)
        .during("making a network namespace (needs root, or unprivileged user namespaces)")?;
    // A group map is only taken from someone who has given up changing groups.
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {} 1", user.as_raw())),
        ("gid_map", format!("0 {} 1", group.as_raw())),
    ] {
        fs::write(format!("/proc/self/{file}"), text).during(file)?;
    }
    Ok(())
}

/// Moves into a fresh namespace, ready for a crowd.
///
/// The namespace gets a socket hash of its own, as large as the host's: a dump walks the whole
/// hash of the host otherwise, and with it every crowd that is still being torn down or belongs to
/// somebody else.
pub(crate) fn enter() -> Result<(), Fault> {
    let buckets = read_setting("net/ipv4/tcp_ehash_entries")?;
    // Negative where a namespace shares the host's hash: the size is the same.
    let buckets = buckets.trim_start_matches('-').to_owned();
    // Where the kernel is too old for this (before 6.1) crowds share the hash of the host.
    let _ = write_setting("net/ipv4/tcp_child_ehash_entries", &buckets);
    system::unshare(libc::CLONE_NEWNET).during("making a network namespace for the crowd")?;
    write_setting(
        "net/ipv4/ip_local_port_range",
        &format!("{FIRST_CLIENT_PORT} 65535"),
    )?;
    write_setting("net/ipv4/tcp_max_tw_buckets", "1000000")?;
    // Loopback connections would otherwise take over ports in TIME_WAIT and shrink that crowd.
    write_setting("net/ipv4/tcp_tw_reuse", "0")?;
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .stdin(Stdio::null())
        .status()
        .during("ip link set lo up")?;
    if !up.success() {
        return Err(Fault::new("ip link set lo up failed"));
    }
    Ok(())
}

fn read_setting(path: &str) -> Result<String, Fault> {
    let text = fs::read_to_string(format!("/proc/sys/{path}")).during(path)?;
    Ok(text.trim().to_owned())
}

fn write_setting(path: &str, value: &str) -> Result<(), Fault> {
    fs::write(format!("/proc/sys/{path}"), value).during(path)
}

/// The kernel's own totals of this namespace; equal before and after the rounds when a quiet crowd
/// has kept still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Full sockets of both families, every state but TIME_WAIT.
    pub(crate) in_use: u64,
    pub(crate) time_wait: u64,
}

/// Reads `TCP: inuse`, `TCP6: inuse` and `TCP: tw`.
pub(crate) fn read_totals() -> Result<Totals, Fault> {
    let v4 = fs::read_to_string("/proc/thread-self/net/sockstat").during("sockstat")?;
    let v6 = fs::read_to_string("/proc/thread-self/net/sockstat6").during("sockstat6")?;
    Ok(Totals {
        in_use: field(&v4, "TCP:", "inuse")? + field(&v6, "TCP6:", "inuse")?,
        time_wait: field(&v4, "TCP:", "tw")?,
    })
}

fn field(text: &str, line: &str, key: &str) -> Result<u64, Fault> {
    text.lines()
        .filter_map(|row| row.strip_prefix(line))
        .flat_map(str::split_whitespace)
        .skip_while(|word| *word != key)
        .nth(1)
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Fault::new(format!("sockstat has no {line} {key}")))
}
