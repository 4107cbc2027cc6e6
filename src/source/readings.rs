//! The kernel's counters and settings that belong to the sockets observed: `net/netstat`, `net/snmp`,
//! `net/snmp6`, `net/sockstat` and `net/stat/nf_conntrack` of proc(5), and the files below `sys/net`. Reading them never waits.
//!
//! Counters are where the tables of sockets are. Settings are not: `sys/net` of every live proc file
//! system shows the reader's own network namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::counters::{parse_column, parse_following, parse_line, parse_under};
use super::{ProcNet, Sources, read_sysctl};
use crate::model::{Counter, Counters, KindSet, Setting, Settings};

/// Files beside those of counters: how many sockets there are of each protocol.
const FURTHER: [&str; 2] = ["protocols", "sockstat6"];

/// Where to read.
#[derive(Clone, Debug)]
pub struct Readings {
    tables: ProcNet,
}

impl Readings {
    /// What belongs to the sockets of these sources.
    pub fn of(sources: &Sources) -> Readings {
        Readings {
            tables: sources.tables().clone(),
        }
    }

    /// What they are from, if no counter grows there; `None` elsewhere.
    pub fn still(&self) -> Option<&'static str> {
        let is_recorded = self.tables.place().recorded().is_some();
        self.are_copied().then_some(match is_recorded {
            true => "the first moment of a record",
            false => "a copied tree",
        })
    }

    /// Whether no counter grows in them.
    pub fn are_copied(&self) -> bool {
        self.tables.is_copied()
    }

    /// The size of a page of memory, in bytes; `None` where the pages are another host's.
    pub fn page_size(&self) -> Option<u64> {
        if let Some(record) = self.tables.place().recorded() {
            return record.origin.page_size;
        }
        let own = u64::try_from(rustix::param::page_size()).ok();
        own.filter(|_| !self.are_copied())
    }

    /// Reads every counter of TCP, each with the reason if it cannot be read.
    pub fn counters(&self) -> Counters {
        self.counters_of(KindSet::TCP)
    }

    /// The same for sockets of these kinds.
    pub fn counters_of(&self, kinds: KindSet) -> Counters {
        let mut files = BTreeMap::new();
        let mut counters = Counters::default();
        let all = Counter::ALL.iter().copied();
        for counter in all.filter(|counter| kinds.contains(counter.kind())) {
            let file = counter.file();
            let text = files
                .entry(file)
                .or_insert_with(|| self.tables.read_text(file));
            let value = text.as_ref().map_err(String::clone).and_then(|text| {
                let path = self.tables.path(file);
                parse(text, counter)
                    .ok_or_else(|| format!("{} has no {}", path.display(), counter.name()))
            });
            counters.set(counter, value);
        }
        counters
    }

    /// Every file that counters and settings are read from, by its path below /proc, or why it cannot be
    /// read; without those that do not exist.
    pub fn files(&self) -> Vec<(String, Result<String, String>)> {
        let counters: BTreeSet<&str> = Counter::ALL.iter().map(|one| one.file()).collect();
        let counters = counters.into_iter().chain(FURTHER);
        let mut files: Vec<(String, io::Result<String>)> = counters
            .map(|name| (format!("net/{name}"), self.tables.read_file(name)))
            .collect();
        let settings = self.tables.within(|| {
            let root = self.tables.settings_root()?;
            let paths = Setting::ALL.iter().map(|setting| setting.path());
            let read = paths.map(|path| (format!("sys/{path}"), read_sysctl(root, &path)));
            Some(read.collect::<Vec<_>>())
        });
        files.extend(settings.ok().flatten().into_iter().flatten());
        let is_there = |(_, read): &(String, io::Result<String>)| match read {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let files = files.into_iter().filter(is_there);
        let with_text = |(path, read): (String, io::Result<String>)| {
            (path, read.map_err(|error| error.to_string()))
        };
        files.map(with_text).collect()
    }

    /// Reads every setting of TCP, each with the reason if it cannot be read or is another host's.
    pub fn settings(&self) -> Settings {
        self.settings_of(KindSet::TCP)
    }

    /// The same for sockets of these kinds.
    pub fn settings_of(&self, kinds: KindSet) -> Settings {
        let all = Setting::ALL.iter().copied();
        let wanted: Vec<Setting> = all
            .filter(|one| !kinds.intersection(one.kinds()).is_empty())
            .collect();
        let read = self.tables.within(|| self.read_settings(&wanted));
        read.unwrap_or_else(|error| {
            let mut settings = Settings::default();
            for setting in wanted {
                let name = setting.name();
                settings.set(setting, Err(format!("cannot read {name}: {error}")));
            }
            settings
        })
    }

    fn read_settings(&self, wanted: &[Setting]) -> Settings {
        let mut settings = Settings::default();
        for &setting in wanted {
            let name = setting.name();
            let value = match self.tables.settings_root() {
                None => Err(format!(
                    "{name} of another network namespace cannot be read from here"
                )),
                Some(root) => match read_sysctl(root, &setting.path()) {
                    Ok(text) => Ok(text),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        let is_recorded = self.tables.place().recorded().is_some();
                        Err(match self.are_copied() && !is_recorded {
                            true => format!("{name} is not in the copied tree"),
                            false => format!(
                                "{name} does not exist in this network namespace, or on this kernel"
                            ),
                        })
                    }
                    Err(error) => Err(format!("cannot read {name}: {error}")),
                },
            };
            settings.set(setting, value);
        }
        settings
    }
}

