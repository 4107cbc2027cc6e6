//! Records of several network namespaces: every answer equals that of the host when they were recorded. The
//! scripts see their own processes only.

use std::net::{TcpListener, TcpStream};

use rustix::thread::UnshareFlags;

use super::Folder;
use crate::doctor::report::Report;
use crate::live::pty::Terminal;
use crate::namespace::in_namespace;
use crate::netns::{Named, make_directory, run_script};
use crate::program::Ran;

/// Records, and compares each command line of the standard input with the live answer; `$AS` runs a command as
/// another user. Without the note that names the record; times differ, and so does the source.
const COMPARE: &str = r#"
cd /run && rm -rf records && mkdir -m 777 records && cd records
cp $PROGRAM program && chmod 755 program
$AS ./program record a.rec -A tcp,udp -N $WHICH --window 0.05 -q > /dev/null
echo "recorded: $?"
same() {
    sed -E 's/"time":"[^"]*",//; s/"source":"[a-z+]*"/"source":""/g; s/ --from a.rec//g; s/ of [^ ]* at [^ ]* in a.rec//g; /^note: /d'
}
while read -r words; do
    case $words in check*) quiet= ;; *) quiet=-q ;; esac
    $AS ./program $words -N $WHICH $quiet 2>&1 > live.out; live=$?
    $AS ./program $words --from a.rec $ALSO $quiet 2>&1 > rec.out; recorded=$?
    same < live.out > live; same < rec.out > rec
    if [ $live = $recorded ] && cmp -s live rec && [ $live = 1 -o -s rec ]; then
        echo "same $live"
    else
        echo "differs $live $recorded: $words"; diff live rec
    fi
done <<END
$LINES
END
"#;

/// What is compared, but for rules of `doctor`, which measure times.
const LINES: &str = "
list
list -p
list -A tcp,udp --json -p
list --columns netns,inode,cookie,uid,user,cgroup,process,unit,container,pod
list netns = blue
list not netns = blue -l
--by netns
--by netns --json
--by netns,state --top 1
-A tcp,udp --by netns --json
-A udp --by netns
-4 --by netns
-l --by netns
--json
--json netns = red
--by service,netns
--by process
--by user
check -w total=3
check --by netns -w total=3
check --by netns --json -w established=+1 --window 0.05
";

/// A line without the words that name the record.
fn without_record(line: &str) -> String {
    let Some((before, after)) = line.split_once(" in a.rec") else {
        return line.to_owned();
    };
    let (before, _) = before.rsplit_once(" of ").unwrap_or((before, ""));
    format!("{before}{after}")
}

#[track_caller]
fn assert_all_same(ran: &Ran, recorded: i32) {
    let mut lines = ran.stdout.lines();
    assert_eq!(
        lines.next(),
        Some(&*format!("recorded: {recorded}")),
        "{ran:?}"
    );
    let compared = lines.filter(|line| line.starts_with("same ")).count();
    assert_eq!(compared, LINES.trim().lines().count(), "{ran:?}");
}

