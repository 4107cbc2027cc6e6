//! Users by uid, from /etc/passwd, passwd(5). Read directly: a name service on the network would
//! make a list of sockets wait for the network. Users of such services are shown by their number.

use std::collections::HashMap;
use std::fs;

const PASSWD: &str = "/etc/passwd";

/// The users of this host.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// Read when the first is asked for; numbers of unknown ones are added as they come.
    names: Option<HashMap<u32, String>>,
}

impl Users {
    pub(super) fn name(&mut self, uid: u32) -> &str {
        self.names
            // Where it cannot be read, numbers say as much as an error would.
            .get_or_insert_with(|| parse_passwd(&fs::read(PASSWD).unwrap_or_default()))
            .entry(uid)
            .or_insert_with(|| uid.to_string())
    }
}

/// The uid of a user.
///
/// # Errors
/// Why there is none.
pub(in crate::command) fn user_id(name: &str) -> Result<u32, String> {
    let bytes = fs::read(PASSWD).map_err(|error| format!("cannot read {PASSWD}: {error}"))?;
    entries(&String::from_utf8_lossy(&bytes))
        .find(|(user, _)| *user == name)
        .map(|(_, uid)| uid)
        .ok_or_else(|| format!("no such user in {PASSWD}; a uid is understood too"))
}

/// Every name and its uid; lines that are none are left out.
fn entries(passwd: &str) -> impl Iterator<Item = (&str, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1)?.parse().ok()?))
    })
}

/// The first name of each uid, as getpwuid(3) has it.
fn parse_passwd(bytes: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for (name, uid) in entries(&String::from_utf8_lossy(bytes)) {
        names.entry(uid).or_insert_with(|| name.to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_uid_counts_and_broken_lines_do_not() {
        let bytes = b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\n:x:5:\n\
            big:x:4294967296:\nwww data\x1b:x:33:33\n\xff:x:34:34\n";
        let names = parse_passwd(bytes);
        let get = |uid| names.get(&uid).map(String::as_str);
        assert_eq!(get(0), Some("root"));
        assert_eq!(get(33), Some("www data\u{1b}"));
        assert_eq!(get(34), Some("\u{fffd}"));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn a_user_that_is_not_there_is_called_by_its_number() {
        let mut users = Users {
            names: Some(HashMap::new()),
        };
        assert_eq!(users.name(4_000_000_000), "4000000000");
    }
}
