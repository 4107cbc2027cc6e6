//! The commands of a finding, run by a shell as they are printed, and the sysctls it names.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::report::{Finding, Report};
use crate::child::{self, Start};
use crate::program::{PROGRAM, ran, run};
use crate::trace::has_bpf;

/// Runs every command of a finding, which must show sockets, and checks that its sysctls exist.
#[track_caller]
pub(super) fn assert_commands_run(finding: &Finding) {
    assert_sysctls_exist(finding);
    assert_commands_show_sockets(finding);
}

#[track_caller]
fn assert_commands_show_sockets(finding: &Finding) {
    for command in &finding.commands {
        let arguments = command.strip_prefix("tcpstates ").unwrap();
        let script = format!("\"$PROGRAM\" {arguments}");
        let shell = child::command("sh")
            .args(["-c", &script])
            .env("PROGRAM", PROGRAM)
            .run_to_end();
        let ran = ran(shell.unwrap());
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
        // Without privileges it does not record connections that failed, and says so.
        if arguments.starts_with("trace ") && !has_bpf() {
            let note = "note: reporting only that connections ended";
            assert!(ran.stderr.contains(note), "{command}: {ran:?}");
            continue;
        }
        // A heading, then a socket, or a sum above 0.
        let last = ran.stdout.lines().skip(1).last();
        let mut words = last.unwrap_or_default().split_whitespace();
        let is_sum = words.next() == Some("TOTAL");
        let shows = last.is_some() && (!is_sum || words.next() != Some("0"));
        assert!(shows, "{command}: {ran:?}");
    }
}

/// Sysctls of the whole host, which a child namespace does not have.
const HOST_WIDE: [&str; 3] = [
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.udp_mem",
];

#[track_caller]
fn assert_sysctls_exist(finding: &Finding) {
    let text = format!(
        "{} {}",
        finding.evidence.join(" "),
        finding.remedy.join(" ")
    );
    let words = text.split(|c: char| !(c.is_alphanumeric() || "._".contains(c)));
    let names = words.map(|word| word.trim_end_matches('.'));
    for name in names.filter(|name| name.starts_with("net.")) {
        let file = Path::new("/proc/sys").join(name.replace('.', "/"));
        assert!(
            HOST_WIDE.contains(&name) || file.exists(),
            "{name}: {finding:?}"
        );
    }
}

/// A table of `net/tcp` or `net/tcp6`.
struct Table(String);

impl Table {
    fn new() -> Table {
        Table("  sl  local_address rem_address   st\n".to_owned())
    }

    /// Adds sockets in a state from these local ports, whose timer, retransmitting or another, has
    /// fired so often.
    fn add(
        &mut self,
        (local, ports): (&str, std::ops::Range<u16>),
        remote: &str,
        state: u8,
        (timer, fired): (u8, u32),
    ) {
        for port in ports {
            writeln!(
                self.0,
                "0: {local}:{port:04X} {remote} {state:02X} 00000000:00000000 {timer:02X}:00000064 {fired:08X} 0 0 0 1 0"
            )
            .unwrap();
        }
    }
}

/// A table of `net/udp` with one socket whose receive queue has unread datagrams.
const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n    1: 00000000:0035 00000000:0000 07 00000000:00033000 00:00000000 00000000     0        0 4242 2 ffff 0\n";

/// A tree in which every rule that can be applied to a copy has a finding.
fn write_tree(root: &Path) {
    let (here, none) = ("090200C0", (0, 0));
    let mut v4 = Table::new();
    v4.add((here, 40_000..40_090), "010200C0:0050", 1, none);
    v4.add((here, 45_000..45_002), "010200C0:0051", 1, (1, 3));
    v4.add((here, 50_000..50_006), "020200C0:0050", 6, (3, 0));
    v4.add((here, 51_000..51_100), "030200C0:0050", 9, (1, 3));
    // 2001:db8::5:80, the end of which could be taken for a port.
    let mut v6 = Table::new();
    let (here, there) = (
        "B80D0120000000000000000009000000",
        "B80D0120000000000000000080000500",
    );
    v6.add((here, 52_000..52_012), &format!("{there}:0050"), 2, (1, 2));
    for (name, text) in [
        ("net/tcp", v4.0.as_str()),
        ("net/tcp6", &v6.0),
        ("net/udp", UDP),
        (
            "net/sockstat",
            "TCP: inuse 203 orphan 100 tw 6 alloc 9 mem 600000\nUDP: inuse 1 mem 600000\n",
        ),
        ("sys/net/ipv4/ip_local_port_range", "40000\t40099\n"),
        ("sys/net/ipv4/ip_local_reserved_ports", "\n"),
        ("sys/net/ipv4/tcp_max_tw_buckets", "5\n"),
        ("sys/net/ipv4/tcp_max_orphans", "100\n"),
        ("sys/net/ipv4/tcp_mem", "287901\t383870\t575802\n"),
        ("sys/net/ipv4/udp_mem", "575802\t767736\t1151604\n"),
        ("sys/net/netfilter/nf_conntrack_count", "100\n"),
        ("sys/net/netfilter/nf_conntrack_max", "100\n"),
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn suggested_commands_select_the_proc_root_of_doctor_and_show_its_sockets() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("it's a copy");
    write_tree(&root);
    let root = root.to_str().unwrap();
    let report = Report::of(&run([
        "doctor",
        "--json",
        "--window=0.05",
        "--proc-root",
        root,
    ]));
    let ids: BTreeSet<&str> = report.findings.iter().map(|found| &*found.id).collect();
    let expected = [
        "conntrack",
        "ephemeral-ports",
        "memory",
        "no-answer",
        "orphans",
        "time-wait",
        "udp-memory",
        "vanished-peers",
    ];
    assert_eq!(ids, BTreeSet::from(expected));
    let option = format!("--proc-root '{}'", root.replace('\'', "'\\''"));
    for finding in &report.findings {
        for command in &finding.commands {
            assert!(command.contains(&option), "{command}");
        }
        assert_commands_show_sockets(finding);
    }
}
