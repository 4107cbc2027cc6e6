//! What the words of `--netns` select: a name of ip-netns(8), a process, a file, an inode number, or
//! the namespace of process 1.
//!
//! Every namespace is entered once here, so that nothing is counted where one of several cannot be.

use std::fs::{read_dir, symlink_metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::enter::{locate, within};
use super::find::find;
use crate::model::{Namespace, Netns, Where, counted, nearest_word};
use crate::proc_root::{ProcRoot, parse_number};

/// Where ip-netns(8) mounts namespaces by name.
const NAMED: &str = "/run/netns";

/// The namespace of process 1.
const HOST: &str = "host";

/// Why a word selects no namespace that can be read.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// There is no such namespace, or the word selects several.
    #[error("--netns: {0}")]
    Unknown(String),
    /// There is one, and it cannot be read.
    #[error("--netns: {0}")]
    Refused(String),
}

/// A network namespace, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The word that selected it.
    pub word: String,
    /// Its inode number; where that is not known, the one of its table `tcp`, which the kernel takes
    /// from the same numbers.
    pub netns: Netns,
    /// The inode number of its table `tcp`: one for all processes in it.
    table: u64,
    /// How it is read.
    pub access: Access,
}

/// How a namespace is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is that of the calling thread.
    Own,
    /// By entering it.
    Entered(Arc<Namespace>),
    /// By the tables in the directory of a process or thread in it, because entering it is not
    /// permitted.
    Tables(PathBuf),
}

/// The namespaces that these words select, each once.
///
/// # Errors
/// For the first word that selects none, or one that cannot be read.
pub fn select(words: &[String]) -> Result<Vec<Selected>, NetnsError> {
    let mut selected: Vec<Selected> = Vec::new();
    for word in words {
        let one = Word::select(word)?;
        if selected.iter().all(|other| other.table != one.table) {
            selected.push(one);
        }
    }
    Ok(selected)
}

/// A word, and the proc file system of this process.
struct Word<'a> {
    word: &'a str,
    proc: ProcRoot,
}

type Selection = Result<Selected, NetnsError>;

