//! Samples of several network namespaces: answers equal those of the host, and a finding in one of them records
//! all.

use rustix::process::Signal;
use rustix::thread::UnshareFlags;
use serde_json::Value;

use super::Folder;
use super::several::unaccepted;
use crate::child::Start;
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;
use crate::netns::{Named, make_directory, run_script};
use crate::program::{Ran, command};

/// The answer, without what names the record, its time and its source.
fn answer(ran: &Ran) -> Value {
    let mut answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    let object = answer.as_object_mut().unwrap();
    assert!(object.remove("time").is_some() && object.remove("source").is_some());
    // A sample does not say how each owner was found.
    object.remove("owners");
    // What did not change since the sample before was counted by the counters.
    let kinds = answer["kinds"].as_array_mut();
    for kind in kinds.into_iter().flatten() {
        assert!(kind.as_object_mut().unwrap().remove("source").is_some());
    }
    let groups = answer["groups"].as_array_mut();
    for group in groups.into_iter().flatten() {
        if let Some(namespace) = group["namespace"].as_object_mut() {
            assert!(namespace.remove("source").is_some());
        }
    }
    answer
}

/// Command lines that samples answer; those that they have the groups of all network namespaces for are answered
/// about all of these only.
const ANSWERED: [&[&str]; 5] = [
    &["--json"],
    &["--json", "state", "listening"],
    &["--json", "--by", "netns"],
    &["--json", "--by", "netns,state"],
    &["--json", "-A", "tcp,udp", "--by", "netns"],
];

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_sample_of_several_namespaces_answers_as_their_host_about_all_and_about_one() {
        make_directory();
        let named = [("blue", 3), ("red", 1), ("empty", 0)]
            .map(|(name, connections)| Named::with_connections(name, connections));
        named[1].run(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            std::mem::forget(socket);
        });
        let folder = Folder::new();
        let all = "blue,empty,red";
        let words = ["record", "a.rec", "-A", "tcp,udp", "-q", "-N", all];
        let ran = folder.run(&[&words, &["--every", "0.1", "--samples", "3"][..]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        let groups = [
            &["--json", "--by", "service"][..],
            &["--json", "--by", "process"],
        ];
        for words in ANSWERED.iter().chain(&groups) {
            let live = folder.run(&[*words, &["-N", all, "-q"]].concat());
            let recorded = folder.run(&[*words, &["--from", "a.rec", "-q"]].concat());
            assert_eq!(recorded.status, live.status, "{words:?}: {recorded:?}");
            assert_eq!(answer(&recorded), answer(&live), "{words:?}");
        }
        for words in &ANSWERED[..2] {
            for which in ["blue", "red", "empty", "blue,red"] {
                let live = folder.run(&[*words, &["-N", which, "-q"]].concat());
                let recorded =
                    folder.run(&[*words, &["-N", which, "--from", "a.rec", "-q"]].concat());
                assert_eq!(answer(&recorded), answer(&live), "{which}: {words:?}");
            }
        }
        let filtered = folder.run(&["--from", "a.rec", "-q", "--json", "netns", "=", "blue"]);
        assert_eq!(answer(&filtered)["total"], 7, "{filtered:?}");
        let counters = ["check", "-w", "listen-drops=1/s", "--from", "a.rec", "-N"];
        let checked = folder.run(&[&counters, &["blue"][..]].concat());
        assert_eq!(checked.status, 0, "{checked:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn what_samples_of_several_namespaces_lack_is_refused_and_so_is_a_record_of_others() {
        make_directory();
        let _named = ["blue", "empty", "red"].map(|name| Named::with_connections(name, 1));
        let folder = Folder::new();
        let words = ["record", "a.rec", "-t", "-q", "-N", "blue,empty,red"];
        let ran = folder.run(&[&words, &["--every", "0.1", "--samples", "1"][..]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        let refused: [(&[&str], &str); 7] = [
            (&["doctor"][..], "only the numbers by "),
            (
                &["doctor", "--brief", "-N", "blue,empty"],
                "only the numbers by ",
            ),
            (&["doctor", "--json", "-N", "empty"], "only the numbers by "),
            (
                &["list"],
                "the numbers by kind, state and network namespace, and of TCP by ",
            ),
            (
                &["-N", "blue", "--by", "service"],
                "only the numbers by kind and state: ",
            ),
            (
                &["-N", "blue,red", "--by", "service"],
                "only the numbers by kind and state: ",
            ),
            (
                &["netns", "=", "blue", "--by", "service"],
                "only the numbers by ",
            ),
        ];
        for (words, message) in refused {
            let ran = folder.run(&[words, &["--from", "a.rec"]].concat());
            assert_eq!((ran.status, &*ran.stdout), (1, ""), "{ran:?}");
            assert!(ran.stderr.contains(message), "{words:?}: {ran:?}");
        }
        for (which, message) in [
            (
                &["-N", "blue"][..],
                "a.rec is a record of the network namespaces blue,empty,red, and cannot be continued with one network namespace",
            ),
            (
                &["-N", "blue,red"],
                "cannot be continued with the network namespaces blue,red",
            ),
        ] {
            folder.refused(
                &[&["record", "a.rec", "--every", "1"], which].concat(),
                message,
            );
        }
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_finding_in_one_namespace_records_the_sockets_of_all_and_samples_play_with_them() {
        make_directory();
        let _named = unaccepted();
        let folder = Folder::new();
        let path = folder.path("a.rec");
        let path = path.to_str().unwrap();
        let words = ["record", path, "-N", "blue,red", "--every", "0.1", "-t"];
        let mut recording = command([&words, &["--window", "0.2"][..]].concat())
            .start()
            .unwrap();
        recording.wait_for_stderr("recorded all sockets: accept-queue: netns blue: ");
        // The second moment is the one that is compared with another, so that growth is known.
        let changes = ["check", "-w", "total=9/s", "--from", path];
        while folder.run(&changes).status != 0 {
            assert!(recording.is_running());
        }
        recording.signal(Signal::TERM);
        assert_eq!(recording.wait().code(), Some(0));
        let listed = folder.run(&["list", "--from", path, "-q", "-H"]);
        assert_eq!(
            (listed.status, listed.stdout.lines().count()),
            (0, 9),
            "{listed:?}"
        );
        let mut terminal = Terminal::with(&["--from", path, "--watch"]);
        terminal.wait_for(" in a.rec  PAUSED");
        terminal.wait_for("all by netns");
        terminal.wait_for_count("LISTEN", 3);
        terminal.wait_for("blue");
        terminal.type_("n");
        terminal.wait_for("accept-queue: netns blue: ");
        terminal.wait_for_count("LISTEN", 3);
        // The first of the two moments and samples come before it.
        terminal.type_(&"\x1b[D".repeat(1_000));
        terminal.wait_for("the record begins here");
        terminal.wait_until("a sample", |screen| {
            let screen = screen.contents();
            screen.contains("blue") && !screen.contains("accept-queue: ")
        });
        terminal.wait_for_count("LISTEN", 3);
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn what_could_not_be_entered_is_missing_in_each_sample_and_in_answers_of_it() {
        make_directory();
        let _named = ["blue", "red"].map(|name| Named::with_connections(name, 2));
        let ran = run_script(
            "cd /run && mkdir -m 777 records && cd records
             cp $PROGRAM program && chmod 755 program
             as=\"setpriv --inh-caps=-all --bounding-set=-all\"
             $as ./program record a.rec -t -N all --every 0.1 --samples 2 -q > /dev/null
             echo $?
             for words in \"--by netns --json\" --json; do
                 $as ./program $words -N all -q | sed -E 's/\"(time|source)\":\"[^\"]*\"//g' > live
                 ./program $words --from a.rec -q | sed -E 's/\"(time|source)\":\"[^\"]*\"//g' > recorded
                 cmp live recorded && grep -o unseen recorded
             done",
        );
        assert_eq!(ran.stdout, "3\nunseen\nunseen\n", "{ran:?}");
    }
);
