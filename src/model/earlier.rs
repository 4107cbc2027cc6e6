//! What an answer is about, and an answer that was saved earlier, to compare one with.

use std::time::SystemTime;

use super::Counts;

/// What was asked, as far as the numbers of an answer do not show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The parsed filter, in one spelling for all equal ones; `None` without one.
    pub filter: Option<String>,
    /// The network namespaces, as they were typed; `None` for that of the process.
    pub netns: Option<String>,
    /// The kinds of the sockets, if these are not TCP alone: `udp`, `tcp,udp`.
    pub kind: Option<String>,
    /// `ipv4` or `ipv6`, if only one of them was.
    pub family: Option<&'static str>,
    /// The keys that sockets are grouped by, with their prefixes: `remote-addr/24,/64`.
    pub by: Vec<String>,
}

/// A saved answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// When it was observed.
    pub time: SystemTime,
    /// Whether nothing was lost then.
    pub is_complete: bool,
    /// The sockets in each state.
    pub counts: Counts,
}
