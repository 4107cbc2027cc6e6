//! The options of `record`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::{kinds, parse_duration};
use super::{KindLetters, MessageOptions, Namespaces};
use crate::model::KindSet;

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 recorded, 1 cannot observe or cannot write, 2 usage error, 3 recorded, but incomplete.";

/// Record evidence in a file, to be asked later or elsewhere by --from FILE
///
/// Two moments with a window between them: all sockets of this network namespace with what TCP
/// measures, the processes that hold them, and the kernel's counters and settings. No data of a
/// connection is recorded. The file is JSON, a line for each, in gzip: zcat FILE | jq.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output", help_template = examples!(
    "  tcpstates record incident.rec              before a restart
  tcpstates doctor --from incident.rec       what was wrong
  tcpstates --from incident.rec --by process what they had open"
))]
pub struct Record {
    /// The file, which must not exist
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Only sockets that match, in the expression language of ss, and all listeners
    ///
    /// Every answer from the file is about these sockets, and says so.
    #[arg(value_name = "FILTER", help_heading = "Selection")]
    pub words: Vec<String>,

    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,

    /// Record the arguments of processes too, which may hold passwords
    #[arg(long)]
    pub command_lines: bool,

    /// Put other addresses and names in the place of those of this host, for sending the file to others
    ///
    /// The same for the same in the whole file. Addresses with a common prefix still have one; loopback
    /// addresses, ports, and what the kernel counts stay.
    #[arg(long, conflicts_with = "command_lines")]
    pub anonymize: bool,

    /// How long to wait between the two moments (0.05s to 24h, as in 2, 500ms, 5m)
    ///
    /// Five seconds are as long as doctor watches connections that it suspects.
    #[arg(long, value_name = "DURATION", default_value = "5")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub window: Duration,

    /// Only sockets of these kinds, separated by commas (default: all); repeatable
    #[arg(
        short = 'A',
        long = "kind",
        visible_alias = "query",
        value_name = "LIST"
    )]
    #[arg(value_delimiter = ',', value_parser = kinds(), help_heading = "Selection")]
    pub kinds: Vec<KindSet>,

    /// Those of ss that name kinds.
    #[command(flatten)]
    pub letters: KindLetters,

    /// Which network namespace.
    #[command(flatten)]
    pub namespaces: Namespaces,

    /// How much to print on standard error.
    #[command(flatten)]
    pub messages: MessageOptions,
}
