//! How many files a process has open, and may have: proc_pid_fd(5), proc_pid_limits(5).

use super::fd_table::query_size;
use crate::model::{Descriptors, Where};
use crate::proc_root::ProcRoot;

/// The length of `limits`, with room for longer lines.
const LIMITS_MOST: usize = 16 * 1024;

/// The descriptors of a process of `place`.
///
/// # Errors
/// Why they are unknown: a sentence without a full stop.
pub fn query_descriptors(place: &Where, pid: u32) -> Result<Descriptors, String> {
    if let Some(record) = place.recorded() {
        let moment = record.moment();
        let known = moment.and_then(|moment| moment.host.descriptors.get(&pid).cloned());
        return known.unwrap_or_else(|| Err("they were not recorded".to_owned()));
    }
    let root = ProcRoot::of(place).map_err(|error| error.to_string())?;
    let cannot = |file: &str| {
        let path = place.proc_root().join(format!("{pid}/{file}"));
        move |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display())
    };
    let limits = root.read_start(&format!("{pid}/limits"), LIMITS_MOST);
    let limits = limits.map_err(|error| cannot("limits")(&error))?;
    let limit = parse_limit(&limits).ok_or_else(|| cannot("limits")(&"no limit of open files"))?;
    // Before Linux 6.2 the size is 0, and only who may read the directory can count.
    let size = query_size(&root, &pid.to_string()).filter(|size| *size > 0);
    let open = match size {
        Some(size) => size,
        None => {
            let entries = root.numbers(&format!("{pid}/fd"));
            let entries = entries.map_err(|error| cannot("fd")(&error))?;
            u64::try_from(entries.len()).unwrap_or(u64::MAX)
        }
    };
    Ok(Descriptors { open, limit })
}

/// The soft limit of open files; the greatest number where there is none.
fn parse_limit(limits: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(limits);
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_read_and_anything_else_is_none() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             95                   95                   processes \n\
                    Max open files            128                  1048576              files     \n";
        assert_eq!(parse_limit(text.as_bytes()), Some(128));
        assert_eq!(
            parse_limit(b"Max open files  unlimited unlimited files"),
            Some(u64::MAX)
        );
        for other in ["", "Max open files", "Max open files x", "Max processes 7"] {
            assert_eq!(parse_limit(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_descriptors_of_this_process_are_fewer_than_it_may_have() {
        let own = query_descriptors(&Where::Here, std::process::id()).unwrap();
        assert!(own.open >= 1 && !own.are_used_up(), "{own:?}");
        let error = query_descriptors(&Where::Here, u32::MAX).unwrap_err();
        assert!(error.starts_with("cannot read /proc/"), "{error}");
    }
}
