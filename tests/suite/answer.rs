//! The JSON of the program, read into types of the tests' own.
//!
//! They refuse unknown keys, so that a key that was renamed or added by mistake fails a test.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::program::Ran;
use crate::zoo::SocketCounts;

/// One observation, version 1.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) total: usize,
    pub(crate) states: BTreeMap<String, usize>,
    pub(crate) kind: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) family: Option<String>,
    pub(crate) netns: Option<Netns>,
    #[serde(default)]
    pub(crate) by: Vec<String>,
    pub(crate) compared: Option<Compared>,
    #[serde(default)]
    pub(crate) kinds: Vec<KindAnswer>,
    #[serde(default)]
    pub(crate) unavailable: Vec<Unavailable>,
    #[serde(default)]
    pub(crate) groups: Vec<Group>,
    pub(crate) other: Option<Other>,
    pub(crate) owners: Option<Owners>,
    #[serde(default)]
    pub(crate) spread: BTreeMap<String, usize>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// One of several kinds of sockets.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct KindAnswer {
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) total: Option<usize>,
    #[serde(default)]
    pub(crate) states: BTreeMap<String, usize>,
}

/// A kind of sockets that the kernel cannot report.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unavailable {
    pub(crate) kind: String,
    pub(crate) reason: String,
}

/// The network namespaces of an observation.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Netns {
    pub(crate) asked: String,
    pub(crate) counted: Option<usize>,
    pub(crate) empty: Option<usize>,
    #[serde(default)]
    pub(crate) unseen: Vec<Unseen>,
    pub(crate) denied_processes: Option<usize>,
}

/// A network namespace that was not read.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unseen {
    pub(crate) netns: String,
    pub(crate) inode: u32,
    pub(crate) reason: String,
    pub(crate) error: Option<String>,
}

/// The network namespace of a group.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Namespace {
    pub(crate) inode: Option<u32>,
    pub(crate) pid: Option<u32>,
    pub(crate) processes: Option<usize>,
    #[serde(default)]
    pub(crate) mounts: Vec<String>,
    pub(crate) container: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) source: String,
}

/// What an observation is compared with.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compared {
    pub(crate) time: String,
    pub(crate) complete: bool,
    pub(crate) change: i64,
    pub(crate) states: BTreeMap<String, i64>,
}

/// A group of a grouped observation.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) key: BTreeMap<String, serde_json::Value>,
    pub(crate) total: usize,
    pub(crate) states: BTreeMap<String, usize>,
    pub(crate) change: Option<i64>,
    pub(crate) namespace: Option<Namespace>,
}

/// The number of sockets with a known owner, and of those without one by reason.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owners {
    pub(crate) held: usize,
    pub(crate) kernel: usize,
    pub(crate) never_accepted: usize,
    pub(crate) no_permission: usize,
    pub(crate) hidden: usize,
    pub(crate) time_up: usize,
}

/// The groups beyond `--top`.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    pub(crate) groups: usize,
    pub(crate) total: usize,
    pub(crate) states: BTreeMap<String, usize>,
}

impl Answer {
    /// The observations of a run, one per line.
    #[track_caller]
    pub(crate) fn all(ran: &Ran) -> Vec<Answer> {
        ran.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {ran:?}")))
            .collect()
    }

    /// The only observation of a run.
    #[track_caller]
    pub(crate) fn of(ran: &Ran) -> Answer {
        let mut all = Answer::all(ran);
        assert_eq!(all.len(), 1, "{ran:?}");
        let answer = all.remove(0);
        assert_eq!(answer.version, 1);
        assert_eq!(answer.total, answer.states.values().sum::<usize>());
        answer
    }

    /// Asserts that it has exactly these sockets, all eleven states, and is complete.
    #[track_caller]
    pub(crate) fn assert_holds(&self, source: &str, sockets: &SocketCounts) {
        let expected: BTreeMap<String, usize> = sockets
            .by_state()
            .into_iter()
            .map(|(state, count)| (state.to_owned(), count))
            .collect();
        assert_eq!(self.states, expected);
        assert_eq!(self.source, source);
        assert!(self.spread.is_empty(), "{self:?}");
        assert!(self.complete && self.warnings.is_empty(), "{self:?}");
    }
}
