//! The ports that a kernel chooses from.

use std::ops::RangeInclusive;
use std::path::Path;

use super::read_sysctl;

const SETTING: &str = "net/ipv4/ip_local_port_range";

/// The ports that the kernel chooses from, ip(7), in the network namespace of the calling thread.
///
/// # Errors
/// One line, where the file that tells them cannot be read.
pub fn read_local_port_range() -> Result<RangeInclusive<u16>, String> {
    let text = read_sysctl(Path::new("/proc"), SETTING);
    let text = text.map_err(|error| format!("cannot read /proc/sys/{SETTING}: {error}"))?;
    let mut ports = text.split_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(format!("/proc/sys/{SETTING} does not hold two ports")),
    }
}
