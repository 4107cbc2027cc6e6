//! Names of users, from /etc/passwd, passwd(5).
//!
//! Read directly: the name service switch would ask the network for a user of a directory, and is
//! not there in a static program. A user who is not in the file is shown by number.

use std::collections::HashMap;

/// The users of this machine.
#[derive(Debug, Default)]
pub(in crate::command) struct Users(HashMap<u32, String>);

impl Users {
    /// Reads them; nobody has a name where the file cannot be read.
    pub(in crate::command) fn read() -> Users {
        std::fs::read("/etc/passwd")
            .map(|bytes| Users::parse(&String::from_utf8_lossy(&bytes)))
            .unwrap_or_default()
    }

    /// Of several names for one number the first counts, as getpwuid(3) has it.
    fn parse(passwd: &str) -> Users {
        let mut users = HashMap::new();
        for line in passwd.lines() {
            let mut fields = line.split(':');
            let name = fields.next();
            let uid = fields.nth(1).and_then(|uid| uid.parse().ok());
            if let (Some(name), Some(uid)) = (name, uid) {
                users.entry(uid).or_insert_with(|| name.to_owned());
            }
        }
        Users(users)
    }

    /// The name of a user, or the number as text.
    pub(in crate::command) fn name(&self, uid: u32) -> String {
        self.0.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_first_name_of_its_number_or_none() {
        let passwd = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\n\nbroken\nx:y:z\nwww:x:33:33\n";
        let users = Users::parse(passwd);
        assert_eq!(users.name(0), "root");
        assert_eq!(users.name(33), "www");
        assert_eq!(users.name(34), "34");
    }
}
