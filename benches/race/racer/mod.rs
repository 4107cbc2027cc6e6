//! Who races: command lines and what their output means. It starts nothing; `measure` does.

pub(crate) mod answer;
pub(crate) mod exporter;
pub(crate) mod owners;
pub(crate) mod raw;

use std::path::{Path, PathBuf};

use answer::{Question, Shape};

use crate::crowd::recipe::Kind;

/// Where the outside's tools are looked for; also the racers' own PATH.
pub(crate) const TOOL_FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A command line; racers of several are pipelines.
pub(crate) type Stage = Vec<String>;

#[derive(Clone, Debug)]
pub(crate) enum Runner {
    /// Processes, piped into each other, started and ended for every round.
    Pipeline(Vec<Stage>),
    /// A request to the node_exporter that runs beside the crowd.
    Scrape,
}

/// How to learn a racer's counts; the timed command line itself where that prints them.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) runner: Runner,
    pub(crate) shape: Shape,
    pub(crate) question: Question,
}

#[derive(Clone, Debug)]
pub(crate) struct Racer {
    pub(crate) name: &'static str,
    pub(crate) runner: Runner,
    pub(crate) check: Option<Check>,
}

pub(crate) const TCPSTATES: &str = "tcpstates";
pub(crate) const TCPSTATES_NETLINK: &str = "tcpstates --source netlink";
pub(crate) const TCPSTATES_PROC: &str = "tcpstates --source proc";
pub(crate) const TCPSTATES_V4: &str = "tcpstates -4";
pub(crate) const TCPSTATES_BY: &str = "tcpstates --by remote-addr --top 10";
pub(crate) const TCPSTATES_LIST: &str = "tcpstates list > file";
pub(crate) const TCPSTATES_SORT: &str = "tcpstates list --sort send-queue:desc --limit 20";
pub(crate) const TCPSTATES_PORT: &str = "tcpstates sport = :1";
pub(crate) const TCPSTATES_DEV: &str = "tcpstates dev lo and sport = :1";
pub(crate) const TCPSTATES_JUDGE: &str = "tcpstates uid != 4000000000";
pub(crate) const SS_PORT: &str = "ss -tan sport = :1";
pub(crate) const SS_DEV: &str = "ss -tan dev lo and sport = :1";
pub(crate) const TCPSTATES_INFO: &str = "tcpstates list --columns rtt,cwnd";
pub(crate) const SS_GROUPS: &str = "ss -tanH | awk | sort | uniq -c | sort | head";
pub(crate) const SS_FILE: &str = "ss -tan > file";
pub(crate) const SS_AWK: &str = "ss -tan | awk";
pub(crate) const SS: &str = "ss -tan";
pub(crate) const SS_SUMMARY: &str = "ss -s";
pub(crate) const NETSTAT_AWK: &str = "netstat -tan | awk";
pub(crate) const CAT_LINES: &str = "cat tcp tcp6 | wc -l";
pub(crate) const CAT: &str = "cat tcp tcp6";
pub(crate) const EXPORTER: &str = "node_exporter scrape";
pub(crate) const RAW_TWO_FAMILIES: &str = "raw dump, two families";
pub(crate) const RAW_ONE_WALK: &str = "raw dump, one walk";
pub(crate) const RAW_TCP_INFO: &str = "raw dump, one walk with tcp_info";
pub(crate) const SS_INFO: &str = "ss -tanio";
pub(crate) const RAW_RARE_STATES: &str = "raw dump, rare states";
pub(crate) const RAW_ONE_FAMILY: &str = "raw dump, one family";

/// How the name of a racer ends whose output is kept in a file.
const TO_FILE: &str = " > file";

/// Everyone who is here, in running order; `absent` is told who is not.
pub(crate) fn assemble(
    tcpstates: Option<&Path>,
    exporter: bool,
    own: &Path,
    absent: &mut Vec<String>,
) -> Vec<Racer> {
    let mut racers = Vec::new();
    match tcpstates.filter(|path| path.exists()) {
        Some(path) => racers.extend(our_program(&path.to_string_lossy())),
        None => absent.push("tcpstates: not built yet, left out".into()),
    }
    let (files, count) = (["/proc/net/tcp", "/proc/net/tcp6"], Shape::Words);
    racers.extend([
        tool(SS_AWK, &["ss -tan", &awk("{s[$1]++}")], Some(count)),
        tool(SS, &["ss -tan"], None),
        tool(
            NETSTAT_AWK,
            &["netstat -tan", &awk("/^tcp/{s[$6]++}")],
            Some(count),
        ),
        tool(SS_SUMMARY, &["ss -s"], Some(Shape::Summary)),
        tool(
            CAT_LINES,
            &[&format!("cat {}", files.join(" ")), "wc -l"],
            Some(Shape::Lines),
        ),
        tool(CAT, &[&format!("cat {}", files.join(" "))], None),
    ]);
    racers.extend(details(tcpstates));
    racers.retain(|racer| racer.tools_are_here(absent));
    if exporter {
        racers.push(racer(
            EXPORTER,
            Runner::Scrape,
            Some((Shape::Metrics, Question::Everything)),
        ));
    }
    let own = own.to_string_lossy();
    let held = owners::assemble(tcpstates, &own).into_iter();
    racers.extend(held.filter(|racer| racer.tools_are_here(absent)));
    for (name, dump, question) in [
        (RAW_TWO_FAMILIES, "two-families", Question::Everything),
        (RAW_ONE_WALK, raw::ONE_WALK, Question::Everything),
        (RAW_TCP_INFO, "tcp-info", Question::Everything),
        (RAW_RARE_STATES, "rare-states", Question::RareStates),
        (RAW_ONE_FAMILY, "one-family", Question::V4),
    ] {
        let stage = vec![own.to_string(), "raw-dump".into(), dump.into()];
        let runner = Runner::Pipeline(vec![stage]);
        racers.push(racer(name, runner, Some((Shape::Words, question))));
    }
    racers
}

