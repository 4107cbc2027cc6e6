//! Whether the running kernel reports bound sockets at all.
//!
//! It says so in no way: a kernel before 6.8 ignores the bound bit and answers with nothing,
//! which must not be shown as "none". Distributions backport, so the version alone is only
//! believed where no bound socket came either.

use crate::model::{Completeness, Loss};

/// The first kernel that reports them (`TCPF_BOUND_INACTIVE`).
const SINCE: (u32, u32) = (6, 8);

/// Notes that a dump without bound sockets proves nothing, where the kernel is too old.
pub(super) fn note_if_unknown(completeness: &mut Completeness) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    if parse_release(&release).is_none_or(|version| version < SINCE) {
        completeness.lose(Loss::NotReported {
            what: format!(
                "this kernel ({release}) may not report bound sockets; Linux {}.{} and later do",
                SINCE.0, SINCE.1
            ),
        });
    }
}

/// Major and minor version of a release such as `6.18.44-fc`; `None` if it does not begin so.
fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_its_major_and_minor_version() {
        assert_eq!(parse_release("6.18.44-fc-v509"), Some((6, 18)));
        assert_eq!(parse_release("5.14.0-362.el9.x86_64"), Some((5, 14)));
        assert_eq!(parse_release("6.8-rc1"), Some((6, 8)));
        assert_eq!(parse_release("next"), None);
        assert_eq!(parse_release(""), None);
    }
}
