//! Rows that a table repeats. Between two reads the kernel keeps its position as a number of sockets
//! within a bucket (`tcp_seek_last_pos`, net/ipv4/tcp_ipv4.c). A socket added to that bucket
//! meanwhile shifts those already read behind that position, and they are read again. Rows behind the
//! end of the table are not read, see `lines`.
//!
//! Must not need memory that grows with the table. Not detected: a socket that changed its inode
//! meanwhile, as on its way to TIME_WAIT, and sockets missed because another one was removed.

use std::collections::VecDeque;

use crate::model::{InetEnds, Socket};

/// As many rows as fit a read on most machines (27 of IPv4 in 4096 bytes), and some more. Rows that
/// are repeated are in one bucket, so they are the last ones before the border.
const REMEMBERED: usize = 32;

/// What identifies a socket.
type Identity = (u64, InetEnds);

/// The last rows of one table.
#[derive(Debug)]
pub(super) struct Repeats {
    recent: VecDeque<Identity>,
    /// Whether a border between two of the kernel's reads may be anywhere, as in a file that was
    /// copied.
    pub(super) copied: bool,
    /// The number of the read that the last row came with.
    read: u64,
    /// Whether the last row was repeated.
    repeating: bool,
}

impl Repeats {
    /// Before the first row.
    pub(super) fn new(copied: bool) -> Repeats {
        Repeats {
            recent: VecDeque::with_capacity(REMEMBERED),
            copied,
            read: 0,
            repeating: false,
        }
    }

    /// Whether this row, which came with this read, was there before.
    ///
    /// The kernel holds a bucket's lock while it fills one read, so rows repeat only from the first
    /// one of a read on; two equal rows within one read are two sockets, such as minisockets of two
    /// routing domains. In a copy the borders are unknown, and without an inode only a row that
    /// directly follows its equal is a repetition.
    pub(super) fn contains(&mut self, socket: &Socket, read: u64) -> bool {
        let Some(ends) = socket.internet() else {
            return false;
        };
        let row = (socket.inode, *ends);
        let is_first = std::mem::replace(&mut self.read, read) != read;
        self.repeating = if !self.copied {
            (is_first || self.repeating) && self.recent.contains(&row)
        } else if socket.inode != 0 {
            self.recent.contains(&row)
        } else {
            self.recent.back() == Some(&row)
        };
        if !self.repeating {
            if self.recent.len() == REMEMBERED {
                self.recent.pop_front();
            }
            self.recent.push_back(row);
        }
        self.repeating
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Kind, State};

    /// The rows that are counted, of those with these ports and inodes; `|` is between two reads.
    fn counted(copied: bool, rows: &str) -> String {
        let mut repeats = Repeats::new(copied);
        let mut read = 1;
        let kept = rows.split(' ').filter(|row| {
            read += u64::from(*row == "|");
            let (port, inode) = row.split_once(':').unwrap_or(("0", "0"));
            let local = ([127, 0, 0, 1], port.parse().unwrap()).into();
            let ends = InetEnds::listening(Family::V4, local);
            let socket = Socket {
                inode: inode.parse().unwrap(),
                ..Socket::bare(Kind::Tcp, State::Established, ends)
            };
            *row != "|" && !repeats.contains(&socket, read)
        });
        kept.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_live_table_repeats_rows_only_from_the_start_of_a_read_on() {
        for (rows, kept) in [
            ("1:1 2:2 | 2:2 3:3", "1:1 2:2 3:3"),
            ("1:1 2:2 | 1:1 2:2 3:3 | 3:3", "1:1 2:2 3:3"),
            ("1:0 2:0 | 2:0 3:0", "1:0 2:0 3:0"),
            ("1:0 1:0 | 2:0", "1:0 1:0 2:0"),
            ("1:1 2:2 | 3:3 2:2", "1:1 2:2 3:3 2:2"),
            ("1:1 1:2 | 1:3", "1:1 1:2 1:3"),
        ] {
            assert_eq!(counted(false, rows), kept, "{rows}");
        }
    }

    #[test]
    fn a_copied_table_may_repeat_rows_anywhere() {
        for (rows, kept) in [
            ("1:1 2:2 2:2 3:3", "1:1 2:2 3:3"),
            ("1:1 2:2 1:1 2:2 3:3", "1:1 2:2 3:3"),
            ("1:0 1:0 2:0 1:0", "1:0 2:0 1:0"),
            ("1:1 1:2 1:3", "1:1 1:2 1:3"),
        ] {
            assert_eq!(counted(true, rows), kept, "{rows}");
        }
    }

    #[test]
    fn no_more_rows_are_remembered_than_come_with_a_read() {
        let many: Vec<_> = (1..=100).map(|port| format!("{port}:{port}")).collect();
        let many = many.join(" ");
        assert_eq!(counted(true, &format!("{many} 100:100")), many);
        assert_eq!(counted(true, &format!("{many} 69:69")), many);
        let older = format!("{many} 68:68");
        assert_eq!(counted(true, &older), older);
    }
}
