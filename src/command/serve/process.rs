//! The families about this process, under the names that every exporter has for them.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::model::page::{Family, Page};

/// Descriptors that connections leave for the sampler.
const RESERVED: u64 = 32;

/// The most connections, whatever the limit of descriptors.
const MOST_CONNECTIONS: u64 = 64;

/// What does not change while the process runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    began: SystemTime,
    most_descriptors: Option<u64>,
}

impl Process {
    /// This process, which has just begun.
    pub(super) fn this() -> Process {
        Process {
            began: SystemTime::now(),
            most_descriptors: getrlimit(Resource::Nofile).current,
        }
    }

    /// How many connections there may be: a limit above that of descriptors is none.
    pub(super) fn most_connections(&self) -> usize {
        let most = self.most_descriptors.unwrap_or(u64::MAX);
        let most = most.saturating_sub(RESERVED).clamp(1, MOST_CONNECTIONS);
        usize::try_from(most).unwrap_or(1)
    }

    /// Adds its families, as they are now.
    pub(super) fn add_to(&self, page: &mut Page) {
        let cpu: Duration = clock_gettime(ClockId::ProcessCPUTime)
            .try_into()
            .unwrap_or_default();
        page.add(Family::ProcessCpu, [], Some(cpu));
        page.add(Family::ProcessMemory, [], resident_memory());
        page.add(Family::ProcessOpenDescriptors, [], open_descriptors());
        page.add(Family::ProcessMostDescriptors, [], self.most_descriptors);
        page.add(Family::ProcessStart, [], Some(self.began));
    }
}

/// In bytes, proc_pid_statm(5).
fn resident_memory() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let size = u64::try_from(rustix::param::page_size()).ok()?;
    pages.checked_mul(size)
}

/// Without the one by which they are counted.
fn open_descriptors() -> Option<u64> {
    let all = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(all.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_32_descriptors_and_are_64_at_most() {
        for (descriptors, most) in [
            (Some(20), 1),
            (Some(40), 8),
            (Some(96), 64),
            (Some(1024), 64),
            (None, 64),
        ] {
            let process = Process {
                most_descriptors: descriptors,
                ..Process::this()
            };
            assert_eq!(process.most_connections(), most);
        }
    }

    #[test]
    fn this_process_has_every_family() {
        let mut page = Page::default();
        Process::this().add_to(&mut page);
        assert!(page.families().count() >= 4);
        assert!(resident_memory().is_some_and(|bytes| bytes > 100_000));
        assert!(open_descriptors().is_some_and(|number| number >= 3));
    }
}
