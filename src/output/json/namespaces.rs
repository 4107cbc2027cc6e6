//! Network namespaces as JSON: which an answer is about, which were not read, and what is known of the
//! one of a group.

use std::path::PathBuf;

use serde::Serialize;

use crate::model::{
    Group, KeyPart, NamespacesRead, Observation, ReadNamespace, UnseenNamespace, UnseenReason,
};

/// Of which network namespaces the sockets are.
#[derive(Serialize)]
pub(super) struct NetnsKeys<'a> {
    asked: &'a str,
    #[serde(flatten)]
    read: Option<ReadKeys<'a>>,
}

/// How many were read, and which were not.
#[derive(Serialize)]
struct ReadKeys<'a> {
    counted: usize,
    empty: usize,
    unseen: Vec<UnseenKeys<'a>>,
    denied_processes: u64,
}

#[derive(Serialize)]
struct UnseenKeys<'a> {
    netns: &'a str,
    inode: u32,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl NetnsKeys<'_> {
    /// Those that the words `asked` select.
    pub(super) fn of<'a>(asked: Option<&'a str>, by: &'a Observation) -> Option<NetnsKeys<'a>> {
        Some(NetnsKeys {
            asked: asked?,
            read: by.completeness.namespaces().map(ReadKeys::of),
        })
    }
}

impl ReadKeys<'_> {
    fn of(namespaces: &NamespacesRead) -> ReadKeys<'_> {
        let empty = namespaces.read.iter().filter(|one| one.is_empty);
        ReadKeys {
            counted: namespaces.read.len(),
            empty: empty.count(),
            unseen: namespaces.unseen.iter().map(UnseenKeys::of).collect(),
            denied_processes: namespaces.denied,
        }
    }
}

impl UnseenKeys<'_> {
    fn of(unseen: &UnseenNamespace) -> UnseenKeys<'_> {
        UnseenKeys {
            netns: &unseen.name,
            inode: unseen.netns.0,
            reason: unseen.reason.name(),
            error: match &unseen.reason {
                UnseenReason::Failed(error) => Some(error),
                UnseenReason::NoPermission
                | UnseenReason::Unidentified
                | UnseenReason::Gone
                | UnseenReason::Covered => None,
            },
        }
    }
}

/// What is known of the network namespace of a group.
#[derive(Serialize)]
pub(super) struct NamespaceKeys<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<u64>,
    #[serde(
        skip_serializing_if = "<[PathBuf]>::is_empty",
        serialize_with = "paths"
    )]
    mounts: &'a [PathBuf],
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    source: &'static str,
}

/// A path need not be UTF-8.
fn paths<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

impl NamespaceKeys<'_> {
    /// That of a group, if it is grouped by namespace.
    pub(super) fn of<'a>(group: &Group, by: &'a Observation) -> Option<NamespaceKeys<'a>> {
        let mut parts = group.id.iter();
        let netns = parts.find_map(|part| {
            let KeyPart::Netns(netns) = part else {
                return None;
            };
            Some(*netns)
        })?;
        let ReadNamespace { facts, source, .. } = by.completeness.namespaces()?.of(netns)?;
        Some(NamespaceKeys {
            inode: facts.inode,
            pid: facts.pid,
            processes: facts.processes,
            mounts: &facts.mounts,
            container: facts.placement.container.as_deref(),
            pod: facts.placement.pod.as_deref(),
            unit: facts.placement.unit.as_deref(),
            source: source.name(),
        })
    }
}
