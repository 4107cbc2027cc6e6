//! Rows of `/proc/net/tcp` with their timer and inode, and counters.
//!
//! Must not compare them with anything. proc(5); `tcp4_seq_show` in `net/ipv4/tcp_ipv4.c`.

use std::fs;

/// The kind of timer of a timewait minisocket; no full socket has it.
pub(super) const TIMEWAIT: u8 = 3;

/// The columns that distinguish sockets of one state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: String,
    pub(super) timer: u8,
    pub(super) inode: u64,
}

/// The rows of `/proc/thread-self/net/NAME` without LISTEN.
pub(super) fn read_connections(name: &str) -> Vec<Row> {
    let table = fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap();
    let rows = table.lines().skip(1).map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        Row {
            state: words[3].to_owned(),
            timer: u8::from_str_radix(&words[5][..2], 16).unwrap(),
            inode: words[9].parse().unwrap(),
        }
    });
    rows.filter(|row| row.state != "0A").collect()
}

/// The number after `key` in the line of `file` (below `/proc/thread-self/net`) that starts with
/// `line`: `TCP: inuse 4 orphan 0 …`.
pub(super) fn read_counter(file: &str, line: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
    let words = text.lines().find(|one| one.starts_with(line)).unwrap();
    let mut words = words.split_whitespace().skip_while(|&word| word != key);
    words.nth(1).unwrap().parse().unwrap()
}

/// The same from a file where one line has the keys and the next, with the same prefix, the values.
pub(super) fn read_paired_counter(file: &str, line: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
    let mut lines = text.lines().filter(|one| one.starts_with(line));
    let (keys, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut pairs = keys.split_whitespace().zip(values.split_whitespace());
    pairs.find(|pair| pair.0 == key).unwrap().1.parse().unwrap()
}
