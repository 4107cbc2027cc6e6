//! `record` and `--from`: every answer from a record equals that of the host when it was recorded.

mod anonymous;
mod filter;
mod playback;
mod several;
mod several_samples;

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::child::{Running, Start, run_tool};
use crate::doctor::report::Report;
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;
use crate::program::{Ran, command, run_command};
use crate::zoo::special::mptcp;
use crate::zoo::{Family, SocketCounts, Zoo};

/// A folder for records, which the program is started in.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run_command(command(arguments).current_dir(self.0.path()))
    }

    /// Records into `a.rec`; both moments at once.
    fn record(&self, further: &[&str]) -> Ran {
        self.run(&[&["record", "a.rec", "--window", "0.05", "-q"], further].concat())
    }

    /// Starts to record samples into this file, with these options and this filter.
    fn sample(&self, file: &str, further: &[&str]) -> Running {
        let path = self.path(file);
        let words = ["record", path.to_str().unwrap(), "--every", "0.1"];
        let window = ["--window", "0.2"];
        let mut recording = command([&words, &window[..], further].concat())
            .start()
            .unwrap();
        recording.wait_for_stderr("recording into ");
        recording
    }

    /// The answer from the record, without the note that names it.
    fn from(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--from", "a.rec", "-q"]].concat())
    }

    /// Asserts that a command line is refused with one line that contains these words.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], words: &str) {
        let ran = self.run(arguments);
        assert_eq!(
            (ran.status, &*ran.stdout),
            (2, ""),
            "{arguments:?}: {ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
}

/// Ends a recorder as its user would.
fn end(mut recording: Running) {
    recording.signal(Signal::TERM);
    assert_eq!(recording.wait().code(), Some(0));
}

/// A listener at this address whose accept queue is full, with the clients in it.
fn full_queue(address: &str) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind(address).unwrap();
    rustix::net::listen(&listener, 2).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..3).map(|_| TcpStream::connect(address).unwrap());
    let clients = clients.collect();
    (listener, clients)
}

/// The objects of JSON lines without what differs between two answers: when and from where.
fn objects(ran: &Ran) -> Vec<Value> {
    let lines = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut objects: Vec<Value> = lines.collect();
    for object in &mut objects {
        let object = object.as_object_mut().unwrap();
        object.remove("time");
        object.remove("source");
        for kind in object
            .get_mut("kinds")
            .into_iter()
            .flat_map(|kinds| kinds.as_array_mut())
            .flatten()
        {
            kind.as_object_mut().unwrap().remove("source");
        }
    }
    objects.sort_by_key(ToString::to_string);
    objects
}

/// Columns whose values stay while nothing happens to a socket.
const STEADY: &str = "kind,uid,user,cgroup,interface,v6only,inode,cookie,mark,drops,receive-limit,\
    congestion-control,rtt,min-rtt,cwnd,mss,unacked,sacked,retrans-now,total-retrans,lost,data-segs-out,\
    bytes-sent,bytes-acked,bytes-received,bytes-not-sent,delivery-rate,pacing-rate,process,fd,unit,container,\
    pod,socket-type,name,peer,peer-process,shutdown,protocol,port-id,groups,timer";

/// Asserts that these command lines are answered from a record, made with these options, as they are now.
#[track_caller]
fn assert_same(folder: &Folder, options: &[&str], all: &[&[&str]]) {
    let answers = |arguments: &[&str]| {
        let live = folder.run(&[arguments, &["-q"][..]].concat());
        let recorded = folder.from(arguments);
        let found = |ran: &Ran| match arguments.contains(&"--json") {
            true => (ran.status, objects(ran), String::new()),
            false => (ran.status, Vec::new(), ran.stdout.clone()),
        };
        (found(&recorded), found(&live))
    };
    let are_same = |arguments: &&[&str]| {
        let (recorded, live) = answers(arguments);
        recorded == live
    };
    // The sockets by which this process starts another one are there for a moment.
    for _ in 0..10 {
        if all.iter().all(are_same) {
            return;
        }
        assert_eq!(folder.record(&[&["--force"], options].concat()).status, 0);
    }
    for arguments in all {
        let (recorded, live) = answers(arguments);
        assert_eq!(recorded, live, "{arguments:?}");
    }
}

