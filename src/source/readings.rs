//! The kernel's counters and settings that belong to the sockets observed: `net/netstat`, `net/snmp`,
//! `net/snmp6`, `net/sockstat` and `net/stat/nf_conntrack` of proc(5), and the files below `sys/net`. Reading them never waits.
//!
//! Counters are where the tables of sockets are. Settings are not: `sys/net` of every live proc file
//! system shows the reader's own network namespace.

use std::collections::BTreeMap;
use std::io;

use super::counters::{parse_column, parse_following, parse_line, parse_under};
use super::{ProcNet, Sources, read_sysctl};
use crate::model::{Counter, Counters, KindSet, Setting, Settings};

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

    /// Whether they are those of a copied tree, in which no counter grows.
    pub fn are_copied(&self) -> bool {
        self.tables.is_copied()
    }

    /// The size of a page of memory, in bytes; `None` where the pages are another host's.
    pub fn page_size(&self) -> Option<u64> {
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
                        Err(match self.are_copied() {
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
