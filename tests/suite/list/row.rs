//! Rows of a list, parsed from its table, its CSV and its JSON, whose types refuse unknown keys.

use serde::Deserialize;

use crate::answer::Owners;
use crate::program::Ran;

/// State, two queues, two ends; for a listener the queues are the accept queue and its limit.
pub(crate) type Row = [String; 5];

/// A socket with every optional key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    r#type: String,
    pub(crate) kind: Option<String>,
    pub(crate) state: String,
    pub(crate) family: String,
    pub(crate) local_addr: String,
    pub(crate) local_port: u16,
    pub(crate) remote_addr: String,
    pub(crate) remote_port: u16,
    pub(crate) receive_queue: Option<u32>,
    pub(crate) send_queue: Option<u32>,
    pub(crate) accept_queue: Option<u32>,
    pub(crate) accept_limit: Option<u32>,
    pub(crate) v6only: Option<bool>,
    pub(crate) interface: Option<String>,
    pub(crate) uid: Option<u32>,
    pub(crate) user: Option<String>,
    pub(crate) cgroup: Option<String>,
    pub(crate) timer: Option<String>,
    pub(crate) timer_remaining_ms: Option<u64>,
    pub(crate) drops: Option<u32>,
    pub(crate) receive_limit: Option<u32>,
    pub(crate) retransmits: Option<u32>,
    pub(crate) inode: Option<u64>,
    pub(crate) cookie: Option<u64>,
    pub(crate) mark: Option<u32>,
    pub(crate) rtt_us: Option<u32>,
    pub(crate) min_rtt_us: Option<u32>,
    pub(crate) cwnd: Option<u32>,
    pub(crate) mss_bytes: Option<u32>,
    pub(crate) unacked: Option<u32>,
    pub(crate) sacked: Option<u32>,
    pub(crate) retrans_now: Option<u32>,
    pub(crate) total_retrans: Option<u32>,
    pub(crate) lost: Option<u32>,
    pub(crate) data_segs_out: Option<u32>,
    pub(crate) bytes_sent: Option<u64>,
    pub(crate) bytes_acked: Option<u64>,
    pub(crate) bytes_received: Option<u64>,
    pub(crate) bytes_not_sent: Option<u32>,
    pub(crate) delivery_rate_bytes_per_second: Option<u64>,
    pub(crate) pacing_rate_bytes_per_second: Option<u64>,
    pub(crate) busy_time_us: Option<u64>,
    pub(crate) rwnd_limited_us: Option<u64>,
    pub(crate) last_data_sent_ms: Option<u32>,
    pub(crate) last_data_received_ms: Option<u32>,
    pub(crate) last_ack_received_ms: Option<u32>,
    pub(crate) congestion_control: Option<String>,
    pub(crate) processes: Option<Vec<Holder>>,
    pub(crate) never_accepted: Option<bool>,
    pub(crate) fd: Option<Vec<u32>>,
    pub(crate) command_line: Option<Vec<String>>,
    pub(crate) unit: Option<Vec<String>>,
    pub(crate) container: Option<Vec<String>>,
}

/// A process that owns a socket.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) fd: Option<u32>,
}

/// The last object of a sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    r#type: String,
    pub(crate) version: u32,
    pub(crate) time: String,
    pub(crate) source: String,
    pub(crate) complete: bool,
    pub(crate) total: usize,
    pub(crate) owners: Option<Owners>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

impl Listed {
    /// The only sample of a run.
    #[track_caller]
    pub(crate) fn all(ran: &Ran) -> (Vec<Listed>, Summary) {
        let mut lines: Vec<&str> = ran.stdout.lines().collect();
        let last = lines.pop().unwrap();
        let summary: Summary = serde_json::from_str(last).unwrap();
        let sockets: Vec<Listed> = lines
            .into_iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect();
        assert!(sockets.iter().all(|socket| socket.r#type == "socket"));
        assert_eq!((&*summary.r#type, summary.version), ("summary", 1));
        assert_eq!(summary.total, sockets.len());
        (sockets, summary)
    }

    pub(crate) fn row(&self) -> Row {
        let is_listener = self.state == "LISTEN";
        assert_eq!(self.receive_queue.is_none(), is_listener, "{self:?}");
        let queues = if is_listener {
            [self.accept_queue, self.accept_limit]
        } else {
            [self.receive_queue, self.send_queue]
        };
        let [first, second] = queues.map(|queue| queue.map_or("?".to_owned(), |n| n.to_string()));
        [
            self.state.clone(),
            first,
            second,
            endpoint(&self.local_addr, self.local_port),
            endpoint(&self.remote_addr, self.remote_port),
        ]
    }
}

fn endpoint(address: &str, port: u16) -> String {
    let port = if port == 0 {
        "*".to_owned()
    } else {
        port.to_string()
    };
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// The rows of a table that has all default columns.
#[track_caller]
pub(crate) fn rows_of_table(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let heading: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    let usual = ["STATE", "RECV-Q", "SEND-Q", "ACCEPT", "LOCAL", "REMOTE"];
    assert_eq!(heading[..6], usual);
    lines
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(words.len(), heading.len(), "{line}");
            let mut row = [0, 1, 2, 4, 5].map(|at| words[at].clone());
            if words[0] == "LISTEN" {
                assert_eq!(words[1..3], ["-", "-"], "{line}");
                let (waiting, limit) = words[3].split_once('/').unwrap();
                row[1] = waiting.to_owned();
                row[2] = limit.to_owned();
            } else {
                assert_eq!(words[3], "-", "{line}");
            }
            row
        })
        .collect()
}

/// The rows of a CSV.
#[track_caller]
pub(crate) fn rows_of_csv(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let get = |name| {
                let at = header.iter().position(|heading| heading == name).unwrap();
                record.get(at).unwrap()
            };
            let is_listener = get("state") == "LISTEN";
            let queues = if is_listener {
                [
                    "accept_queue",
                    "accept_limit",
                    "receive_queue",
                    "send_queue",
                ]
            } else {
                [
                    "receive_queue",
                    "send_queue",
                    "accept_queue",
                    "accept_limit",
                ]
            };
            assert_eq!([get(queues[2]), get(queues[3])], ["", ""], "{record:?}");
            let queue = |name| match get(name) {
                "" => "?".to_owned(),
                number => number.to_owned(),
            };
            [
                get("state").to_owned(),
                queue(queues[0]),
                queue(queues[1]),
                endpoint(get("local_addr"), get("local_port").parse().unwrap()),
                endpoint(get("remote_addr"), get("remote_port").parse().unwrap()),
            ]
        })
        .collect()
}