fn compared(which: &str, run_as: &str, also: &str) -> Ran {
    let lines = LINES.trim();
    run_script(&format!(
        "WHICH={which} AS=\"{run_as}\" ALSO=\"{also}\" LINES=\"{lines}\"\n{COMPARE}"
    ))
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn answers_about_several_namespaces_are_the_same_from_a_record() {
        make_directory();
        let named = [("blue", 3), ("red", 1)]
            .map(|(name, connections)| Named::with_connections(name, connections));
        named[1].run(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            std::mem::forget(socket);
        });
        // Processes of other pid namespaces are not visible, so that nothing is known to be complete.
        assert_all_same(&compared("all", "", ""), 3);
        assert_all_same(&compared("all", "", "-N all"), 3);
        assert_all_same(&compared("blue,red", "", ""), 0);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn what_could_not_be_entered_is_missing_in_a_record_as_on_the_host() {
        make_directory();
        let _named = ["blue", "red"].map(|name| Named::with_connections(name, 2));
        // The own user, who is the only one in the namespaces of an ordinary user's tests.
        let without_privileges = "setpriv --inh-caps=-all --bounding-set=-all";
        let ran = compared("all", without_privileges, "");
        assert_all_same(&ran, 3);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn one_of_several_namespaces_is_selected_by_its_recorded_name() {
        make_directory();
        let _named = [("blue", 3), ("red", 1)]
            .map(|(name, connections)| Named::with_connections(name, connections));
        let folder = Folder::new();
        let ran = folder.run(&[
            "record", "a.rec", "-N", "blue,red", "--window", "0.05", "-q",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(
            ran.stdout.contains(" in 2 network namespaces, then "),
            "{ran:?}"
        );
        for (name, sockets) in [("blue", 7), ("red", 3)] {
            for arguments in [
                &["-q"][..],
                &["list", "-q"],
                &["list", "--columns", "interface,inode,netns", "-q"],
                &["--by", "service", "-q"],
                &["check", "-w", "accept-queue=50%"],
                &["check", "-w", "somaxconn=1"],
            ] {
                let live = folder.run(&[arguments, &["-N", name]].concat());
                let recorded = folder.run(&[arguments, &["-N", name, "--from", "a.rec"]].concat());
                let lines = recorded.stdout.lines().map(without_record);
                let lines: Vec<String> = lines.filter(|line| !line.starts_with("note: ")).collect();
                let expected: Vec<String> = live.stdout.lines().map(str::to_owned).collect();
                assert_eq!(
                    (recorded.status, lines),
                    (live.status, expected),
                    "{arguments:?}"
                );
            }
            let counted = folder.run(&["--from", "a.rec", "-N", name, "--json", "-q"]);
            assert!(
                counted.stdout.contains(&format!("\"total\":{sockets},")),
                "{counted:?}"
            );
        }
        folder.refused(
            &["--from", "a.rec", "-N", "all"],
            "a.rec is a record of blue, red only",
        );
        folder.refused(
            &["--from", "a.rec", "-N", "blu"],
            "no network namespace blu was recorded in a.rec at ",
        );
        folder.refused(
            &["list", "--from", "a.rec", "netns", "=", "green"],
            "no network namespace green was recorded",
        );
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn an_anonymous_record_has_other_names_of_namespaces_and_the_same_ones_throughout() {
        make_directory();
        let _named = ["blue", "red"].map(|name| Named::with_connections(name, 2));
        let folder = Folder::new();
        let ran = folder.run(&[
            "record",
            "a.rec",
            "-N",
            "blue,red",
            "--window",
            "0.05",
            "-q",
            "--anonymize",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let text = crate::child::run_tool("zcat", [folder.path("a.rec").to_str().unwrap()]);
        for hidden in ["blue", "\"red\"", "/red"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        let groups = folder
            .run(&["--from", "a.rec", "--by", "netns", "-q"])
            .stdout;
        assert_eq!(
            groups
                .lines()
                .filter(|line| line.starts_with("name"))
                .count(),
            2,
            "{groups}"
        );
    }
);

/// Two namespaces, of which the first has a full accept queue.
pub(super) fn unaccepted() -> [Named; 2] {
    let named = [("blue", 0), ("red", 1)]
        .map(|(name, connections)| Named::with_connections(name, connections));
    let (tell, told) = std::sync::mpsc::channel();
    named[0].run(move || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        rustix::net::listen(&listener, 1).unwrap();
        let clients = (0..2).map(|_| TcpStream::connect(address).unwrap());
        std::mem::forget((clients.collect::<Vec<_>>(), listener));
        tell.send(()).unwrap();
    });
    told.recv().unwrap();
    named
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn findings_name_their_recorded_namespace_and_every_command_runs() {
        make_directory();
        let _named = unaccepted();
        let folder = Folder::new();
        let ran = folder.run(&["record", "a.rec", "-N", "blue,red", "--window", "5", "-q"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let recorded = folder.run(&["doctor", "--json", "-q", "--from", "a.rec"]);
        let live = folder.run(&["doctor", "--json", "-q", "-N", "blue,red"]);
        let findings = |ran: &Ran| -> Vec<_> {
            let found = Report::of(ran).findings.into_iter();
            found.map(|one| (one.id, one.severity, one.netns)).collect()
        };
        assert_eq!(
            (recorded.status, findings(&recorded)),
            (live.status, findings(&live)),
            "{recorded:?}"
        );
        let report = Report::of(&recorded);
        let found = &report.findings[0];
        assert_eq!(
            (&*found.id, found.netns.as_deref()),
            ("accept-queue", Some("blue"))
        );
        for shown in &found.commands {
            assert!(shown.contains("--netns blue --from a.rec"), "{shown}");
            let words = shown.strip_prefix("tcpstates ").unwrap().split(' ');
            let words: Vec<&str> = words.map(|word| word.trim_matches('\'')).collect();
            let ran = folder.run(&words);
            assert_eq!(
                (ran.status, ran.stdout.lines().count() > 1),
                (0, true),
                "{shown}: {ran:?}"
            );
        }
        let one = folder.run(&["doctor", "--json", "-q", "--from", "a.rec", "-N", "red"]);
        assert!(Report::of(&one).findings.is_empty(), "{one:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_live_view_goes_through_a_record_of_several_namespaces() {
        make_directory();
        let _named = unaccepted();
        let folder = Folder::new();
        let ran = folder.run(&[
            "record", "a.rec", "-N", "blue,red", "--window", "0.05", "-q",
        ]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let path = folder.path("a.rec");
        let mut terminal = Terminal::with(&["--from", path.to_str().unwrap(), "--watch"]);
        terminal.wait_for(" in a.rec  PAUSED");
        terminal.wait_for_count("LISTEN", 3);
        terminal.wait_for("all by netns");
        terminal.wait_for("blue");
        terminal.type_("\x1b[D");
        terminal.wait_for("the record begins here");
        terminal.wait_for_count("LISTEN", 3);
        terminal.type_("\r");
        terminal.wait_for("9 sockets by ");
        terminal.type_("\x1b");
        terminal.wait_for("all by netns");
        terminal.type_("n");
        terminal.type_("d");
        terminal.wait_for("1 finding of all rules at this moment");
        terminal.wait_for("netns     blue");
        terminal.type_("q");
        assert_eq!(terminal.wait_for_end().code(), Some(0));
        terminal.assert_restored();
    }
);
