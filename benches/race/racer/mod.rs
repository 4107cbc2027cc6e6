//! The racers: their command lines, the crowds they race on, and what they have to report. Starts
//! none of them.

pub(crate) mod answer;
pub(crate) mod exporter;
pub(crate) mod raw;

use std::env;

use anyhow::{Context, Result};

use crate::crowd::Kind;
use crate::options::Options;
use Crowds::{All, Connected, Counted, Owned};
use answer::Question::{self, Everything, Nothing, RareStates, TimeWait, V4};
use answer::Shape::{self, Json, Lines, Metrics, Summary, Words};
use raw::{DESCRIPTORS, ONE_WALK};

/// Where racers are looked for; also their PATH.
pub(crate) const TOOL_FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// One command of a pipeline: the full path of a program, so that no racer pays for a search, and
/// its arguments.
pub(crate) type Stage = Vec<String>;

/// How to parse what a racer prints, and what it must be; absent where it is not counted.
type Check = Option<(Shape, Question)>;

/// The crowds that a racer takes part in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowds {
    All,
    /// All but `served`.
    Counted,
    /// `established` only: rows, groups and filters cost the same for every kind of socket.
    Connected,
    /// `served` only, for owning processes. `ss -tanp` is left out: its table of processes has 256
    /// slots, so that its time grows with the square of their number.
    Owned,
}

pub(crate) struct Racer {
    pub(crate) name: &'static str,
    /// Processes with pipes between them.
    pub(crate) stages: Vec<Stage>,
    pub(crate) check: Check,
    on: Crowds,
}

pub(crate) const SCRAPE: &str = "node_exporter scrape";
pub(crate) const BY_PEER: &str = "tcpstates --by remote-addr --top 10";
pub(crate) const SS_BY_PEER: &str = "ss -tanH | awk | sort | uniq -c | sort | head";
pub(crate) const TCP_INFO: &str = "tcpstates list --columns rtt,cwnd";
pub(crate) const SEND_QUEUES: &str = "tcpstates list --sort send-queue:desc --limit 20";
pub(crate) const BY_DEVICE: &str = "tcpstates dev lo and sport = :1";
pub(crate) const OWNERS: &str = "tcpstates list -p > file";

/// The end of the name of a racer whose output is kept in a file.
const TO_FILE: &str = " > file";

/// All racers in running order. The name is the command line unless `command_line` has another.
#[rustfmt::skip]
const RACERS: [(&str, Crowds, Check); 33] = [
    ("tcpstates", All, Some((Json, Everything))),
    ("tcpstates --source netlink", Counted, Some((Json, Everything))),
    ("tcpstates --source proc", Counted, Some((Json, Everything))),
    ("tcpstates -4", Counted, Some((Json, V4))),
    ("ss -tan | awk", Counted, Some((Words, Everything))),
    ("ss -tan", Counted, None),
    ("netstat -tan | awk", Counted, Some((Words, Everything))),
    ("ss -s", Counted, Some((Summary, TimeWait))),
    ("cat tcp tcp6 | wc -l", Counted, Some((Lines, Everything))),
    ("cat tcp tcp6", Counted, None),
    (BY_PEER, Connected, None),
    ("tcpstates list > file", Connected, None),
    (TCP_INFO, Connected, None),
    (SEND_QUEUES, Connected, None),
    ("tcpstates sport = :1", Connected, Some((Json, Nothing))),
    (BY_DEVICE, Connected, Some((Json, Nothing))),
    ("tcpstates uid != 4000000000", Connected, Some((Json, Everything))),
    (SS_BY_PEER, Connected, None),
    ("ss -tan > file", Connected, None),
    ("ss -tan sport = :1", Connected, None),
    ("ss -tan dev lo and sport = :1", Connected, None),
    ("ss -tanio", Connected, None),
    (SCRAPE, Counted, Some((Metrics, Everything))),
    (OWNERS, Owned, None),
    ("tcpstates --by process", Owned, None),
    ("tcpstates list -l -p", Owned, None),
    ("ss -tlnp", Owned, None),
    (DESCRIPTORS, Owned, None),
    ("raw dump, two families", Counted, Some((Words, Everything))),
    (ONE_WALK, Counted, Some((Words, Everything))),
    ("raw dump, one walk with tcp_info", Connected, Some((Words, Everything))),
    ("raw dump, rare states", Counted, Some((Words, RareStates))),
    ("raw dump, one family", Counted, Some((Words, V4))),
];

