//! The options that say who is asked, as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who is asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Who is asked")]
pub struct Sourcing {
    /// Where sockets come from
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SourceChoice::Auto)]
    pub source: SourceChoice,

    /// Read the tables of another proc file system: a host's, seen from a container
    ///
    /// Reads DIR/1/net/tcp and tcp6, or DIR/net/... in a copied tree, and says which. Implies
    /// --source proc.
    #[arg(long, value_name = "DIR")]
    pub proc_root: Option<PathBuf>,
}

/// Which source may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SourceChoice {
    /// Netlink, with the kernel's counters for large tables; or /proc where netlink is refused
    #[default]
    Auto,
    /// Netlink or nothing, with every socket listed
    Netlink,
    /// Netlink or nothing, with the kernel's counters wherever they can serve
    #[value(name = "netlink+counters")]
    NetlinkAndCounters,
    /// The tables /proc/net/tcp and tcp6
    Proc,
}
