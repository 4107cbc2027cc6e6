//! Whether a proc file system shows its reader all processes, proc(5). One that hides some does so
//! without an error.

use rustix::fs::{major, minor};
use rustix::thread::{CapabilitySet, capabilities};

use super::{ProcRoot, read_mounts};

impl ProcRoot {
    /// The option with which this proc file system hides processes: `hidepid=invisible`; `None` if it
    /// hides none, or is no proc file system.
    pub fn query_hiding(&self) -> Option<String> {
        let device = self.stat("").ok()?.st_dev;
        parse_hiding(
            &String::from_utf8_lossy(&read_mounts()),
            &format!("{}:{}", major(device), minor(device)),
        )
    }

    /// The same where it hides them from this process: CAP_SYS_PTRACE shows all.
    pub fn query_hiding_here(&self) -> Option<String> {
        let sees_all =
            capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_PTRACE));
        if sees_all { None } else { self.query_hiding() }
    }
}

/// Searches the options of the file system on `device`, proc_pid_mountinfo(5). The options of a proc
/// file system are the same at each of its mounts.
fn parse_hiding(mounts: &str, device: &str) -> Option<String> {
    let of_device = mounts
        .lines()
        .filter(|line| line.split(' ').nth(2) == Some(device));
    let mut file_systems = of_device.filter_map(|line| line.split_once(" - "));
    let (_, file_system) = file_systems.find(|(_, kind)| kind.starts_with("proc "))?;
    let options = file_system.split(' ').nth(2)?;
    options
        .split(',')
        .find(|option| {
            let value = option.strip_prefix("hidepid=");
            value.is_some_and(|value| !matches!(value, "0" | "off"))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
        23 1 0:21 / /a\\040- proc rw - tmpfs tmpfs rw,hidepid=2\n\
        24 1 0:22 / /b rw - proc proc rw,hidepid=invisible,subset=pid\n\
        25 1 0:23 / /c rw - proc proc rw,gid=4,hidepid=1\n\
        26 1 0:24 / /d rw - proc proc rw,hidepid=off\nbroken\n";

    #[test]
    fn the_options_of_the_file_system_decide_whether_it_hides_processes() {
        for (device, hiding) in [
            ("0:20", None),
            ("0:21", None),
            ("0:22", Some("hidepid=invisible")),
            ("0:23", Some("hidepid=1")),
            ("0:24", None),
            ("0:2", None),
        ] {
            assert_eq!(parse_hiding(MOUNTS, device).as_deref(), hiding, "{device}");
        }
    }
}
