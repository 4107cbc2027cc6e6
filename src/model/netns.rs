//! Network namespaces, network_namespaces(7): which one a socket is in, and what is known of it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Recorded;

/// A network namespace, where a question is about several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Netns(pub u32);

impl Netns {
    /// The only namespace of a question about one. In a question about several, each has its inode
    /// number, which is never 0.
    pub const CALLER: Netns = Netns(0);
}

/// A network namespace other than that of the calling thread, and the file that leads into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The word that selects it on a command line.
    pub word: String,
    /// A file of nsfs, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    pub file: PathBuf,
    /// The device of that file, and its inode number: the file may lead to another namespace later.
    pub identity: (u64, u64),
    /// The proc file system whose processes led to it, if it is another one: `--proc-root`.
    pub proc_root: Option<PathBuf>,
}

/// The word that selects every network namespace that is found.
pub const EVERY_NETNS: &str = "all";

/// The network namespaces of a question about several: the words that select them, and the names of
/// those that the last answer was about.
#[derive(Debug)]
pub struct NamespaceList {
    words: Vec<String>,
    proc_root: Option<PathBuf>,
    /// The record that they are of, if they are of one.
    record: Option<Arc<Recorded>>,
    names: Mutex<HashMap<Netns, Arc<str>>>,
}

impl NamespaceList {
    /// Those that these words select, among the processes of another proc file system if one is given.
    pub fn new(words: Vec<String>, proc_root: Option<PathBuf>) -> NamespaceList {
        NamespaceList {
            words,
            proc_root,
            record: None,
            names: Mutex::default(),
        }
    }

    /// The same of a record.
    #[must_use]
    pub fn of_record(self, record: Arc<Recorded>) -> NamespaceList {
        NamespaceList {
            record: Some(record),
            ..self
        }
    }

    /// The record that they are of, if they are of one.
    pub fn record(&self) -> Option<&Arc<Recorded>> {
        self.record.as_ref()
    }

    /// Every one that is found.
    pub fn every(proc_root: Option<PathBuf>) -> NamespaceList {
        NamespaceList::new(vec![EVERY_NETNS.to_owned()], proc_root)
    }

    /// The proc file system with their processes, if it is another one.
    pub fn proc_root(&self) -> Option<&Path> {
        self.proc_root.as_deref()
    }

    /// The words, as one argument of `--netns`.
    pub fn words(&self) -> String {
        self.words.join(",")
    }

    /// Sets the names of those that an answer is about.
    pub fn set_names(&self, names: impl IntoIterator<Item = (Netns, Arc<str>)>) {
        let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        *known = names.into_iter().collect();
    }

    /// The name of one; `net:INODE` where none is known.
    pub fn name(&self, netns: Netns) -> Arc<str> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.get(&netns).cloned();
        name.unwrap_or_else(|| format!("net:{}", netns.0).into())
    }

    /// The place of each among the others by [`compare_names`].
    pub fn places(&self) -> HashMap<Netns, u32> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<(&Netns, &Arc<str>)> = known.iter().collect();
        sorted.sort_by(|(_, a), (_, b)| compare_names(a, b));
        sorted
            .into_iter()
            .map(|(netns, _)| *netns)
            .zip(0..)
            .collect()
    }
}

/// The order of two names, in which digits are compared as numbers: `n2` is before `n10`.
pub fn compare_names(a: &str, b: &str) -> Ordering {
    fn parts(name: &str) -> impl Iterator<Item = (u8, usize, &[u8])> {
        let both = |a: &u8, b: &u8| a.is_ascii_digit() && b.is_ascii_digit();
        let parts = name.as_bytes().chunk_by(both);
        parts.map(|part| match part {
            [byte] if !byte.is_ascii_digit() => (*byte, 0, &[][..]),
            digits => {
                let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
                let digits = digits.get(zeros..).unwrap_or_default();
                (b'0', digits.len(), digits)
            }
        })
    }
    parts(a).cmp(parts(b)).then_with(|| a.cmp(b))
}

/// Names are part of an answer, not of a question.
impl PartialEq for NamespaceList {
    fn eq(&self, other: &NamespaceList) -> bool {
        let same_record = self.record == other.record;
        same_record && (&self.words, &self.proc_root) == (&other.words, &other.proc_root)
    }
}

impl Eq for NamespaceList {}

impl fmt::Display for NamespaceList {
    /// What a verdict is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.words {
            [word] if word == EVERY_NETNS => f.write_str("all network namespaces")?,
            words => write!(f, "network namespaces {}", words.join(", "))?,
        }
        match &self.record {
            None => Ok(()),
            Some(record) => write!(f, " of {record}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_alphabetical_order_and_their_numbers_in_that_of_numbers() {
        let sorted = [
            "blue", "host", "n01", "n1", "n1a", "n2", "n10", "net:9", "pid:7/a", "pid:10/a", "red",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare_names(a, b));
        assert_eq!(names, sorted);
        let list = NamespaceList::every(None);
        list.set_names([(Netns(5), "n10".into()), (Netns(9), "n2".into())]);
        assert_eq!(list.places(), HashMap::from([(Netns(9), 0), (Netns(5), 1)]));
    }
}
