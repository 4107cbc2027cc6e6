//! Runs work in another network namespace, setns(2): in the thread that asks, where it may come back to
//! its own, or in a thread that ends with that work.
//!
//! Sockets opened there belong to that namespace wherever they are used later. So do the files of
//! `/proc/thread-self/net` and of `/proc/sys/net`; `/proc/net` is that of the main thread.

use std::cell::{Cell, OnceCell};
use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, fstat, fstatfs, open};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};

use crate::model::{Namespace, Where};

/// `NSFS_MAGIC`, linux/magic.h.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// How a thread enters a namespace.
enum Entry {
    /// Itself: it may come back to its own, which is open here.
    Returning(OwnedFd),
    /// In another thread: it may not come back, as the root user of a user namespace that has entered
    /// one of its own.
    InThread,
    /// Never: without CAP_SYS_ADMIN in its own user namespace it may enter none, setns(2).
    Denied,
}

thread_local! {
    /// How this thread enters a namespace.
    static ENTRY: OnceCell<Entry> = const { OnceCell::new() };
    /// Whether it did not come back.
    static IS_LOST: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` in the network namespace of `place`: in the calling thread, if that may come back, or
/// else in one that ends with the work.
///
/// # Errors
/// When it cannot be entered: no permission; not found, where its file is gone or leads to another
/// namespace by now.
pub fn within<T: Send>(place: &Where, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if IS_LOST.get() {
        return Err(io::Error::other(
            "the thread could not come back to its network namespace",
        ));
    }
    let Where::Netns(namespace) = place else {
        return Ok(work());
    };
    ENTRY.with(|entry| match entry.get_or_init(find_entry) {
        Entry::Returning(home) => {
            enter(namespace)?;
            let _back = Back(home);
            Ok(work())
        }
        Entry::InThread => within_thread(namespace, work),
        // One that is gone is reported as that.
        Entry::Denied => open_identified(namespace).and(Err(Errno::PERM.into())),
    })
}

/// Whether the calling thread may enter the namespace of any file.
pub(super) fn may_enter() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

fn find_entry() -> Entry {
    if !may_enter() {
        return Entry::Denied;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(home) = open("/proc/thread-self/ns/net", flags, Mode::empty()) else {
        return Entry::InThread;
    };
    let kind = LinkNameSpaceType::Network;
    match move_into_link_name_space(home.as_fd(), Some(kind)) {
        Ok(()) => Entry::Returning(home),
        Err(_) => Entry::InThread,
    }
}

/// Moves the calling thread back when the work has ended.
struct Back<'a>(&'a OwnedFd);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        let kind = LinkNameSpaceType::Network;
        let moved = move_into_link_name_space(self.0.as_fd(), Some(kind));
        IS_LOST.set(moved.is_err());
    }
}

fn within_thread<T: Send>(namespace: &Namespace, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let inside = || {
            enter(namespace)?;
            Ok(work())
        };
        let thread = thread::Builder::new().name("netns".to_owned());
        let thread = thread.spawn_scoped(scope, inside)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Moves the calling thread. The kernel refuses files of other kinds of namespaces with EINVAL.
fn enter(namespace: &Namespace) -> io::Result<()> {
    let file = open_identified(namespace)?;
    let kind = LinkNameSpaceType::Network;
    Ok(move_into_link_name_space(file.as_fd(), Some(kind))?)
}

/// Opens the file of a namespace, which must still lead to it.
fn open_identified(namespace: &Namespace) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let gone = || {
        let what = format!("network namespace {} is gone", namespace.word);
        io::Error::new(io::ErrorKind::NotFound, what)
    };
    let file = open(&namespace.file, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT | Errno::SRCH => gone(),
        errno => errno.into(),
    })?;
    if identity(&file)? != namespace.identity {
        // The process of this number is another one, or the file was mounted over.
        return Err(gone());
    }
    Ok(file)
}

/// The device and inode number of a file of a namespace, without opening what else it may be; `None`
/// for another file.
pub(super) fn locate(file: &Path) -> io::Result<Option<(u64, u64)>> {
    let located = open(file, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    match u64::try_from(fstatfs(&located)?.f_type) {
        Ok(NSFS_MAGIC) => Ok(Some(identity(&located)?)),
        _ => Ok(None),
    }
}

fn identity(file: &OwnedFd) -> io::Result<(u64, u64)> {
    let status = fstat(file)?;
    Ok((status.st_dev, status.st_ino))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_file_that_leads_to_another_namespace_by_now_is_not_entered() {
        let file = Path::new("/proc/thread-self/ns/net");
        let (device, inode) = locate(file).unwrap().unwrap();
        let place = Where::Netns(Arc::new(Namespace {
            word: "blue".to_owned(),
            file: file.to_owned(),
            identity: (device, inode + 1),
            proc_root: None,
        }));
        let error = within(&place, || panic!("entered")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(
            error
                .to_string()
                .ends_with("network namespace blue is gone"),
            "{error}"
        );
    }

    #[test]
    fn only_files_of_namespaces_have_an_identity_and_no_other_file_is_opened() {
        assert_eq!(locate(Path::new("/proc/self/stat")).unwrap(), None);
        assert_eq!(locate(Path::new("/")).unwrap(), None);
        assert!(locate(Path::new("/nowhere")).is_err());
    }
}