impl Word<'_> {
    fn select(word: &str) -> Selection {
        let proc = ProcRoot::own();
        let this = Word { word, proc };
        if let Some(process) = word.strip_prefix("pid:") {
            let (pid, name) = match process.split_once('/') {
                Some((pid, name)) => (pid, Some(name)),
                None => (process, None),
            };
            let Some(pid) = parse_number(pid.as_bytes()) else {
                return Err(unknown(format!("`{pid}` is not the number of a process")));
            };
            return this.process(pid, name);
        }
        if let Some(number) = word.strip_prefix("net:") {
            let bare = number.strip_prefix('[');
            let bare = bare.and_then(|number| number.strip_suffix(']'));
            let Some(inode) = parse_number(bare.unwrap_or(number).as_bytes()) else {
                return Err(unknown(format!("`{number}` is not an inode number")));
            };
            return this.inode(inode);
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
        let is_name = !matches!(self.word, "" | "." | "..") && symlink_metadata(&named).is_ok();
        let pid = match self.word {
            HOST => Some(1),
            word => parse_number(word.as_bytes()),
        };
        let by_pid = |pid| self.process(pid, None);
        match (is_name, pid) {
            (false, Some(pid)) => by_pid(pid),
            (true, None) => self.file(&named, None),
            (true, Some(pid)) => {
                let one = self.file(&named, None)?;
                if by_pid(pid).is_ok_and(|other| other.table != one.table) {
                    return Err(unknown(format!(
                        "`{}` is both a name in {NAMED} and a process: use {} or pid:{pid}",
                        self.word,
                        named.display()
                    )));
                }
                Ok(one)
            }
            (false, None) => {
                let entries = read_dir(NAMED).into_iter().flatten().flatten();
                let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
                let names: Vec<String> = names.chain([HOST.to_owned()]).collect();
                let near = nearest_word(self.word, names.iter().map(String::as_str));
                let near = near.map(|near| format!("; did you mean {near}?"));
                Err(unknown(format!(
                    "no network namespace is called `{}`{}",
                    self.word,
                    near.unwrap_or_default()
                )))
            }
        }
    }

    /// That of a process, which has this name if one is given.
    fn process(&self, pid: u32, name: Option<&str>) -> Selection {
        let comm = self.proc.read_start(&format!("{pid}/comm"), 64);
        let comm = comm.map_err(|error| match error.kind() == ErrorKind::NotFound {
            true => unknown(match self.proc.query_hiding_here() {
                None => format!("there is no process {pid}"),
                Some(hiding) => format!(
                    "no process {pid} is visible; the proc file system is mounted with {hiding}"
                ),
            }),
            false => refused(format!("cannot read /proc/{pid}/comm: {error}")),
        })?;
        let comm = printable(comm.trim_ascii_end());
        if let Some(name) = name.filter(|name| *name != comm) {
            return Err(unknown(format!(
                "process {pid} is called {comm}, not {name}"
            )));
        }
        let home = format!("/proc/{pid}");
        let threads = self.proc.numbers(&format!("{pid}/task"));
        let threads = threads.unwrap_or_default().into_iter();
        // That of a thread where the first one has ended.
        let threads = threads.filter(|tid| *tid != pid);
        let homes = threads.map(|tid| format!("{home}/task/{tid}"));
        for home in std::iter::once(home.clone()).chain(homes) {
            let file = Path::new(&home).join("ns/net");
            match locate(&file) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Ok(_) | Err(_) => return self.file(&file, Some(&home)),
            }
        }
        Err(unknown(format!("process {pid} has ended")))
    }

    /// The one with this inode number.
    fn inode(&self, inode: u32) -> Selection {
        if self.proc.read_netns("thread-self").ok() == Some(inode) {
            return self.own();
        }
        let found = find(&self.proc);
        let one = found.namespaces.iter().find(|one| one.inode == inode);
        let files = one.into_iter();
        let files = files.flat_map(|one| one.files.iter().map(move |file| (one, file)));
        // The process may have ended, and a mount may be covered by that of another namespace.
        let mut leading = files.filter(|(_, file)| {
            let identity = locate(file).ok().flatten();
            identity.is_some_and(|identity| identity.1 == u64::from(inode))
        });
        if let Some((one, file)) = leading.next() {
            return self.file(file, one.home.as_deref());
        }
        let denied = counted(found.denied, "process", "processes");
        Err(unknown(match found.denied {
            0 => format!("no process and no mount leads to a network namespace {inode}"),
            _ => format!(
                "no network namespace {inode} was found; no permission to read the namespaces of \
                 {denied}"
            ),
        }))
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
            (Err(error), Some(home)) => return self.tables(home, &error),
            (Err(error), None) => return Err(refused(format!("cannot open {path}: {error}"))),
        };
        if locate(Path::new("/proc/thread-self/ns/net")).ok() == Some(Some(identity)) {
            return self.own();
        }
        let namespace = Arc::new(Namespace {
            word: self.word.to_owned(),
            file: file.to_owned(),
            identity,
        });
        let entered = within(&Where::Netns(Arc::clone(&namespace)), || {
            self.proc.stat("thread-self/net/tcp")
        });
        match entered.and_then(std::convert::identity) {
            Ok(status) => Ok(self.selected(
                u32::try_from(identity.1).ok(),
                status.st_ino,
                Access::Entered(namespace),
            )),
            Err(error) if error.kind() == ErrorKind::InvalidInput => Err(is_none()),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let found = home.is_none().then(|| find(&self.proc)).into_iter();
                let mut found = found.flat_map(|found| found.namespaces);
                let found = found.find(|one| u64::from(one.inode) == identity.1);
                match home.or(found.as_ref().and_then(|one| one.home.as_deref())) {
                    Some(home) => self.tables(home, &error),
                    None => Err(refused(format!(
                        "cannot enter {path}: {error}; it takes CAP_SYS_ADMIN, and no process in it \
                         is visible: run as root"
                    ))),
                }
            }
            Err(error) => Err(refused(format!("cannot enter {path}: {error}"))),
        }
    }

    /// By the tables of a process or thread, where `refusal` is why it cannot be entered.
    fn tables(&self, home: &str, refusal: &io::Error) -> Selection {
        let below = home.trim_start_matches("/proc/");
        let status = self.proc.stat(&format!("{below}/net/tcp"));
        let status = status.map_err(|error| {
            refused(format!(
                "cannot enter the namespace of {home}: {refusal}; cannot read {home}/net/tcp: {error}"
            ))
        })?;
        let own = self.own()?;
        if own.table == status.st_ino {
            return Ok(own);
        }
        let inode = self.proc.read_netns(below).ok();
        let access = Access::Tables(PathBuf::from(home));
        Ok(self.selected(inode, status.st_ino, access))
    }

    fn own(&self) -> Selection {
        let status = self.proc.stat("thread-self/net/tcp");
        let status = status
            .map_err(|error| refused(format!("cannot read /proc/thread-self/net/tcp: {error}")))?;
        let inode = self.proc.read_netns("thread-self").ok();
        Ok(self.selected(inode, status.st_ino, Access::Own))
    }

    fn selected(&self, inode: Option<u32>, table: u64, access: Access) -> Selected {
        let number = inode.or_else(|| u32::try_from(table).ok());
        Selected {
            word: self.word.to_owned(),
            netns: Netns(number.unwrap_or_default()),
            table,
            access,
        }
    }
}

/// The name of a process as part of a word that no shell changes.
fn printable(comm: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@%:/".contains(&byte);
    let plain = comm.iter().map(|byte| match is_plain(*byte) {
        true => char::from(*byte),
        false => '_',
    });
    plain.collect()
}

fn unknown(why: String) -> NetnsError {
    NetnsError::Unknown(why)
}

fn refused(why: String) -> NetnsError {
    NetnsError::Refused(why)
}
