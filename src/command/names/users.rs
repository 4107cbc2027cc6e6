//! Users by uid, from `etc/passwd`, passwd(5). Read directly: a name service would make a list of
//! sockets wait for the network.
//!
//! For another proc root it is the file in the root directory of its process 1, never this host's
//! own. Users that are not in it are shown by number.

use std::io;

use foldhash::HashMap;

use super::number_of;
use crate::model::Where;
use crate::proc_root::ProcRoot;

const PASSWD: &str = "etc/passwd";

/// The largest file of another proc root that is read, in bytes.
const PASSWD_MOST: usize = 1 << 20;

/// The names of the users who may own sockets of `place`, by uid. None where the file cannot be
/// read: numbers say as much as an error would.
pub(super) fn read_users(place: &Where) -> HashMap<u32, String> {
    if let Some(record) = place.recorded() {
        return record
            .moment()
            .map(|moment| moment.host.users.clone())
            .unwrap_or_default();
    }
    Passwd::read(place).map_or_else(|_| HashMap::default(), |passwd| passwd.names())
}

/// The uid with which the sockets of a user are reported.
///
/// # Errors
/// The reason why it is unknown.
pub(in crate::command) fn user_id(place: &Where, name: &str) -> Result<u32, String> {
    if let Some(record) = place.recorded() {
        let names = record.moment().map(|moment| &moment.host.users);
        let number = names.and_then(|names| number_of(names, name));
        return number.ok_or_else(|| "no socket of this user was recorded".to_owned());
    }
    let path = path(place);
    let passwd = Passwd::read(place).map_err(|error| format!("cannot read {path}: {error}"))?;
    passwd
        .entries()
        .find(|(user, _)| *user == name)
        .map(|(_, uid)| uid)
        .ok_or_else(|| format!("no such user in {path}; a uid can be used instead"))
}

/// The file, for a message.
fn path(place: &Where) -> String {
    if place.is_own_host() {
        return format!("/{PASSWD}");
    }
    let root = match place.process() {
        Some(directory) => directory.join("root"),
        None => place.proc_root().join("1/root"),
    };
    root.join(PASSWD).display().to_string()
}

/// The file, and how its uids are reported here.
struct Passwd {
    text: String,
    /// `/proc/PID/uid_map`, user_namespaces(7): the first uid inside, the first one here, and how
    /// many follow; `None` in the user namespace of this process, and in a copy.
    uid_map: Option<Vec<[u32; 3]>>,
}

impl Passwd {
    fn read(place: &Where) -> io::Result<Passwd> {
        let (bytes, uid_map) = if place.is_own_host() {
            (ProcRoot::read_own_file(PASSWD, usize::MAX)?, None)
        } else {
            let root = ProcRoot::open(place.process().unwrap_or(place.proc_root()))?;
            let home = root.first_process();
            let uid_map = match root.is_in_own_user_namespace(home)? {
                true => None,
                false => Some(parse_uid_map(&root.read_text(&format!("{home}uid_map"))?)),
            };
            (root.read_in_root_of(home, PASSWD, PASSWD_MOST)?, uid_map)
        };
        Ok(Passwd {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            uid_map,
        })
    }

    /// Every name and its uid; invalid lines and users without a uid here are left out.
    fn entries(&self) -> impl Iterator<Item = (&str, u32)> {
        self.text.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let uid = fields.nth(1)?.parse().ok()?;
            Some((name, self.reported(uid)?))
        })
    }

    /// The uid here of a uid in the file.
    fn reported(&self, uid: u32) -> Option<u32> {
        let Some(uid_map) = &self.uid_map else {
            return Some(uid);
        };
        uid_map.iter().find_map(|[inside, here, length]| {
            let offset = uid.checked_sub(*inside).filter(|offset| offset < length)?;
            here.checked_add(offset)
        })
    }

    /// The first name of each uid, as getpwuid(3) has it.
    fn names(&self) -> HashMap<u32, String> {
        let mut names = HashMap::default();
        for (name, uid) in self.entries() {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
        names
    }
}

fn parse_uid_map(text: &str) -> Vec<[u32; 3]> {
    let lines = text.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some([next()?, next()?, next()?])
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwd(text: &[u8], uid_map: Option<&str>) -> Passwd {
        Passwd {
            text: String::from_utf8_lossy(text).into_owned(),
            uid_map: uid_map.map(parse_uid_map),
        }
    }

    #[test]
    fn the_first_name_of_a_uid_counts_and_broken_lines_do_not() {
        let bytes = b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\n:x:5:\n\
            big:x:4294967296:\nwww data\x1b:x:33:33\n\xff:x:34:34\n";
        let names = passwd(bytes, None).names();
        let get = |uid| names.get(&uid).map(String::as_str);
        assert_eq!(get(0), Some("root"));
        assert_eq!(get(33), Some("www data\u{1b}"));
        assert_eq!(get(34), Some("\u{fffd}"));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn users_of_another_user_namespace_have_the_uids_they_have_here() {
        let bytes = b"root:x:0:0:\nalice:x:1000:\nnobody:x:65534:\nbig:x:4294967295:\n";
        let map = "         0       1001          1\n       1000     100000          5\nx\n";
        let mapped = passwd(bytes, Some(map));
        let entries: Vec<_> = mapped.entries().collect();
        assert_eq!(entries, [("root", 1001), ("alice", 100_000)]);
        assert_eq!(passwd(bytes, Some("")).entries().count(), 0);
    }
}
