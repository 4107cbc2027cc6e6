//! The options of `cargo bench --bench race --`, and the rounds and crowds that follow from them.

use std::path::PathBuf;

use clap::Parser;

use crate::crowd::{Kind, MOST_SOCKETS};

/// Races tcpstates against ss, netstat, node_exporter, /proc and minimal raw readers, on crowds of
/// real sockets in a network namespace of their own.
#[derive(Parser)]
#[command(name = "race", bin_name = "cargo bench --bench race --")]
pub(crate) struct Options {
    /// Sockets in the crowd, separated by commas; TIME_WAIT crowds have at most 130,000.
    #[arg(long, value_delimiter = ',', default_value = "10,1000,10000,100000,400000",
          value_parser = clap::value_parser!(u64).range(2..=MOST_SOCKETS))]
    sizes: Vec<u64>,

    /// Crowds to race on, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "established,time-wait,mixed,churn,time-wait-churn,served"
    )]
    crowds: Vec<Kind>,

    /// Rounds per racer [default: 31 up to 1,000 sockets, 11 up to 100,000, 7 above].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,

    /// Only racers whose name contains one of these, separated by commas.
    #[arg(long, value_delimiter = ',')]
    racers: Vec<String>,

    /// At most 10,000 sockets, 3 rounds, no --watch: to see that everything works.
    #[arg(long)]
    quick: bool,

    /// Connections opened and closed per second, at most, in the churning crowds.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u64).range(100..=20_000))]
    pub(crate) churn_rate: u64,

    /// The program to race, instead of the one that cargo built.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_tcpstates"), hide_default_value = true)]
    pub(crate) tcpstates: PathBuf,

    /// cargo adds this to every bench it runs.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    pub(crate) fn rounds_for(&self, sockets: u64) -> usize {
        let rounds = match (self.rounds, sockets) {
            (Some(rounds), _) => rounds,
            (None, _) if self.quick => 3,
            (None, ..=1_000) => 31,
            (None, ..=100_000) => 11,
            (None, _) => 7,
        };
        usize::from(rounds)
    }

    /// Crowds and sizes to race, each once, as large as their kind allows.
    pub(crate) fn crowds_and_sizes(&self) -> Vec<(Kind, u64)> {
        let most = if self.quick { 10_000 } else { MOST_SOCKETS };
        let mut all = Vec::new();
        for kind in &self.crowds {
            for size in &self.sizes {
                let one = (*kind, kind.bounded(*size.min(&most)));
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }

    /// Whether `tcpstates --watch 1` is measured: beside fewer sockets it costs too little for that.
    pub(crate) fn watches(&self, kind: Kind, sockets: u64) -> bool {
        kind == Kind::Established && sockets >= 100_000 && !self.quick
    }

    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.racers.is_empty() || self.racers.iter().any(|part| name.contains(part.as_str()))
    }
}