/// The command line of a racer whose name abbreviates it.
fn command_line(name: &'static str) -> &'static str {
    match name {
        "ss -tan | awk" => "ss -tan | awk {s[$1]++} END{for (i in s) print i, s[i]}",
        "netstat -tan | awk" => {
            "netstat -tan | awk /^tcp/{s[$6]++} END{for (i in s) print i, s[i]}"
        }
        "cat tcp tcp6 | wc -l" => "cat /proc/net/tcp /proc/net/tcp6 | wc -l",
        "cat tcp tcp6" => "cat /proc/net/tcp /proc/net/tcp6",
        SS_BY_PEER => {
            "ss -tanH | awk {sub(/:[0-9*]+$/,\"\",$5); print $5} | sort | uniq -c | sort -rn | head"
        }
        SCRAPE => exporter::PROGRAM,
        _ => name.trim_end_matches(TO_FILE),
    }
}

/// The racers that are wanted and installed; `notes` says which are not installed.
pub(crate) fn assemble(options: &Options, notes: &mut Vec<String>) -> Vec<Racer> {
    let mut racers = Vec::new();
    for (name, on, check) in RACERS {
        if !options.is_wanted(name) {
            continue;
        }
        let lines = command_line(name).split(" | ");
        match lines.map(|line| parse_stage(line, options)).collect() {
            Err(reason) => notes.push(format!("{name}: {reason:#}, left out")),
            Ok(stages) => racers.push(Racer {
                name,
                stages,
                check,
                on,
            }),
        }
    }
    racers
}

/// Splits one command of a pipeline at blanks. An awk program is the rest of its line; a raw racer
/// is this program with the name of the racer.
fn parse_stage(line: &str, options: &Options) -> Result<Stage> {
    let (tool, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let mut paths = env::split_paths(TOOL_FOLDERS).map(|folder| folder.join(tool));
    let path = match tool {
        "tcpstates" => Some(options.tcpstates.clone()),
        "raw" => Some(env::current_exe()?),
        _ => paths.find(|path| path.exists()),
    };
    let path = path.filter(|path| path.exists());
    let path = path.with_context(|| format!("{tool} is not installed"))?;
    let mut stage = vec![path.to_string_lossy().into_owned()];
    match tool {
        "awk" => stage.push(arguments.into()),
        "raw" => stage.push(line.into()),
        _ => stage.extend(arguments.split_whitespace().map(String::from)),
    }
    Ok(stage)
}

impl Racer {
    pub(crate) fn races_on(&self, kind: Kind) -> bool {
        match self.on {
            All => true,
            Counted => kind != Kind::Served,
            Connected => kind == Kind::Established,
            Owned => kind == Kind::Served,
        }
    }

    /// Whether its output is kept; long listings are not, unless writing them is measured.
    pub(crate) fn keeps_output(&self) -> bool {
        self.check.is_some() || self.name.ends_with(TO_FILE)
    }

    /// The command whose output is checked: tcpstates is timed as a person runs it, with its table,
    /// and checked by its JSON.
    pub(crate) fn checked_stages(&self) -> Vec<Stage> {
        let mut stages = self.stages.clone();
        if let (Some((Json, _)), Some(stage)) = (self.check, stages.last_mut()) {
            stage.push("--json".into());
        }
        stages
    }
}
