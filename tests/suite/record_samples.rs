//! `record --every`: samples in a file, answers from them, and what a kill or a full disk leaves.

use std::fs;
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::child::{Running, Start, run_tool};
use crate::doctor::report::Report;
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, command};
use crate::record::Folder;
use rustix::process::Signal;

/// The lines of a record, as zcat and others read them.
fn lines(folder: &Folder) -> Vec<Value> {
    let text = run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The times of those of this type.
fn times(lines: &[Value], of: &str) -> Vec<String> {
    let own = lines.iter().filter(|line| line["type"] == of);
    own.map(|line| line["time"].as_str().unwrap().to_owned())
        .collect()
}

/// A listener whose queue is full.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 2).unwrap();
    let address = listener.local_addr().unwrap();
    let clients = (0..3).map(|_| TcpStream::connect(address).unwrap());
    let clients = clients.collect();
    (listener, clients)
}

fn recording(folder: &Folder, further: &[&str]) -> Running {
    let path = folder.path("a.rec");
    let words = ["record", path.to_str().unwrap(), "--every", "0.1"];
    let mut recording = command([&words, further].concat()).start().unwrap();
    recording.wait_for_stderr("recording into ");
    recording
}

fn state(ran: &Ran, state: &str) -> Value {
    assert_eq!(ran.status, 0, "{ran:?}");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    answer["states"][state].clone()
}

/// Asserts what the sample of this time answers, and what it leaves to the nearest moment.
fn assert_answers(folder: &Folder, before: &str, nearest_moment: &str, port: u16) {
    let at = |words: &[&str]| folder.run(&[words, &["--from", "a.rec", "--at", before]].concat());
    assert_eq!(state(&at(&["--json"]), "ESTABLISHED"), 6);
    assert_eq!(
        state(
            &at(&["--json", "-A", "tcp", "state", "listening"]),
            "LISTEN"
        ),
        1
    );
    let groups = at(&["--by", "service"]);
    assert!(
        groups
            .stdout
            .contains(&format!("\n127.0.0.1:{port}      3")),
        "{groups:?}"
    );
    assert!(
        groups.stderr.contains(&format!(" at {before} in a.rec")),
        "{groups:?}"
    );
    for by in ["process", "remote-addr"] {
        assert_eq!(state(&at(&["--by", by, "--json"]), "LISTEN"), 1);
    }
    let checked = at(&["check", "-c", "listen-drops=1/s", "-w", "total=100"]);
    assert_eq!(checked.status, 0, "{checked:?}");
    for words in [
        &["list"][..],
        &["doctor"],
        &["--by", "local-port"],
        &["sport", "=", ":1"],
    ] {
        let ran = at(words);
        assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
        let (_, nearest) = ran.stderr.trim_end().split_once(" is --at ").unwrap();
        assert_eq!(nearest, nearest_moment, "{words:?}: {ran:?}");
        let there = folder.run(&["list", "--from", "a.rec", "--at", nearest, "-H"]);
        assert_eq!(
            (there.status, there.stdout.lines().count()),
            (0, 7),
            "{there:?}"
        );
    }
}

