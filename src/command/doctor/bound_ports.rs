//! A look at the sockets that are bound and nothing else, which the kernel tells only when asked by
//! name, and only over netlink.

use super::looks::ask;
use crate::diagnose::BoundPorts;
use crate::model::{State, StateSet};
use crate::source::Sources;

/// Their ports.
///
/// # Errors
/// Why they are not known: no source tells them, or not all of them.
pub(super) fn bound_ports(sources: &Sources) -> Result<BoundPorts, String> {
    let mut ports = BoundPorts::default();
    let asked = ask(sources, StateSet::NONE.with(State::Bound), Vec::new());
    let listed = asked.and_then(|mut observer| Ok(observer.list(&mut ports)?));
    let report = listed.map_err(|failure| failure.to_string())?;
    match report.completeness.losses().first() {
        None => Ok(ports),
        Some(loss) => Err(loss.to_string()),
    }
}
