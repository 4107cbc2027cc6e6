//! The options of `record`, as typed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::values::{kinds, parse_count, parse_duration, parse_keep, parse_size};
use super::{KindLetters, MessageOptions, Namespaces};
use crate::model::KindSet;

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 recorded, 1 cannot observe or cannot write, 2 usage error, 3 recorded, but incomplete.";

/// Record evidence in a file, to be asked later or elsewhere by --from FILE
///
/// Two moments with a window between them: all sockets of this network namespace, or of others with
/// -N, with what TCP measures, the processes that hold them, and the kernel's counters and settings. No
/// data of a connection is recorded. The file is JSON, a line for each, in gzip: zcat FILE | jq.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output", help_template = examples!(
    "  tcpstates record incident.rec              before a restart
  tcpstates doctor --from incident.rec       what was wrong
  tcpstates --from incident.rec --by process what they had open
  tcpstates record day.rec --every 10s       a sample every ten seconds, of the last day"
))]
pub struct Record {
    /// The file, which must not exist; with --every, a record is continued
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Only sockets that match, in the expression language of ss, and all listeners
    ///
    /// Every answer from the file is about these sockets, and says so. With --every, samples are too, and
    /// rules about the host are not applied.
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
    /// The same for the same in the whole file, or in a file that was continued, in each run: the key is not
    /// kept. Addresses with a common prefix still have one; loopback
    /// addresses, ports, and what the kernel counts stay.
    #[arg(long, conflicts_with = "command_lines")]
    pub anonymize: bool,

    /// How long to wait between the two moments (0.05s to 24h, as in 2, 500ms, 5m)
    ///
    /// Five seconds are as long as doctor watches connections that it suspects.
    #[arg(long, value_name = "DURATION", default_value = "5")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub window: Duration,

    /// Go on: record a sample at this interval, and two moments when something is wrong
    ///
    /// A sample has the numbers of sockets by state, by service, peer and process, and the counters and
    /// settings. When a rule of doctor finds something critical, two moments with all sockets follow, at most
    /// once in ten minutes for the same rule. A file that was recorded so is continued.
    #[arg(long, value_name = "DURATION", help_heading = "Repetition")]
    #[arg(value_parser = parse_duration, allow_hyphen_values = true)]
    pub every: Option<Duration>,

    /// Remove what is older (1m to 720h; default 24h)
    #[arg(
        long,
        value_name = "DURATION",
        help_heading = "Repetition",
        requires = "every"
    )]
    #[arg(value_parser = parse_keep, allow_hyphen_values = true)]
    pub keep: Option<Duration>,

    /// Remove the oldest before the file becomes longer (1MiB to 1024GiB; default 256MiB)
    #[arg(
        long,
        value_name = "SIZE",
        help_heading = "Repetition",
        requires = "every"
    )]
    #[arg(value_parser = parse_size, allow_hyphen_values = true)]
    pub size: Option<u64>,

    /// Stop after N samples
    #[arg(
        long,
        value_name = "N",
        help_heading = "Repetition",
        requires = "every"
    )]
    #[arg(value_parser = parse_count::<NonZeroU64>, allow_hyphen_values = true)]
    pub samples: Option<NonZeroU64>,

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