fn parse(text: &str, counter: Counter) -> Option<u64> {
    let (line, column) = counter.place();
    let prefix = format!("{line}:");
    match line {
        "TCP" | "UDP" => parse_following(text, &prefix, column),
        "Udp6" => parse_line(text, &counter.name()),
        "nf_conntrack" => parse_column(text, column),
        _ => parse_under(text, &prefix, column),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn counters_and_settings_are_read_or_have_a_reason() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("net/tcp", "  sl  local_address\n");
        write(
            "net/snmp",
            "Tcp: OutSegs RetransSegs\nTcp: 90 4\nUdp: OutSegs\nUdp: 1\n",
        );
        write("net/sockstat", "TCP: inuse 1 orphan 6 tw 5 alloc 8 mem 3\n");
        write("sys/net/core/somaxconn", "4096\n");
        let tables = ProcNet::under(root.path()).unwrap();
        let readings = Readings::of(&Sources::Proc(tables));
        assert!(readings.are_copied());
        let counters = readings.counters();
        assert_eq!(counters.get(Counter::RetransSegs), Ok(4));
        assert_eq!(counters.get(Counter::Orphans), Ok(6));
        let absent = counters.get(Counter::AttemptFails).unwrap_err();
        assert!(absent.ends_with("has no TcpAttemptFails"), "{absent}");
        let no_file = counters.get(Counter::ListenDrops).unwrap_err();
        assert!(no_file.contains("net/netstat"), "{no_file}");
        let settings = readings.settings();
        assert_eq!(settings.number(Setting::Somaxconn), Ok(4096));
        let absent = settings.number(Setting::MaxOrphans).unwrap_err();
        assert!(
            absent.contains("tcp_max_orphans is not in the copied tree"),
            "{absent}"
        );
    }

    #[test]
    fn settings_are_not_read_for_another_process_1() {
        // /proc as if it were another host's: process 1 may be in another namespace.
        let Ok(tables) = ProcNet::under(std::path::Path::new("/proc")) else {
            return;
        };
        let readings = Readings::of(&Sources::Proc(tables));
        assert!(!readings.are_copied());
        let foreign = readings.settings().number(Setting::Somaxconn).unwrap_err();
        assert_eq!(
            foreign,
            "net.core.somaxconn of another network namespace cannot be read from here"
        );
    }
}
