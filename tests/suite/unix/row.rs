//! Rows of UNIX sockets, from JSON, whose type refuses unknown keys, and from ss.

use serde::Deserialize;

use crate::child::{Start, command};
use crate::list::row::Holder;
use crate::program::Ran;
use crate::skip::skip_or_fail;

/// A socket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnixRow {
    r#type: String,
    kind: String,
    state: String,
    socket_type: String,
    pub(super) name: Option<String>,
    name_kind: Option<String>,
    name_hex: Option<String>,
    pub(super) peer: Option<String>,
    pub(super) peer_inode: Option<u64>,
    pub(super) shutdown: Option<String>,
    pub(super) receive_queue: Option<u32>,
    pub(super) send_queue: Option<u32>,
    pub(super) accept_queue: Option<u32>,
    pub(super) accept_limit: Option<u32>,
    pub(super) inode: u64,
    #[serde(default)]
    pub(super) peer_processes: Vec<Holder>,
}

/// Type, state, both queues, inode, that of the peer or 0, what was shut down as ss draws it, and how many
/// wait to be accepted.
type AsInSs = [String; 8];

impl UnixRow {
    /// The sockets of a list.
    #[track_caller]
    pub(super) fn all(ran: &Ran) -> Vec<UnixRow> {
        let mut lines: Vec<&str> = ran.stdout.lines().collect();
        lines.pop().unwrap();
        let parsed =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let rows: Vec<UnixRow> = lines.into_iter().map(parsed).collect();
        for row in &rows {
            assert_eq!(row.kind, format!("unix-{}", row.socket_type));
            assert_eq!(
                (&*row.r#type, row.name.is_some()),
                ("socket", row.name_kind.is_some())
            );
            let is_text = !row.name.as_ref().is_some_and(|name| name.contains(r"\xf"));
            assert_eq!(row.name_hex.is_none(), is_text, "{row:?}");
        }
        rows
    }

    /// What ss has of it.
    pub(super) fn as_in_ss(&self) -> AsInSs {
        let queues = match self.state == "LISTEN" {
            true => [self.accept_queue, self.accept_limit],
            false => [self.receive_queue, self.send_queue],
        };
        let [first, second] = queues.map(|queue| queue.unwrap().to_string());
        let arrow = match self.shutdown.as_deref().unwrap() {
            "none" => "<->",
            "receive" => "-->",
            "send" => "<--",
            "both" => "---",
            other => panic!("{other}: {self:?}"),
        };
        [
            self.kind.clone(),
            self.state.clone(),
            first,
            second,
            self.inode.to_string(),
            self.peer_inode.unwrap_or(0).to_string(),
            arrow.to_owned(),
            self.accept_queue.unwrap_or(0).to_string(),
        ]
    }

    /// What `/proc/net/unix` has of it: `@` in the place of every NUL, and before an abstract name.
    pub(super) fn as_in_proc(&self) -> (String, String, u64, String) {
        let name = self.name.as_ref().map_or(String::new(), |name| {
            name.replace(r"\x00", "@").replace(r"\x40", "@")
        });
        (self.kind.clone(), self.state.clone(), self.inode, name)
    }
}

/// The rows of ss and their names, which may have line ends; `*` is none.
pub(super) fn rows_of_ss() -> Vec<(AsInSs, String)> {
    let output = command("ss").arg("-Hxane").run_to_end();
    let output = output.unwrap_or_else(|error| skip_or_fail("ss", &error));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rows = Vec::new();
    let mut begun = String::new();
    for line in text.lines() {
        begun += " ";
        begun += line;
        if let Some(row) = row(&begun) {
            rows.push(row);
            begun.clear();
        }
    }
    assert!(begun.is_empty(), "{begun}");
    rows
}

/// A row of ss, once all of its lines are there.
fn row(line: &str) -> Option<(AsInSs, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| word.parse::<u64>().is_ok())
    };
    // `INODE * PEER`, behind the name.
    let is_between = |at: &usize| words[*at] == "*" && is_number(at - 1) && is_number(at + 1);
    let star = (6..words.len()).rev().find(is_between)?;
    let arrow = words.get(star + 2)?;
    let kind = match words[0] {
        "u_str" => "unix-stream",
        "u_dgr" => "unix-dgram",
        "u_seq" => "unix-seqpacket",
        other => panic!("{other}: {line}"),
    };
    let state = match words[1] {
        "ESTAB" => "ESTABLISHED",
        "UNCONN" => "UNCONNECTED",
        other => other,
    };
    let waiting = words.iter().skip_while(|word| **word != "peers:").count();
    let waiting = waiting.saturating_sub(1).to_string();
    let row = [
        kind,
        state,
        words[2],
        words[3],
        words[star - 1],
        words[star + 1],
        arrow,
        &waiting,
    ];
    Some((row.map(str::to_owned), words[4..star - 1].join(" ")))
}
