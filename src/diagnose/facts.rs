//! What is known besides the sockets.

use std::time::Duration;

use super::measures::Measures;
use crate::model::{Counter, Counters, Listeners, Settings, SourceName, thousands};

/// The kernel's counters before and after the window, its settings, and who answered.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Who told of the sockets; /proc knows less of each.
    pub source: SourceName,
    /// How much time passed between the two readings of the counters.
    pub window: Duration,
    /// The counters at its begin.
    pub before: Counters,
    /// The counters at its end.
    pub after: Counters,
    /// The settings of the same network namespace.
    pub settings: Settings,
    /// The listeners after the window, with what each dropped in it.
    pub listeners: Listeners,
    /// Why the drops of listeners are unknown, where they are.
    pub drops_unknown: Option<String>,
    /// What TCP measured of some connections after the first look.
    pub measures_before: Measures,
    /// How much later the measures that follow were taken.
    pub measured_over: Duration,
    /// What TCP measures of those connections that the rules suspect.
    pub measures: Measures,
    /// The size of a page of memory, in bytes; `None` where the pages are another host's.
    pub page_size: Option<u64>,
    /// Whether all of it is of a copied tree, in which nothing moves.
    pub copied: bool,
}

impl Facts {
    /// By how much a counter grew in the window.
    ///
    /// # Errors
    /// Why that is not known: it is absent, was reset, or belongs to a copy.
    pub fn grown(&self, counter: Counter) -> Result<u64, String> {
        if self.copied {
            return Err("nothing grows in a copied tree".to_owned());
        }
        self.after.grown_since(&self.before, counter)
    }

    /// By how much counters grew, as evidence, or why that is not known:
    /// `TcpExtListenDrops grew by 8 in 1.0 s`.
    pub fn told(&self, counters: &[Counter]) -> String {
        let told = counters.iter().map(|counter| match self.grown(*counter) {
            Ok(grown) => format!("{} grew by {}", counter.name(), thousands(grown)),
            Err(reason) => format!("{} is not known ({reason})", counter.name()),
        });
        let told: Vec<String> = told.collect();
        format!("{} in {}", told.join(", "), self.shown_window())
    }

    /// The window as it is shown: `1.0 s`.
    pub fn shown_window(&self) -> String {
        format!("{:.1} s", self.window.as_secs_f64())
    }
}
