//! What can be typed behind `cargo bench --bench race --`.

use std::path::PathBuf;

use clap::Parser;

use crate::crowd::recipe::{Kind, MOST_SOCKETS};

/// Races tcpstates against ss, netstat, node_exporter, /proc and minimal raw readers, on crowds of
/// real sockets in a network namespace of its own.
#[derive(Debug, Parser)]
#[command(name = "race", bin_name = "cargo bench --bench race --")]
pub(crate) struct Options {
    /// Sockets in the crowd; several, separated by commas. TIME_WAIT crowds stop at 130,000.
    #[arg(long, value_delimiter = ',', default_value = "10,1000,10000,100000,400000",
          value_parser = clap::value_parser!(u64).range(2..=MOST_SOCKETS))]
    pub(crate) sizes: Vec<u64>,

    /// Crowds to race on.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "established,time-wait,mixed,churn,time-wait-churn,served"
    )]
    pub(crate) crowds: Vec<Kind>,

    /// Rounds for each racer; by default 31 up to 1,000 sockets, 11 up to 100,000, 7 above.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: Option<u16>,

    /// Race only those whose name contains this; several, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) racers: Vec<String>,

    /// Up to 10,000 sockets, 3 rounds, no watching: to see that everything works.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Connections opened and closed a second in the churning crowds.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u64).range(100..=20_000))]
    pub(crate) churn_rate: u64,

    /// The program to race, where it is not the one cargo has just built; also $TCPSTATES_BIN.
    #[arg(long)]
    pub(crate) tcpstates: Option<PathBuf>,

    /// cargo adds this to every bench it runs.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The largest crowd of a quick race.
const QUICK_SOCKETS: u64 = 10_000;

/// From this size on watching costs enough to be measured.
const WATCHED_FROM: u64 = 100_000;

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
        let mut all = Vec::new();
        for kind in &self.crowds {
            for size in &self.sizes {
                let most = if self.quick {
                    QUICK_SOCKETS
                } else {
                    MOST_SOCKETS
                };
                let one = (*kind, kind.bounded((*size).min(most)));
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }

    pub(crate) fn watch_samples_for(&self, kind: Kind, sockets: u64) -> u32 {
        let watched = kind == Kind::Established && sockets >= WATCHED_FROM && !self.quick;
        if watched { 10 } else { 0 }
    }

    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.racers.is_empty() || self.racers.iter().any(|part| name.contains(part.as_str()))
    }
}
