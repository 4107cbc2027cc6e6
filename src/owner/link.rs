//! What the links in `/proc/PID/fd` say, proc_pid_fd(5). Pure.

/// The inode of a socket, out of `socket:[123]`; `None` for any other file.
pub(super) fn parse_socket(link: &[u8]) -> Option<u64> {
    parse_number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// A number of digits only; `None` for anything else, `.` and `..` included.
pub(super) fn parse_number<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    })?;
    T::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_have_an_inode_here() {
        assert_eq!(parse_socket(b"socket:[123]"), Some(123));
        assert_eq!(
            parse_socket(b"socket:[18446744073709551615]"),
            Some(u64::MAX)
        );
        for other in [
            "socket:[18446744073709551616]",
            "socket:[]",
            "socket:[+1]",
            "socket:[ 1]",
            "socket:[1",
            "socket:[1] (deleted)",
            "pipe:[123]",
            "anon_inode:[eventpoll]",
            "/dev/null",
            "/socket:[1]",
            "",
        ] {
            assert_eq!(parse_socket(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn names_of_entries_are_numbers_or_none_of_ours() {
        assert_eq!(parse_number::<u32>(b"4294967295"), Some(u32::MAX));
        for other in ["4294967296", ".", "..", "", "-1", "self", "1a"] {
            assert_eq!(parse_number::<u32>(other.as_bytes()), None, "{other}");
        }
    }
}
