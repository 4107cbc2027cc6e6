//! The option that bounds the search for the holders of sockets, as typed.

use std::time::Duration;

use clap::Args;

use super::values::parse_seconds;

/// How the processes that hold sockets are looked for.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Who is asked")]
pub struct Owning {
    /// Look for processes no longer than so many seconds (0.05 to 86400, fractions allowed)
    ///
    /// Only where processes are asked for. What was found by then is shown, and the answer is
    /// incomplete. Without it the search takes as long as it takes: some 3 microseconds for each
    /// open file of the host.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_hyphen_values = true
    )]
    pub owner_timeout: Option<Duration>,
}