/// Groups, lists and filters, and the tools that give them today. They race on connections only: elsewhere
/// they cost the same for each socket.
fn details(path: Option<&Path>) -> Vec<Racer> {
    let mut racers = Vec::new();
    if let Some(path) = path.filter(|path| path.exists()) {
        let path = path.to_string_lossy();
        racers.extend(
            [TCPSTATES_BY, TCPSTATES_LIST, TCPSTATES_INFO, TCPSTATES_SORT].map(|name| Racer {
                name,
                runner: Runner::Pipeline(vec![our_stage(&path, name)]),
                check: None,
            }),
        );
        racers.extend(
            [
                (TCPSTATES_PORT, Question::Nothing),
                (TCPSTATES_DEV, Question::Nothing),
                (TCPSTATES_JUDGE, Question::Everything),
            ]
            .map(|(name, question)| our_racer(&path, name, question)),
        );
    }
    let address = "awk {sub(/:[0-9*]+$/,\"\",$5); print $5}";
    racers.extend([
        tool(
            SS_GROUPS,
            &["ss -tanH", address, "sort", "uniq -c", "sort -rn", "head"],
            None,
        ),
        tool(SS_FILE, &["ss -tan"], None),
        tool(SS_PORT, &[SS_PORT], None),
        tool(SS_DEV, &[SS_DEV], None),
        tool(SS_INFO, &["ss -tanio"], None),
    ]);
    racers
}

/// Our program with the arguments in a racer's name.
fn our_stage(path: &str, name: &str) -> Stage {
    let arguments = name.trim_end_matches(TO_FILE).split(' ').skip(1);
    std::iter::once(path)
        .chain(arguments)
        .map(String::from)
        .collect()
}

/// The program as it summarises.
fn our_program(path: &str) -> [Racer; 4] {
    [
        (TCPSTATES, Question::Everything),
        (TCPSTATES_NETLINK, Question::Everything),
        (TCPSTATES_PROC, Question::Everything),
        (TCPSTATES_V4, Question::V4),
    ]
    .map(|(name, question)| our_racer(path, name, question))
}

/// Timed as a person runs it, its table included; checked by its JSON.
fn our_racer(path: &str, name: &'static str, question: Question) -> Racer {
    let stage = our_stage(path, name);
    let mut checked = stage.clone();
    checked.push("--json".into());
    Racer {
        name,
        runner: Runner::Pipeline(vec![stage]),
        check: Some(Check {
            runner: Runner::Pipeline(vec![checked]),
            shape: Shape::Json,
            question,
        }),
    }
}

/// Several tools, piped; words are split at spaces, an awk program is the rest of its line.
fn tool(name: &'static str, lines: &[&str], shape: Option<Shape>) -> Racer {
    let stages = lines.iter().map(|line| match line.strip_prefix("awk ") {
        Some(program) => vec!["awk".into(), program.into()],
        None => line.split(' ').map(String::from).collect(),
    });
    racer(
        name,
        Runner::Pipeline(stages.collect()),
        shape.map(|shape| (shape, Question::Everything)),
    )
}

fn awk(counting: &str) -> String {
    format!("awk {counting} END{{for (i in s) print i, s[i]}}")
}

fn racer(name: &'static str, runner: Runner, told: Option<(Shape, Question)>) -> Racer {
    let check = told.map(|(shape, question)| Check {
        runner: runner.clone(),
        shape,
        question,
    });
    Racer {
        name,
        runner,
        check,
    }
}

impl Racer {
    /// Whether what it prints is kept; long listings go nowhere, unless that is the question.
    pub(crate) fn keeps_output(&self) -> bool {
        self.check.is_some() || self.name.ends_with(TO_FILE)
    }

    /// Whether it takes part in a crowd of this kind.
    pub(crate) fn races_on(&self, kind: Kind) -> bool {
        const DETAILS: [&str; 13] = [
            TCPSTATES_BY,
            TCPSTATES_LIST,
            TCPSTATES_SORT,
            TCPSTATES_PORT,
            TCPSTATES_DEV,
            TCPSTATES_JUDGE,
            SS_GROUPS,
            SS_FILE,
            SS_PORT,
            SS_DEV,
            TCPSTATES_INFO,
            SS_INFO,
            RAW_TCP_INFO,
        ];
        match kind {
            Kind::Served => self.name == TCPSTATES || owners::NAMES.contains(&self.name),
            Kind::Established => !owners::NAMES.contains(&self.name),
            Kind::TimeWait | Kind::Mixed | Kind::Churn | Kind::TimeWaitChurn => {
                !owners::NAMES.contains(&self.name) && !DETAILS.contains(&self.name)
            }
        }
    }

    fn tools_are_here(&self, absent: &mut Vec<String>) -> bool {
        let Runner::Pipeline(stages) = &self.runner else {
            return true;
        };
        let missing = stages
            .iter()
            .filter_map(|stage| stage.first())
            .find(|tool| find_tool(tool).is_none());
        if let Some(tool) = missing {
            absent.push(format!("{}: {tool} is not installed, left out", self.name));
        }
        missing.is_none()
    }
}

/// The full path of a tool, so that no racer pays for a search.
pub(crate) fn find_tool(tool: &str) -> Option<PathBuf> {
    TOOL_FOLDERS
        .split(':')
        .map(|folder| Path::new(folder).join(tool))
        .find(|path| path.exists())
}
