//! The kernel's settings, sysctl(8), as the files below `sys` of a proc file system.
//!
//! `sys/net` of every live proc file system shows the network namespace of its reader, so only the
//! own one and a copy say something about the sockets seen through them.

use std::io;
use std::ops::RangeInclusive;

use crate::proc_root::ProcRoot;

const PORT_RANGE: &str = "net/ipv4/ip_local_port_range";

/// The text of a setting: `read_sysctl(&ProcRoot::own(), "net/ipv4/ip_local_port_range")`.
///
/// # Errors
/// The system's: not found if this kernel, or this network namespace, has no such setting.
pub fn read_sysctl(root: &ProcRoot, name: &str) -> io::Result<String> {
    let text = root.read_text(&format!("sys/{name}"))?;
    Ok(text.trim_end().to_owned())
}

/// The ports that the kernel chooses from, ip(7), by the settings of this root.
///
/// # Errors
/// One line, if the setting cannot be read.
pub fn read_local_port_range(root: &ProcRoot) -> Result<RangeInclusive<u16>, String> {
    let text = read_sysctl(root, PORT_RANGE);
    let text = text.map_err(|error| format!("cannot read /proc/sys/{PORT_RANGE}: {error}"))?;
    let mut ports = text.split_whitespace().map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
        _ => Err(format!("/proc/sys/{PORT_RANGE} does not hold two ports")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_setting_is_text_or_an_error_with_the_reason() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("sys/net/ipv4");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("tcp_max_tw_buckets"), "262144\n").unwrap();
        fs::write(directory.join("ip_local_port_range"), "32768\t60999\n").unwrap();
        let root = ProcRoot::open(root.path()).unwrap();
        let read = |name: &str| read_sysctl(&root, name);
        assert_eq!(read("net/ipv4/tcp_max_tw_buckets").unwrap(), "262144");
        let range = read("net/ipv4/ip_local_port_range");
        assert_eq!(range.unwrap(), "32768\t60999");
        let absent = read("net/ipv4/tcp_tw_recycle").unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
