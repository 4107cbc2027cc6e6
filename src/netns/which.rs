//! What a word of `--netns` means: a name of ip-netns(8), a process, a file, an inode number, or the
//! namespace of process 1.
//!
//! Each selected namespace is entered once here, so that nothing is counted where one of several
//! cannot be.

use std::fs::symlink_metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::enter::{locate, within};
use super::find::{Found, find};
use super::members::{ADMIN, Access, Member, PTRACE, Tables};
use super::names::{HOST, NAMED, PREFIXES, base_names, printable, unique_names};
use super::select::NetnsError;
use crate::model::{Namespace, NamespaceFacts, Netns, Where, counted, nearest_word};
use crate::proc_root::{ProcRoot, parse_number};

/// A word, and the proc file system whose processes lead to namespaces.
pub(super) struct Word<'a> {
    word: &'a str,
    proc: ProcRoot,
    /// Where that is, if it is not that of this process.
    proc_root: Option<&'a Path>,
    /// Whether it must be possible to read the namespace.
    is_read: bool,
}

/// `PID_MAX_LIMIT`, linux/threads.h.
const LARGEST_PID: u32 = 4 * 1024 * 1024;

pub(super) type Selection = Result<Member, NetnsError>;

impl Word<'_> {
    /// What a word selects; it can be read if `is_read`.
    pub(super) fn select(word: &str, proc_root: Option<&Path>, is_read: bool) -> Selection {
        let proc = proc_root.map_or_else(|| Ok(ProcRoot::own()), ProcRoot::open);
        let this = Word {
            word,
            proc: proc.map_err(|error| refused(format!("cannot open the proc root: {error}")))?,
            proc_root,
            is_read,
        };
        if let Some(process) = word.strip_prefix("pid:") {
            let (pid, name) = match process.split_once('/') {
                Some((pid, name)) => (pid, Some(name)),
                None => (process, None),
            };
            return match parse_number(pid.as_bytes()) {
                Some(pid) => this.process(pid, name),
                None if pid.is_empty() => {
                    Err(unknown("`pid:` needs the number of a process".to_owned()))
                }
                None => Err(unknown(format!("`{pid}` is not the number of a process"))),
            };
        }
        if let Some(number) = word.strip_prefix("net:") {
            let bare = number.strip_prefix('[');
            let bare = bare.and_then(|number| number.strip_suffix(']'));
            return match parse_number(bare.unwrap_or(number).as_bytes()) {
                Some(inode) => this.inode(inode),
                None if number.is_empty() => {
                    Err(unknown("`net:` needs an inode number".to_owned()))
                }
                None => Err(unknown(format!("`{number}` is not an inode number"))),
            };
        }
        if word.is_empty() {
            return Err(unknown(
                "the name of a network namespace is empty".to_owned(),
            ));
        }
        let is_numbered_path =
            || word.contains('/') && word.contains('@') && symlink_metadata(word).is_err();
        if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) || is_numbered_path() {
            return this.named();
        }
        match word.contains('/') {
            true => this.file(Path::new(word), None),
            false => this.bare(),
        }
    }

    /// A name of ip-netns(8), `host`, or the number of a process; refused if two of these exist and
    /// lead to different namespaces.
    fn bare(&self) -> Selection {
        let named = Path::new(NAMED).join(self.word);
        let is_own = self.proc_root.is_none();
        let is_name =
            is_own && !matches!(self.word, "" | "." | "..") && symlink_metadata(&named).is_ok();
        let pid = match self.word {
            HOST => Some(1),
            word => parse_number(word.as_bytes()),
        };
        // lsns(8) prints inode numbers so.
        let by_pid = |pid| match pid > LARGEST_PID {
            true => self.inode(pid),
            false => self.process(pid, None),
        };
        match (is_name, pid) {
            (false, Some(pid)) => by_pid(pid),
            (true, None) => self.file(&named, None),
            (true, Some(pid)) => {
                let one = self.file(&named, None)?;
                match by_pid(pid) {
                    Ok(other)
                        if other.netns == one.netns || other.table == one.table && self.is_read =>
                    {
                        Ok(one)
                    }
                    Err(NetnsError::Unknown(_)) => Ok(one),
                    Ok(_) | Err(NetnsError::Refused(_) | NetnsError::Unreached(_)) => {
                        Err(unknown(format!(
                            "`{}` is both a name in {NAMED} and a process: use {} or pid:{pid}",
                            self.word,
                            named.display()
                        )))
                    }
                }
            }
            (false, None) => self.named(),
        }
    }

    /// One that is found and has this name, or this name and inode number.
    fn named(&self) -> Selection {
        let found = find(&self.proc);
        let (names, _) = base_names(&self.proc, &found.namespaces, false);
        let unique = unique_names(&found.namespaces, &names);
        let named = found.namespaces.iter().zip(names.iter().zip(&unique));
        let is_named = |name: &String| name == self.word;
        let named = named.filter(|(_, (name, unique))| is_named(name) || is_named(unique));
        let named: Vec<(&Found, &String)> = named.map(|(one, (_, unique))| (one, unique)).collect();
        match &*named {
            [(one, _)] => self.found(one).unwrap_or_else(|| {
                Err(unknown(format!("network namespace {} is gone", self.word)))
            }),
            [] => {
                let near = nearest_word(self.word, unique.iter().map(String::as_str));
                let near = near.map(|near| format!("; did you mean {near}?"));
                Err(unknown(format!(
                    "no network namespace is called `{}`{}",
                    self.word,
                    near.unwrap_or_default()
                )))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|(_, name)| name.as_str()).collect();
                Err(unknown(format!(
                    "`{}` is the name of several network namespaces: use {}",
                    self.word,
                    names.join(" or ")
                )))
            }
        }
    }

    /// One that was found, in the first way that leads to it; `None` where none does any more.
    fn found(&self, one: &Found) -> Option<Selection> {
        // The process may have ended, and a mount may be covered by that of another namespace.
        let mut leading = one.files.iter().filter(|file| {
            let identity = locate(file).ok().flatten();
            identity.map(|identity| identity.1) == one.inode.map(u64::from)
        });
        let is_refused = |file: &&PathBuf| {
            let error = locate(file).err();
            error.is_some_and(|error| error.kind() == ErrorKind::PermissionDenied)
        };
        match (leading.next(), one.home.as_deref()) {
            (Some(file), home) => Some(self.file(file, home)),
            (None, Some(home)) => {
                let refusal = io::ErrorKind::PermissionDenied.into();
                Some(self.tables(home, &refusal, PTRACE))
            }
            // A mount that only process 1 has.
            (None, None) => Some(self.file(one.files.iter().find(is_refused)?, None)),
        }
    }

    /// That of a process, which has this name if one is given.
    fn process(&self, pid: u32, name: Option<&str>) -> Selection {
        let comm = self.proc.read_start(&format!("{pid}/comm"), 64);
        let comm = comm.map_err(|error| match error.kind() == ErrorKind::NotFound {
            true => unknown(match self.proc.query_hiding_here() {
                None if pid > LARGEST_PID => {
                    format!("there is no process {pid}; an inode number is written net:{pid}")
                }
                None => format!("there is no process {pid}{}", self.under()),
                Some(hiding) => format!(
                    "no process {pid} is visible; the proc file system is mounted with {hiding}"
                ),
            }),
            false => refused(format!(
                "cannot read {}: {error}",
                self.proc.join(&format!("{pid}/comm")).display()
            )),
        })?;
        let comm = printable(comm.trim_ascii_end());
        if let Some(name) = name.filter(|name| *name != comm) {
            return Err(unknown(format!(
                "process {pid} is called {comm}, not {name}"
            )));
        }
        let home = pid.to_string();
        let threads = self.proc.numbers(&format!("{pid}/task"));
        let threads = threads.unwrap_or_default().into_iter();
        // That of a thread where the first one has ended.
        let threads = threads.filter(|tid| *tid != pid);
        let homes = threads.map(|tid| format!("{home}/task/{tid}"));
        for home in std::iter::once(home.clone()).chain(homes) {
            let file = self.proc.join(&home).join("ns/net");
            match locate(&file) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Ok(_) | Err(_) => return self.file(&file, Some(&home)),
            }
        }
        Err(unknown(format!("process {pid} has ended")))
    }

    /// The one with this inode number.
    fn inode(&self, inode: u32) -> Selection {
        if self.proc_root.is_none() && self.proc.read_netns("thread-self").ok() == Some(inode) {
            return self.own();
        }
        let found = find(&self.proc);
        let one = found.namespaces.iter().find(|one| one.netns().0 == inode);
        if let Some(selection) = one.and_then(|one| self.found(one)) {
            return selection;
        }
        let unread = found.namespaces.iter().filter(|one| one.inode.is_none());
        let unread = unread.map(|one| one.processes).sum::<u64>() + found.denied;
        Err(match unread {
            0 => NetnsError::Unreached(inode),
            _ => refused(format!(
                "no network namespace {inode} was found; no permission to read /proc/PID/ns/net of \
                 {} (it takes CAP_SYS_PTRACE)",
                counted(unread, "process", "processes")
            )),
        })
    }

    /// Where processes are searched, if that is not this process's own /proc.
    fn under(&self) -> String {
        let under = self.proc_root.map(|root| format!(" in {}", root.display()));
        under.unwrap_or_default()
    }

    /// The one that a file leads to; `home` is the directory of a process or thread in it.
    fn file(&self, file: &Path, home: Option<&str>) -> Selection {
        let path = file.display();
        let is_none = || unknown(format!("`{path}` is not a network namespace"));
        let identity = match (locate(file), home) {
            (Ok(identity), _) => identity.ok_or_else(is_none)?,
            (Err(error), _) if error.kind() == ErrorKind::NotFound => {
                return Err(unknown(format!("`{path}` does not exist")));
            }
            (Err(error), Some(home)) => return self.tables(home, &error, PTRACE),
            (Err(error), None) => return Err(refused(format!("cannot open {path}: {error}"))),
        };
        let own = || locate(Path::new("/proc/thread-self/ns/net")).ok();
        if self.proc_root.is_none() && own() == Some(Some(identity)) {
            return self.own();
        }
        if !self.is_read {
            let inode = u32::try_from(identity.1).ok();
            return Ok(self.selected(inode, None, Vec::new()));
        }
        let namespace = Arc::new(Namespace {
            word: self.word.to_owned(),
            file: file.to_owned(),
            identity,
            proc_root: self.proc_root.map(Path::to_owned),
        });
        let entered = within(&Where::Netns(Arc::clone(&namespace)), || {
            ProcRoot::own().stat("thread-self/net/tcp")
        });
        match entered.and_then(std::convert::identity) {
            Ok(status) => Ok(self.selected(
                u32::try_from(identity.1).ok(),
                Some(status.st_ino),
                vec![Access::Entered(namespace)],
            )),
            Err(error) if error.kind() == ErrorKind::InvalidInput => Err(is_none()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let found = home.is_none().then(|| find(&self.proc));
                let found = found.map_or_else(Vec::new, |found| found.namespaces);
                let is_it = |one: &&Found| one.inode.map(u64::from) == Some(identity.1);
                let matched = found.iter().find(is_it).and_then(|one| one.home.as_deref());
                match home.or(matched) {
                    Some(home) => self.tables(home, &error, ADMIN),
                    None => Err(refused(format!(
                        "cannot enter {path}: {error}; it takes CAP_SYS_ADMIN, and {}: run as root",
                        match found.iter().any(|one| one.inode.is_none()) {
                            true => "CAP_SYS_PTRACE to find out which processes are in it",
                            false => "no process in it is visible",
                        }
                    ))),
                }
            }
            Err(error) => Err(refused(format!("cannot enter {path}: {error}"))),
        }
    }

    /// By the tables of a process or thread, where `refusal` is why it cannot be entered, without the
    /// capability `lacking`.
    fn tables(&self, home: &str, refusal: &io::Error, lacking: &'static str) -> Selection {
        let directory = self.proc.join(home);
        let status = self.proc.stat(&format!("{home}/net/tcp"));
        let status = status.map_err(|error| {
            let home = directory.display();
            refused(format!(
                "cannot enter the namespace of {home}: {refusal}; cannot read {home}/net/tcp: {error}"
            ))
        })?;
        if self.proc_root.is_none() {
            let own = self.own()?;
            if own.table == Some(status.st_ino) {
                return Ok(own);
            }
        }
        let inode = self.proc.read_netns(home).ok();
        let access = Access::Tables(Tables {
            word: self.word.to_owned(),
            directory,
            proc_root: self.proc_root.map(Path::to_owned),
            lacking,
        });
        Ok(self.selected(inode, Some(status.st_ino), vec![access]))
    }

    fn own(&self) -> Selection {
        let status = self.proc.stat("thread-self/net/tcp");
        let status = status
            .map_err(|error| refused(format!("cannot read /proc/thread-self/net/tcp: {error}")))?;
        let inode = self.proc.read_netns("thread-self").ok();
        Ok(self.selected(inode, Some(status.st_ino), vec![Access::Own]))
    }

    fn selected(&self, inode: Option<u32>, table: Option<u64>, doors: Vec<Access>) -> Member {
        let number = inode.or_else(|| u32::try_from(table?).ok());
        Member {
            name: self.word.into(),
            netns: Netns(number.unwrap_or_default()),
            table,
            facts: Arc::new(NamespaceFacts {
                inode,
                ..NamespaceFacts::default()
            }),
            doors,
            unseen: None,
        }
    }
}

fn unknown(why: String) -> NetnsError {
    NetnsError::Unknown(why)
}

fn refused(why: String) -> NetnsError {
    NetnsError::Refused(why)
}
