//! The options that say how a summary is grouped, as typed.

use std::num::NonZeroUsize;

use clap::Args;

use super::values::{parse_keys, parse_top};
use crate::model::GroupKey;

/// The keys of `--by`, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(pub Vec<GroupKey>);

/// How sockets are grouped.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which groups")]
pub struct Grouping {
    /// Count by group: by one key, or by several separated by commas
    ///
    /// Keys: state, family, local-addr, local-port, remote-addr, remote-port, direction, service,
    /// interface, uid, user, cgroup, process, pid. Addresses take a prefix: remote-addr/24 folds IPv4 to /24
    /// and IPv6 to /64; remote-addr/24,/56 sets both.
    #[arg(long, value_name = "KEYS", value_parser = parse_keys)]
    pub by: Option<Keys>,

    /// Show the N largest groups and add up the others
    #[arg(long, value_name = "N", value_parser = parse_top, allow_hyphen_values = true)]
    pub top: Option<NonZeroUsize>,
}
