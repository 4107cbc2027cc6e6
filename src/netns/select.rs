//! The network namespaces that the words of `--netns` select, each once, and why one selects none.
//! Nothing is read in them.

use std::path::Path;
use std::sync::Arc;

use super::members::Member;
use super::which::Word;
use crate::model::{NamespaceFacts, Netns};

/// Why a word selects no namespace that can be read.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// There is no such namespace, or the word selects several.
    #[error("--netns: {0}")]
    Unknown(String),
    /// No file leads to the one with this inode number.
    #[error(
        "--netns: no process and no mount leads to a network namespace {0}, so that it cannot be entered; \
         if sockets alone keep it, --source bpf counts them, as root"
    )]
    Unreached(u32),
    /// There is one, and it cannot be read.
    #[error("--netns: {0}")]
    Refused(String),
}

/// The namespaces that these words select, each once; by the processes of `proc_root`, if it is given.
/// With `is_walked`, `net:INODE` may also be one that no file leads to, which has no ways to read it.
///
/// # Errors
/// For the first word that selects none, or one that cannot be read.
pub fn select(
    words: &[String],
    proc_root: Option<&Path>,
    is_walked: bool,
) -> Result<Vec<Member>, NetnsError> {
    let mut selected: Vec<Member> = Vec::new();
    for word in words {
        let one = match Word::select(word, proc_root, true) {
            Err(NetnsError::Unreached(inode)) if is_walked => unreached(word, inode),
            one => one?,
        };
        let is_same = |other: &Member| match (other.table, one.table) {
            (Some(other), Some(one)) => other == one,
            (None, _) | (_, None) => other.netns == one.netns,
        };
        if !selected.iter().any(is_same) {
            selected.push(one);
        }
    }
    Ok(selected)
}

/// One that no process and no mount leads to.
fn unreached(word: &str, inode: u32) -> Member {
    Member {
        name: word.into(),
        netns: Netns(inode),
        table: None,
        facts: Arc::new(NamespaceFacts {
            inode: Some(inode),
            ..NamespaceFacts::default()
        }),
        doors: Vec::new(),
        unseen: None,
    }
}

/// The namespace that a word selects, which is not entered.
///
/// # Errors
/// As for [`select`].
pub fn identify(word: &str, proc_root: Option<&Path>) -> Result<Netns, NetnsError> {
    Ok(Word::select(word, proc_root, false)?.netns)
}
