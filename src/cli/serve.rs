//! The options of `serve`, as typed.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::keys::parse_series_keys;
use super::values::{fields, kinds, parse_count};
use super::{Keys, MessageOptions, Sourcing};
use crate::model::{KindSet, Use};

pub(super) const EXIT_STATUS: &str = "\
Exit status: 0 complete page, 1 cannot observe or cannot write, 2 usage error,
3 incomplete page. The manual is tcpstates-serve(1).";

/// Serve metrics to Prometheus, or write them for a textfile collector
///
/// Answers GET /metrics, in the text format that the client prefers, until SIGTERM; one sample for all
/// requests that arrive while it is taken or soon after. The sockets in each state, the accept queue of
/// each listener, and the kernel's counters and limits of TCP, each with a name that stays the same. What
/// is unknown is absent, and tcpstates_complete is 0 for a part that was not read completely.
#[derive(Debug, Args)]
// A record does not change.
#[command(mut_arg("from", |arg| arg.hide(true)), mut_arg("at", |arg| arg.hide(true)))]
#[command(next_help_heading = "Output", help_template = examples!(
    "  tcpstates serve                     for an agent on this host
  tcpstates serve --listen :10227     for Prometheus on another host, without encryption
  tcpstates serve --once              the page, once"
))]
pub struct Serve {
    /// Listen at this address and port, instead of port 10227 of 127.0.0.1 and ::1; repeatable
    ///
    /// ADDRESS:PORT, with brackets around an IPv6 address, localhost:PORT, or :PORT for all addresses.
    /// There is no encryption and no password: the page names the addresses at which this host listens.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_listen)]
    #[arg(alias = "web.listen-address", conflicts_with = "once")]
    pub listen: Vec<ListenOn>,

    /// Sockets of these kinds too, separated by commas, as udp,unix or all; repeatable
    ///
    /// Every series of tcpstates_sockets has the label `kind` then, those of TCP as well.
    #[arg(
        short = 'A',
        long = "kind",
        visible_alias = "query",
        value_name = "LIST"
    )]
    #[arg(value_delimiter = ',', value_parser = kinds(), help_heading = "Metrics")]
    pub kinds: Vec<KindSet>,

    /// Sockets by group too; repeatable, each with keys separated by commas
    ///
    /// Groups with a hundredth of the sockets in some state, and ten of them, have series; the others
    /// are added up. Keys: family, local-addr, remote-addr (also with a prefix, as remote-addr/24),
    /// direction, service, interface, uid, user, cgroup, process; of several network namespaces, netns
    /// with others. Every socket is listed then.
    #[arg(long, value_name = "KEYS", help_heading = "Metrics")]
    #[arg(value_parser = fields(Use::Series, parse_series_keys))]
    pub by: Vec<Keys>,

    /// The most groups of each --by, and network namespaces, that have series (default 20, at most 100)
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        help_heading = "Metrics"
    )]
    #[arg(value_parser = parse_top)]
    pub top: Option<NonZeroU8>,

    /// The ports that connections to each destination take, of the destinations that take most
    #[arg(long, help_heading = "Metrics")]
    pub ports: bool,

    /// What tcpstates doctor finds: how many findings of each rule and severity
    ///
    /// The rules compare the sockets with those of the last sample, 1 s to 10 minutes ago; with --once, of
    /// a first one 5 s before the page. Every socket is listed then.
    #[arg(long, help_heading = "Metrics")]
    pub doctor: bool,

    /// Print the page once, and exit
    #[arg(long)]
    pub once: bool,

    /// Write the page to FILE, for the textfile collector of node_exporter
    ///
    /// It is written to a file in the same directory and renamed, so that no reader sees half of it, with
    /// mode 0644. FILE must not be a symbolic link.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// The format of the page that is printed or written once (default classic)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<PageFormatName>,

    /// How much to print on standard error.
    #[command(flatten)]
    pub messages: MessageOptions,

    /// Which sources are used.
    #[command(flatten)]
    pub sourcing: Sourcing,
}

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageFormatName {
    /// Prometheus text format 0.0.4; the textfile collector reads no other
    Classic,
    /// OpenMetrics 1.0
    Openmetrics,
}

/// Which addresses are listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The loopback addresses of both families.
    Loopback,
    /// All addresses of both families.
    Everywhere,
    /// One address, with the port, and the interface of a link-local one.
    One(SocketAddr),
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOn {
    /// At which addresses.
    pub place: Place,
    /// At which port; 0 for one that the kernel chooses.
    pub port: u16,
}

/// The most groups that may have series.
const MOST_GROUPS: u8 = 100;

fn parse_top(word: &str) -> Result<NonZeroU8, String> {
    let top = parse_count(word).ok();
    top.filter(|top: &NonZeroU8| top.get() <= MOST_GROUPS)
        .ok_or_else(|| format!("allowed are whole numbers from 1 to {MOST_GROUPS}"))
}

fn parse_listen(text: &str) -> Result<ListenOn, String> {
    let behind = |prefix, place| {
        let port = text.strip_prefix(prefix)?.parse().ok()?;
        Some(ListenOn { place, port })
    };
    let one = || {
        let address: SocketAddr = text.parse().ok()?;
        Some(ListenOn {
            place: Place::One(address),
            port: address.port(),
        })
    };
    behind(":", Place::Everywhere)
        .or_else(|| behind("localhost:", Place::Loopback))
        .or_else(one)
        .ok_or_else(|| match text.contains('%') {
            true => "is not [ADDRESS%INTERFACE]:PORT with the number of the interface, as [fe80::1%2]:10227",
            false => "is not ADDRESS:PORT, as 127.0.0.1:10227, [::1]:10227 or :10227",
        })
        .map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_may_be_every_one() {
        let at = |place, port| Ok(ListenOn { place, port });
        assert_eq!(parse_listen(":10227"), at(Place::Everywhere, 10_227));
        assert_eq!(parse_listen("localhost:1"), at(Place::Loopback, 1));
        for (text, port) in [
            ("[2001:db8::1]:9", 9),
            ("0.0.0.0:80", 80),
            ("[fe80::1%2]:7", 7),
        ] {
            assert_eq!(
                parse_listen(text),
                at(Place::One(text.parse().unwrap()), port)
            );
        }
        assert!(
            parse_listen("[fe80::1%eth0]:7")
                .unwrap_err()
                .contains("number")
        );
        for wrong in [
            "",
            ":",
            "127.0.0.1",
            "10227",
            "::1:10227",
            "host:1",
            ":65536",
            "localhost:",
        ] {
            assert!(parse_listen(wrong).is_err(), "{wrong}");
        }
    }
}