in_namespace!(
    fn sockets_in_every_state_are_answered_from_a_record_as_on_the_host() {
        let zoo = Zoo::open(&SocketCounts::all_different());
        let folder = Folder::new();
        let ran = folder.record(&["-t"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let sockets = zoo.expected().total();
        assert!(
            ran.stdout
                .starts_with(&format!("a.rec: {sockets} sockets, then {sockets}, ")),
            "{ran:?}"
        );
        assert_same(
            &folder,
            &["-t"],
            &[
                &[],
                &["--json"],
                &["-6", "--json"],
                &["--by", "family,state"],
                &["--by", "service", "--json"],
                &["--by", "remote-addr/24", "--top", "3"],
                &["--state", "close-wait", "--by", "process"],
                &["sport", "=", ":80", "or", "state", "time-wait"],
                &["list", "--limit", "5", "--sort", "remote-port:desc"],
            ],
        );
    }
);

in_namespace!(
    fn sockets_of_every_kind_have_every_column_and_their_processes() {
        let folder = Folder::new();
        let listener = TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        let accepted = listener.accept().unwrap();
        let datagrams = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        datagrams[0]
            .connect(datagrams[1].local_addr().unwrap())
            .unwrap();
        let path = folder.path("with blank\\");
        let unix = UnixListener::bind(&path).unwrap();
        let waiting = UnixStream::connect(&path).unwrap();
        let pair = UnixDatagram::pair().unwrap();
        let multipath = mptcp::connections(Family::V4, 1);
        let ran = folder.record(&[]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let list = [
            "list",
            "--json",
            "-A",
            "tcp,udp,mptcp,unix,packet,netlink",
            "--columns",
            STEADY,
        ];
        // netlink sockets of this program itself come and go.
        let own = ["not", "kind", "=", "netlink"];
        assert_same(
            &folder,
            &[],
            &[
                &[&list[..], &own].concat(),
                &["-A", "tcp,udp,mptcp,unix", "--json"],
                &["-A", "inet", "--by", "kind,state", "--json"],
                &["-x", "--by", "name,process", "--json"],
                &["-u", "--by", "service"],
                &["list", "-x", "--json", "src", "=", "unix:*blank*"],
            ],
        );
        let process = format!("pid = {}", std::process::id());
        assert_same(
            &folder,
            &[],
            &[&["list", "-p", "--json", &process], &[&process]],
        );
        drop((clients, accepted, datagrams, unix, waiting, pair, multipath));
    }
);

in_namespace!(
    fn findings_are_the_same_from_a_record_and_every_command_runs() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<TcpStream> = (0..6)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let folder = Folder::new();
        let ran = folder.run(&["record", "a.rec", "--window", "5", "-q"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let ids = |ran: &Ran| {
            let report = Report::of(ran);
            let found = report.findings.iter();
            let found = found.map(|one| (one.id.clone(), one.severity.clone(), one.title.clone()));
            found.collect::<Vec<_>>()
        };
        let recorded = folder.from(&["doctor", "--json"]);
        assert_eq!(recorded.status, 5, "{recorded:?}");
        let found = ids(&recorded);
        let (id, _, title) = &found[0];
        assert_eq!(id, "accept-queue");
        assert!(
            title.starts_with(&format!("6 connections wait to be accepted at {address}: ")),
            "{title}"
        );
        let live = folder.run(&["doctor", "--json", "-q"]);
        let same = |found: &[(String, String, String)]| {
            let kept = found
                .iter()
                .map(|(id, severity, _)| (id.clone(), severity.clone()));
            kept.collect::<Vec<_>>()
        };
        assert_eq!(same(&ids(&live)), same(&found), "{live:?}");
        for shown in &Report::of(&recorded).findings[0].commands {
            let shown = shown.strip_prefix("tcpstates ").unwrap();
            assert!(shown.contains("--from a.rec"), "{shown}");
            let words: Vec<&str> = shown
                .split(' ')
                .map(|word| word.trim_matches('\''))
                .collect();
            let ran = folder.run(&words);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(
                ran.stdout.contains(&address.port().to_string()),
                "{shown}: {ran:?}"
            );
        }
        drop(clients);
    }
);

in_namespace!(
    fn what_grows_is_measured_between_the_two_moments() {
        let folder = Folder::new();
        let ran = folder.record(&[]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let ran = folder.run(&[
            "check",
            "--from",
            "a.rec",
            "-c",
            "listen-drops=1/s,retransmission=5%",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("TCPSTATES OK - listen drops 0/s in "),
            "{ran:?}"
        );
        let doctor = Report::of(&folder.from(&["doctor", "--json"]));
        assert!((0.04..60.0).contains(&doctor.window_s), "{doctor:?}");
        assert_eq!((&*doctor.source, doctor.complete), ("record", false));
        assert!(
            doctor.warnings[0].starts_with("its moments are 0."),
            "{doctor:?}"
        );
    }
);

in_namespace!(
    fn an_answer_from_a_record_says_so_and_when() {
        let folder = Folder::new();
        folder.record(&[]);
        let ran = folder.run(&["--from", "a.rec", "--json"]);
        let answer: BTreeMap<String, Value> = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answer["source"], "record");
        let time = answer["time"].as_str().unwrap();
        assert!(
            ran.stderr.ends_with(&format!(" at {time} in a.rec\n")),
            "{ran:?}"
        );
        let ran = folder.run(&["check", "--from", "a.rec", "-w", "total=1000"]);
        assert!(
            ran.stdout.contains(&format!(" at {time} in a.rec|")),
            "{ran:?}"
        );
        let explained = folder.run(&["--from", "a.rec", "--explain", "sport", "=", ":80"]);
        assert!(
            explained.stdout.contains("read every socket in a.rec"),
            "{explained:?}"
        );
        for diagnosed in [&["doctor"][..], &["doctor", "-t"]] {
            let ran = folder.run(&[diagnosed, &["--from", "a.rec"]].concat());
            let notes = ran.stderr.lines().filter(|line| line.contains("a.rec"));
            assert_eq!(notes.count(), 1, "{diagnosed:?}: {ran:?}");
        }
        let text = run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
        assert!(text.contains("\"path\":\"net/snmp\""), "{text}");
        let has_v6 = fs::exists("/proc/thread-self/net/snmp6").unwrap();
        assert_eq!(text.contains("\"path\":\"net/snmp6\""), has_v6);
        // Of a file that ends early, the moment that is whole is used.
        let bytes = fs::read(folder.path("a.rec")).unwrap();
        fs::write(folder.path("a.rec"), &bytes[..bytes.len() - 1]).unwrap();
        let cut = folder.run(&["--from", "a.rec", "--json"]);
        assert!(
            cut.stderr
                .contains(" in a.rec, which is not whole, so that this is its last whole moment: "),
            "{cut:?}"
        );
    }
);

in_namespace!(
    fn a_pipe_is_refused_at_once_as_a_record_and_as_the_file_of_one() {
        let folder = Folder::new();
        run_tool("mkfifo", [folder.path("pipe").to_str().unwrap()]);
        let reason = "pipe: not a regular file";
        for words in [
            &["record", "--force", "pipe"][..],
            &["record", "pipe", "--every", "1"],
            &["--from", "pipe"],
            &["--from", "pipe", "--watch"],
        ] {
            let ran = folder.run(words);
            assert!(
                ran.status != 0 && ran.stderr.contains(reason),
                "{words:?}: {ran:?}"
            );
            assert_eq!(ran.stderr.lines().count(), 1, "{words:?}: {ran:?}");
        }
    }
);

in_namespace!(
    fn a_record_is_for_its_owner_only_and_replaces_nothing_unasked() {
        let folder = Folder::new();
        let ran = folder.record(&[]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let path = folder.path("a.rec");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(), 0o600);
        let before = fs::read(folder.path("a.rec")).unwrap();
        folder.refused(&["record", "a.rec"], "a.rec exists: choose another name");
        assert_eq!(fs::read(folder.path("a.rec")).unwrap(), before);
        symlink("a.rec", folder.path("link.rec")).unwrap();
        folder.refused(&["record", "--force", "link.rec"], "symbolic link");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(folder.record(&["--force"]).status, 0);
        assert_eq!(mode(), 0o600);
        assert_ne!(fs::read(folder.path("a.rec")).unwrap(), before);
        let full = folder.run(&["record", "--force", "/dev/full", "-q"]);
        assert_eq!((full.status, &*full.stdout), (1, ""), "{full:?}");
        assert!(
            full.stderr
                .contains("cannot write /dev/full: No space left"),
            "{full:?}"
        );
    }
);

in_namespace!(
    fn an_anonymous_record_has_the_same_numbers_and_no_name_of_the_host() {
        let folder = Folder::new();
        crate::syscall::add_address("lo", "10.77.1.9".parse().unwrap()).unwrap();
        let listener = TcpListener::bind("10.77.1.9:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let unix = UnixListener::bind(folder.path("secret")).unwrap();
        let ran = folder.record(&["--anonymize"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let text = run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
        let name = fs::read_to_string("/proc/self/comm").unwrap();
        for hidden in ["10.77.", "secret", &format!("\"name\":\"{}\"", name.trim())] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        let states = |ran: Ran| objects(&ran)[0]["states"].clone();
        let live = states(folder.run(&["--json", "-q"]));
        assert_eq!(states(folder.from(&["--json"])), live);
        let groups = folder.from(&["--by", "local-addr", "--json"]);
        let groups = objects(&groups)[0]["groups"].as_array().unwrap().len();
        assert_eq!(groups, 1);
        folder.refused(
            &["record", "b.rec", "--anonymize", "--command-lines"],
            "exclude each other",
        );
        drop(unix);
    }
);

in_namespace!(
    fn a_person_at_a_terminal_reads_what_is_waited_for() {
        let folder = Folder::new();
        let path = folder.path("a.rec");
        let mut terminal = Terminal::with(&["record", path.to_str().unwrap(), "--window=0.1"]);
        terminal.wait_for("; waiting 0.");
        terminal.wait_for(" s apart, ");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);

in_namespace!(
    fn what_a_record_does_not_have_is_refused_with_the_reason() {
        let folder = Folder::new();
        assert_eq!(folder.record(&["-t"]).status, 0);
        fs::write(folder.path("other"), "State Recv-Q\n").unwrap();
        for (arguments, words) in [
            (
                &["--from", "none.rec"][..],
                "--from: cannot read none.rec: ",
            ),
            (
                &["--from", "other"],
                "--from: other is not a record of tcpstates: ",
            ),
            (&["--from", "."], "--from: cannot read .: "),
            (
                &["--from", "a.rec", "-N", "all"],
                "a.rec is a record of one network namespace, so there are none to select",
            ),
            (
                &["--from", "a.rec", "--source", "proc"],
                "exclude each other",
            ),
            (
                &["--from", "a.rec", "--by", "netns"],
                "a.rec is a record of one network namespace, so there are none to compare",
            ),
            (
                &["list", "--from", "a.rec", "--watch"],
                "choose a moment with --at TIME",
            ),
            (&["serve", "--once", "--from", "a.rec"], "cannot be served"),
            (
                &["list", "--from", "a.rec", "dev", "=", "none0"],
                "no such interface in the record",
            ),
            (&["record"], "FILE"),
        ] {
            folder.refused(arguments, words);
        }
        let ran = folder.from(&["-u"]);
        assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("a.rec has no UDP sockets"), "{ran:?}");
        let waited = folder.run(&["check", "--from", "a.rec", "--wait", "1", "-w", "total=1"]);
        assert_eq!(waited.status, 3, "{waited:?}");
        assert!(
            waited
                .stdout
                .contains("--from and --wait exclude each other"),
            "{waited:?}"
        );
    }
);

in_namespace!(
    fn options_of_times_and_samples_are_refused_with_what_is_allowed() {
        let folder = Folder::new();
        assert_eq!(folder.record(&["-t"]).status, 0);
        fs::write(folder.path("other"), "State Recv-Q\n").unwrap();
        for (arguments, words) in [
            (&["--at", "03:14"][..], "--from <FILE>"),
            (
                &["--from", "a.rec", "--at", "noon"],
                "allowed are a time in UTC",
            ),
            (
                &["--from", "a.rec", "--at", "2020-01-01T00:00:00Z"],
                "--at: a.rec begins after 2020-01-01T00:00:00.000Z: the nearest time that it has is ",
            ),
            (&["record", "b.rec", "--keep", "1h"], "--every"),
            (
                &["record", "b.rec", "--every", "1", "--size", "50M"],
                "as in 50MiB",
            ),
            (
                &["record", "other", "--every", "1"],
                "other exists and is no record that can be continued",
            ),
        ] {
            folder.refused(arguments, words);
        }
    }
);

#[test]
fn a_file_that_could_not_be_written_at_all_is_not_left() {
    let folder = Folder::new();
    let program = command([""; 0]).get_program().to_owned();
    let mut shell = crate::child::command("sh");
    // A file may have no bytes; to write some is an error and no signal.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
    shell.arg(program).args(["record", "a.rec", "-t"]);
    let ran = run_command(shell.current_dir(folder.path("")));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("cannot write a.rec"), "{ran:?}");
    assert!(!folder.path("a.rec").exists());
    fs::write(folder.path("b.rec"), "").unwrap();
    folder.refused(&["record", "b.rec"], "b.rec exists");
    assert!(folder.path("b.rec").exists());
}

in_namespace!(
    fn at_the_first_moment_of_a_record_what_grows_is_unknown_for_that_reason() {
        let folder = Folder::new();
        assert_eq!(folder.record(&["-t"]).status, 0);
        let words = "zcat a.rec | grep '\"first\":true' | cut -d '\"' -f 8";
        let mut shell = crate::child::command("sh");
        shell.args(["-c", words]);
        let stamp = run_command(shell.current_dir(folder.path(""))).stdout;
        let ran = folder.from(&["doctor", "--json", "--at", stamp.trim()]);
        let words = "counters do not grow in the first moment of a record";
        assert!(ran.stdout.contains(words), "{ran:?}");
        assert!(!ran.stdout.contains("copied tree"), "{ran:?}");
    }
);

#[test]
fn only_commands_that_answer_from_a_record_are_named_for_from() {
    let ran = crate::program::run(["trace", "--from", "a.rec"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains("`list` and `doctor`"), "{ran:?}");
    assert!(!ran.stderr.contains("serve"), "{ran:?}");
}

in_namespace!(
    fn damage_is_named_by_its_moment_and_by_the_byte_of_its_member() {
        let folder = Folder::new();
        let damage = |file: &str| {
            let path = folder.path(file);
            let mut bytes = fs::read(&path).unwrap();
            let header = [0x1f, 0x8b, 8, 4];
            let begins = bytes.windows(header.len());
            let member = begins.rev().position(|window| window == header).unwrap();
            let member = bytes.len() - header.len() - member;
            // The first sample has most of the bytes of its member.
            let near_its_end = bytes.len() - 200;
            bytes[near_its_end..near_its_end + 4].fill(0xff);
            fs::write(&path, bytes).unwrap();
            let ran = folder.run(&["--from", file, "--json"]);
            assert_eq!(ran.status, 0, "{ran:?}");
            assert!(
                ran.stderr
                    .contains(&format!(": the gzip member at byte {member} is damaged: "))
                    || ran
                        .stderr
                        .contains(&format!(" of the gzip member at byte {member}: ")),
                "{member}: {ran:?}"
            );
            let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
            (answer["time"].as_str().unwrap().to_owned(), ran.stderr)
        };
        assert_eq!(folder.record(&["-t"]).status, 0);
        let (time, said) = damage("a.rec");
        assert!(
            said.contains("so that this is its last whole moment: the moment of 20"),
            "{said}"
        );
        assert!(said.contains(&format!(" at {time} in a.rec")), "{said}");
        let samples = [
            "record",
            "b.rec",
            "--every",
            "0.05",
            "--samples",
            "30",
            "-t",
            "-q",
        ];
        assert_eq!(folder.run(&samples).status, 0);
        let (time, said) = damage("b.rec");
        let (_, first) = said.split_once(": the samples from ").unwrap();
        // Those before the damage are used.
        assert!(*time > *first.split(' ').next().unwrap(), "{time}: {said}");
    }
);
