//! The kernel's settings, sysctl(8), as the files below `sys` of a proc file system.
//!
//! Of the live /proc they are those of the calling thread's network namespace, whose sockets it
//! lists too; of another live one they are the reader's all the same, so they say nothing about
//! the sockets seen through it.

use std::fs;
use std::io;
use std::path::Path;

/// The text of a setting: `read_sysctl(Path::new("/proc"), "net/ipv4/ip_local_port_range")`.
///
/// # Errors
/// The system's: not found where this kernel, or this network namespace, has no such setting.
pub fn read_sysctl(root: &Path, name: &str) -> io::Result<String> {
    let text = fs::read_to_string(root.join("sys").join(name))?;
    Ok(text.trim_end().to_owned())
}

/// A setting that is one number.
///
/// # Errors
/// As for [`read_sysctl`]; invalid data where it is no number that is 0 or more.
pub fn read_sysctl_number(root: &Path, name: &str) -> io::Result<u64> {
    let text = read_sysctl(root, name)?;
    text.parse().map_err(|_| {
        let told = format!("`{text}` is no number");
        io::Error::new(io::ErrorKind::InvalidData, told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_text_or_a_number_or_an_error_that_says_which_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("sys/net/ipv4");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("tcp_max_tw_buckets"), "262144\n").unwrap();
        fs::write(directory.join("ip_local_port_range"), "32768\t60999\n").unwrap();
        let number = |name: &str| read_sysctl_number(root.path(), name);
        assert_eq!(number("net/ipv4/tcp_max_tw_buckets").unwrap(), 262_144);
        let text = read_sysctl(root.path(), "net/ipv4/ip_local_port_range");
        assert_eq!(text.unwrap(), "32768\t60999");
        let range = number("net/ipv4/ip_local_port_range").unwrap_err();
        assert_eq!(range.kind(), io::ErrorKind::InvalidData);
        let absent = number("net/ipv4/tcp_tw_recycle").unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
