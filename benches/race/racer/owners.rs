//! Who races for the holders of sockets, and the floor: the same walk over all descriptors made with
//! the procfs crate, which lists no socket and keeps nothing.
//!
//! They race on a crowd of their own, connections with a few listeners beside them; everybody has to
//! read every descriptor of every process there. `ss -tanp` is left out: its table of holders has
//! 256 slots, so that its time grows with the square of their number.

use std::io::Write;
use std::path::Path;

use procfs::process::{FDTarget, all_processes};

use super::{Racer, Runner, racer, tool};
use crate::fault::{During, Fault};

pub(crate) const TCPSTATES_OWNERS: &str = "tcpstates list -p > file";
pub(crate) const TCPSTATES_BY_PROCESS: &str = "tcpstates --by process";
pub(crate) const TCPSTATES_LISTENERS: &str = "tcpstates list -l -p";
pub(crate) const SS_LISTENERS: &str = "ss -tlnp";
pub(crate) const PROCFS_WALK: &str = "raw walk, procfs";

/// All of them, ours first.
pub(crate) const NAMES: [&str; 5] = [
    TCPSTATES_OWNERS,
    TCPSTATES_BY_PROCESS,
    TCPSTATES_LISTENERS,
    SS_LISTENERS,
    PROCFS_WALK,
];

/// Everyone who is here; `own` is the race's own program.
pub(super) fn assemble(tcpstates: Option<&Path>, own: &str) -> Vec<Racer> {
    let mut racers = Vec::new();
    if let Some(path) = tcpstates.filter(|path| path.exists()) {
        let path = path.to_string_lossy();
        let ours = [TCPSTATES_OWNERS, TCPSTATES_BY_PROCESS, TCPSTATES_LISTENERS];
        racers.extend(ours.map(|name| {
            let stage = super::our_stage(&path, name);
            racer(name, Runner::Pipeline(vec![stage]), None)
        }));
    }
    let walk = vec![own.to_owned(), "raw-walk".into()];
    racers.push(tool(SS_LISTENERS, &[SS_LISTENERS], None));
    racers.push(racer(PROCFS_WALK, Runner::Pipeline(vec![walk]), None));
    racers
}

/// Reads where every descriptor of every process leads, and prints how many lead to sockets.
pub(crate) fn walk() -> Result<(), Fault> {
    let mut sockets = 0_u64;
    let processes = all_processes().map_err(|error| Fault::new(error.to_string()))?;
    for process in processes.flatten() {
        let Ok(descriptors) = process.fd() else {
            continue;
        };
        for descriptor in descriptors.flatten() {
            sockets += u64::from(matches!(descriptor.target, FDTarget::Socket(_)));
        }
    }
    writeln!(std::io::stdout(), "{sockets}").during("printing")
}
