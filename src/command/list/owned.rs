//! A sample with the holders of its sockets: they must be known before the first row is written,
//! so the sockets are kept until then.

use crate::cli::List;
use crate::command::failure::Failure;
use crate::command::names::HostNames;
use crate::command::owning::Searcher;
use crate::model::Sink;
use crate::source::{Observer, Report};
use crate::tally::{Best, Kept};

/// The sockets of a sample, whose holders are known.
pub(super) struct Gathered {
    kept: Kept,
    report: Report,
}

impl Gathered {
    /// Pours them onto `page`, as far as it wants them.
    pub(super) fn pour(self, page: &mut impl Sink) -> Report {
        for socket in self.kept.sockets() {
            if page.socket(&socket).is_break() {
                break;
            }
        }
        self.report
    }
}

/// Takes the sockets that will be shown, in their order, and hands their holders to `names`.
pub(super) fn gather(
    typed: &List,
    observer: &mut Observer,
    searcher: &mut Searcher,
    names: &mut HostNames,
) -> Result<Gathered, Failure> {
    let mut kept = Kept::new(typed.limit);
    let mut report = if typed.sort.is_empty() {
        observer.list(&mut kept)?
    } else {
        let mut best = Best::new(&typed.sort, typed.limit);
        let report = observer.list(&mut best)?;
        for socket in best.into_sorted() {
            if kept.socket(&socket).is_break() {
                break;
            }
        }
        report
    };
    names.set_owners(searcher.find(kept.sockets(), &mut report)?);
    Ok(Gathered { kept, report })
}