in_namespace!(
    fn a_record_that_is_being_recorded_into_is_no_damaged_one() {
        let folder = Folder::new();
        let mut recording = recording(&folder, &[]);
        let ran = folder.run(&["--from", "a.rec"]);
        let note = " in a.rec, which is being recorded into: this is its last whole sample\n";
        assert!(ran.status == 0 && ran.stderr.ends_with(note), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        let (_, rest) = ran.stderr.split_once(" at ").unwrap();
        let (time, _) = rest.split_once(' ').unwrap();
        let first = folder.run(&["--from", "a.rec", "--at", time]);
        let note = " in a.rec, which is being recorded into\n";
        assert!(
            first.status == 0 && first.stderr.ends_with(note),
            "{first:?}"
        );
        // All samples, of which the last one may be followed by what is not whole yet.
        let all = folder.run(&["--from", "a.rec", "--watch", "--json"]);
        assert!(
            all.status == 0 && !all.stderr.contains("cut off"),
            "{all:?}"
        );
        // What no process records any more is cut off.
        recording.signal(Signal::KILL);
        recording.wait();
        let ran = folder.run(&["--from", "a.rec"]);
        assert!(ran.stderr.contains("which is not whole"), "{ran:?}");
    }
);

in_namespace!(
    fn a_sample_has_numbers_and_groups_and_a_finding_all_sockets() {
        let folder = Folder::new();
        let (listener, _clients) = full();
        let port = listener.local_addr().unwrap().port();
        let mut recording = recording(&folder, &["--window", "0.2"]);
        recording.wait_for_stderr("recorded all sockets: accept-queue: ");
        let moments = || {
            // Its last member has no end yet.
            let script = "zcat a.rec 2> /dev/null | grep '\"type\":\"moment\"'";
            let mut shell = crate::child::command("sh");
            shell.args(["-c", script]);
            let output = shell.current_dir(folder.path("")).run_to_end().unwrap();
            String::from_utf8(output.stdout).unwrap().lines().count()
        };
        while moments() < 2 {
            assert!(recording.is_running());
        }
        let last = folder.run(&["--from", "a.rec", "--json"]);
        assert!(
            last.stderr.contains(", recorded because of accept-queue"),
            "{last:?}"
        );
        recording.signal(Signal::TERM);
        let ended = crate::program::ran(recording.finish());
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(
            ended.stdout.contains(", 2 moments with all sockets, "),
            "{ended:?}"
        );
        let lines = lines(&folder);
        let (samples, moments) = (times(&lines, "sample"), times(&lines, "moment"));
        // The sockets of the second moment are those of the first.
        let runs = lines.iter().filter(|line| line["type"] == "unchanged");
        let same: u64 = runs.map(|run| run["sockets"].as_u64().unwrap()).sum();
        let written = lines.iter().filter(|line| line["type"] == "socket");
        let ends = lines.iter().filter(|line| line["type"] == "end");
        let total: u64 = ends.map(|end| end["total"].as_u64().unwrap()).sum();
        assert!((7..total).contains(&same), "{same}");
        assert_eq!(written.count() as u64 + same, total);
        let mut sorted = samples.clone();
        sorted.sort();
        assert_eq!((samples.len() > 2, &sorted), (true, &samples));
        let before = samples.iter().rfind(|time| **time < moments[0]).unwrap();
        assert_answers(&folder, before, &moments[1], port);
        let doctor = folder.run(&["doctor", "--json", "--from", "a.rec", "--at", &moments[1]]);
        let report = Report::of(&doctor);
        assert_eq!(report.findings[0].id, "accept-queue");
        assert!(report.findings[0].commands[0].contains(&format!("--at {}", moments[1])));
        drop(listener);
    }
);

in_namespace!(
    fn a_record_whose_program_is_killed_is_whole_to_its_last_sample_and_is_continued() {
        let folder = Folder::new();
        let mut recording = recording(&folder, &["-t"]);
        let last = || folder.run(&["--from", "a.rec", "--json"]);
        let first = last();
        while last().stdout == first.stdout {
            assert!(recording.is_running());
        }
        let other = folder.run(&["record", "--every", "1", "a.rec"]);
        assert_eq!(other.status, 2);
        assert!(
            other.stderr.contains("is written by another process"),
            "{other:?}"
        );
        // Also by the command that replaces files.
        let other = folder.run(&["record", "--force", "a.rec"]);
        assert_eq!(other.status, 2, "{other:?}");
        assert!(
            other.stderr.contains("is written by another process"),
            "{other:?}"
        );
        recording.signal(Signal::KILL);
        recording.wait();
        let killed = last();
        assert_eq!(killed.status, 0, "{killed:?}");
        let cut = fs::read(folder.path("a.rec")).unwrap();
        let message = "a.rec is a record of tcp sockets, and cannot be continued with udp sockets";
        folder.refused(&["record", "a.rec", "--every", "1", "-u"], message);
        fs::write(folder.path("a.rec"), &cut).unwrap();
        let ran = folder.run(&[
            "record",
            "a.rec",
            "--every",
            "1",
            "--samples",
            "1",
            "-t",
            "-q",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(
            ran.stdout
                .starts_with("a.rec: 1 sample, 0 moments with all sockets, ")
        );
        let lines = lines(&folder);
        assert!(times(&lines, "sample").len() > 2);
        let heads = lines.iter().filter(|line| line["type"] == "record");
        assert_eq!(heads.count(), 2);
        assert!(fs::metadata(folder.path("a.rec")).unwrap().len() > cut.len() as u64);
        let answer: Value = serde_json::from_str(&killed.stdout).unwrap();
        assert!(times(&lines, "sample").contains(&answer["time"].as_str().unwrap().to_owned()));
    }
);

in_namespace!(
    fn a_disk_that_is_full_costs_samples_and_none_that_was_recorded() {
        let folder = Folder::new();
        let place = folder.path("disk");
        fs::create_dir(&place).unwrap();
        let script = format!(
            "mount -t tmpfs -o size=12k none disk && cd disk || exit 99
             {PROGRAM} record a.rec -t --every 0.05 --samples 200
             echo status $?
             zcat a.rec | grep -c '\"type\":\"sample\"'
             {PROGRAM} --from a.rec --json -q | wc -l
             : > b.rec; cat /dev/zero > fill 2> /dev/null
             {PROGRAM} record b.rec --every 1 --samples 1
             echo status $?"
        );
        let mut shell = crate::child::command("unshare");
        shell.args(["--mount", "sh", "-c", &script]);
        let ran = crate::program::ran(
            shell
                .current_dir(place.parent().unwrap())
                .run_to_end()
                .unwrap(),
        );
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(
            lines.iter().filter(|line| **line == "status 1").count(),
            2,
            "{ran:?}"
        );
        let samples: u64 = lines[lines.len() - 3].parse().unwrap();
        assert!((2..200).contains(&samples), "{ran:?}");
        assert_eq!(lines[lines.len() - 2], "1", "{ran:?}");
        let full = ran
            .stderr
            .matches("cannot write a.rec: No space left on device");
        assert_eq!(full.count(), 1, "{ran:?}");
        assert!(
            ran.stderr
                .contains("cannot write b.rec: No space left on device"),
            "{ran:?}"
        );
    }
);

/// How many TCP sockets a line `sample` has.
fn total(sample: &Value) -> u64 {
    let mut kinds = sample["kinds"].as_array().unwrap().iter();
    let tcp = kinds.find(|kind| kind["kind"] == "tcp").unwrap();
    tcp["total"].as_u64().unwrap()
}

in_namespace!(
    fn changes_are_those_between_two_samples_and_numbers_those_of_the_later_one() {
        let folder = Folder::new();
        let mut recording = recording(&folder, &["-t"]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let has_it = || folder.run(&["--from", "a.rec", "--json"]).stdout;
        while has_it().contains("\"total\":0") {
            assert!(recording.is_running());
        }
        recording.signal(Signal::TERM);
        assert_eq!(recording.wait().code(), Some(0));
        let lines = lines(&folder);
        let samples = lines.iter().filter(|line| line["type"] == "sample");
        let samples: Vec<&Value> = samples.collect();
        let mut pairs = samples.windows(2);
        let grown = pairs.find(|pair| total(pair[1]) > 0).unwrap()[1];
        let check = |words: &[&str], sample: &Value| {
            let time = sample["time"].as_str().unwrap();
            folder.run(&[&["check", "--from", "a.rec", "--at", time, "--json"], words].concat())
        };
        // With counters too: these are compared with the sample before, and the sockets are not.
        for threshold in ["total=1/s", "total=1/s,listen-drops=1/s"] {
            let ran = check(&["-w", threshold], grown);
            assert_eq!(ran.status, 1, "{ran:?}");
            let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(answer["total"], 1, "{answer}");
            assert_eq!(answer["time"], grown["time"], "{answer}");
        }
        for words in [
            &["-w", "total=1/s"][..],
            &["-w", "listen-drops=1/s"],
            &["-w", "total=1/s", "--by", "service"],
        ] {
            let ran = check(words, samples[0]);
            assert_eq!(ran.status, 3, "{ran:?}");
            assert!(ran.stdout.contains("unknown") || ran.stdout.contains("nothing before"));
        }
        drop(listener);
    }
);

in_namespace!(
    fn groups_of_a_sample_have_the_time_when_they_were_counted() {
        let folder = Folder::new();
        let mut recording = recording(&folder, &["-t"]);
        let first = folder.run(&["--from", "a.rec", "--json"]);
        while folder.run(&["--from", "a.rec", "--json"]).stdout == first.stdout {
            assert!(recording.is_running());
        }
        recording.signal(Signal::TERM);
        assert_eq!(recording.wait().code(), Some(0));
        let lines = lines(&folder);
        let groups = lines
            .iter()
            .rfind(|line| line["type"] == "groups" && line["by"] == "service");
        let ran = folder.run(&["--from", "a.rec", "--by", "service", "--json"]);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answer["time"], groups.unwrap()["time"], "{ran:?}");
    }
);
