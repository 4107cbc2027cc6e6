//! The options of `list`, as typed.

use std::num::NonZeroUsize;

use clap::Args;

use super::values::{fields, parse_count};
use super::{Explaining, KindOption, Presentation, Repetition, Selection, Sourcing, SsLetters};
use crate::model::{Field, SortKey, Use, hint};

/// List the sockets, one per row
///
/// State, queues and addresses of each, and the columns of --columns; the accept queue and its
/// limit for listeners. Rows are written as the kernel sends them, unless they are sorted.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output", help_template = examples!(
    "  tcpstates list --process sport = :443                  a port, with the programs
  tcpstates list --sort send-queue:desc --limit 20       where the most data waits to be sent
  tcpstates list --columns rtt,total-retrans dst 10/8    measures of TCP"
))]
pub struct List {
    /// Which sockets.
    #[command(flatten)]
    pub selection: Selection,

    /// Whether the filter is explained instead.
    #[command(flatten)]
    pub explaining: Explaining,

    /// Which kinds.
    #[command(flatten)]
    pub kinds: KindOption,

    /// Letters of ss.
    #[command(flatten)]
    pub letters: SsLetters,

    /// Show the processes that hold each socket: name and pid; short for --columns process
    ///
    /// All of them, if several share it. Processes in parentheses have not accepted the connection
    /// yet.
    #[arg(short, long, alias = "processes")]
    pub process: bool,

    /// Show these columns too, separated by commas
    ///
    /// They follow the state, the queues and both addresses, in this order. Repeatable. On a
    /// terminal that is too narrow, queues are omitted, which a note names, then long values are
    /// shortened, then rows continue on another line; these columns are always shown. Headings and
    /// keys have the unit (RTT-US, rtt_us). Listeners, TIME_WAIT and half-open requests have no
    /// measurements of TCP, except the congestion control of a listener.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    #[arg(value_parser = fields(Use::Column, parse_column))]
    pub columns: Vec<Field>,

    /// Sort by these keys: KEY or KEY:desc, separated by commas
    ///
    /// Later keys order the sockets that the earlier ones leave equal. A socket without a value
    /// comes last. Repeatable. Without it rows are written in the kernel's order, as they arrive.
    #[arg(long, value_name = "KEY[:asc|:desc]", value_delimiter = ',')]
    #[arg(value_parser = fields(Use::Sort, parse_sort_key))]
    pub sort: Vec<SortKey>,

    /// Show at most N sockets; without --sort, no more are read from the kernel
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    #[arg(value_parser = parse_count::<NonZeroUsize>)]
    pub limit: Option<NonZeroUsize>,

    /// How they are shown.
    #[command(flatten)]
    pub presentation: Presentation,

    /// How often.
    #[command(flatten)]
    pub repetition: Repetition,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}

/// The manual page with all columns and sort keys.
const PAGE: &str = "tcpstates-list(1)";

/// One word of `--columns`; the usual columns may be named too.
fn parse_column(word: &str) -> Result<Field, String> {
    let word = word.trim();
    if ["pid", "program", "command"].contains(&word) {
        return Err(
            "no such column; `process` shows the name and the pid of each process".to_owned(),
        );
    }
    Field::parse(word, Use::Column).or_else(|valid| {
        Field::parse(word, Use::Sort)
            .map_err(|_| format!("no such column; {}", hint(word, &valid, PAGE)))
    })
}

/// One word of `--sort`.
fn parse_sort_key(word: &str) -> Result<SortKey, String> {
    let word = word.trim();
    let (name, descending) = match word.split_once(':') {
        None => (word, false),
        Some((name, direction)) => match direction.to_lowercase().as_str() {
            "asc" => (name, false),
            "desc" => (name, true),
            _ => {
                return Err(format!(
                    "no such order `{direction}`; allowed are asc, desc"
                ));
            }
        },
    };
    Field::parse(name, Use::Sort)
        .map(|field| SortKey { field, descending })
        .map_err(|valid| format!("cannot sort by `{name}`; {}", hint(name, &valid, PAGE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sort_key_is_a_field_and_maybe_a_direction() {
        for (word, field, descending) in [
            ("send-queue", Field::SendQueue, false),
            ("Send_Q:DESC", Field::SendQueue, true),
            ("dport:asc", Field::RemotePort, false),
        ] {
            assert_eq!(parse_sort_key(word), Ok(SortKey { field, descending }));
        }
    }

    #[test]
    fn every_column_can_be_named_also_a_usual_one() {
        for (word, field) in [
            ("uid", Field::Uid),
            ("state", Field::State),
            ("recv-q", Field::ReceiveQueue),
        ] {
            assert_eq!(parse_column(word), Ok(field));
        }
    }

    #[test]
    fn an_invalid_key_or_column_is_refused_with_the_nearest_and_the_valid_ones() {
        for (error, expected) in [
            (
                parse_sort_key("send-qeue").unwrap_err(),
                "did you mean send-queue",
            ),
            (
                parse_sort_key("uid:down").unwrap_err(),
                "no such order `down`; allowed are asc, desc",
            ),
            (parse_sort_key("user").unwrap_err(), "cannot sort by `user`"),
            (parse_sort_key("").unwrap_err(), "tcpstates-list(1) has all"),
            (parse_column("cgrup").unwrap_err(), "did you mean cgroup"),
            (parse_column("pid").unwrap_err(), "`process` shows"),
            (parse_column("service").unwrap_err(), "no such column"),
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }
}
