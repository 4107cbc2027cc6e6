//! The ports that a kernel chooses from.

use std::fs;
use std::ops::RangeInclusive;

const PORT_RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The ports that the kernel chooses from, ip(7), in the network namespace of the calling thread.
///
/// # Errors
/// One line, where the file that tells them cannot be read.
pub fn read_local_port_range() -> Result<RangeInclusive<u16>, String> {
    let text = fs::read_to_string(PORT_RANGE);
    let text = text.map_err(|error| format!("cannot read {PORT_RANGE}: {error}"))?;
    let mut ports = text.split_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(format!("{PORT_RANGE} does not hold two ports")),
    }
}
