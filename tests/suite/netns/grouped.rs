//! Network namespaces as keys of groups, as a column and in filters.

use std::process::Stdio;

use rustix::thread::UnshareFlags;

use super::{Named, make_directory};
use crate::answer::{Answer, Group};
use crate::child::{self, Start};
use crate::live::pty::{Setup, Terminal};
use crate::mounts::run_in_pid_namespace;
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, Ran, ran, run};
use crate::skip::skip;

/// The group of a namespace.
fn group<'a>(answer: &'a Answer, name: &str) -> Option<&'a Group> {
    let mut groups = answer.groups.iter();
    groups.find(|group| group.key["netns"] == name)
}

in_namespace!(
    UnshareFlags::NEWNS,
    fn groups_by_namespace_add_up_and_cross_with_other_keys() {
        make_directory();
        let blue = Named::with_connections("blue", 3);
        let red = Named::with_connections("red", 1);
        let all = run(["--by", "netns", "--json"]);
        let answer = Answer::of(&all);
        assert_eq!(answer.netns.as_ref().unwrap().asked, "all", "{all:?}");
        for (name, total, namespace) in [("blue", 7, &blue), ("red", 3, &red)] {
            let group = group(&answer, name).unwrap();
            assert_eq!(group.total, total, "{all:?}");
            let known = group.namespace.as_ref().unwrap();
            assert_eq!(known.inode, Some(namespace.neighbour.inode));
            assert_eq!(known.mounts, [namespace.path.to_str().unwrap()]);
            assert_eq!(known.source, "netlink");
        }
        let read = answer.netns.unwrap();
        assert!(read.counted.unwrap() >= 3, "{all:?}");
        let crossed = run(["--by", "netns,state", "--json", "-N", "blue,red"]);
        let crossed = Answer::of(&crossed);
        let listening = crossed
            .groups
            .iter()
            .filter(|group| group.key["state"] == "LISTEN");
        assert_eq!((listening.count(), crossed.total), (2, 10));
        let one = run(["--by", "netns", "-N", "blue"]);
        assert!(one.stdout.contains("\nblue "), "{one:?}");
        let top = run(["--by", "netns", "--top", "1", "-N", "blue,red"]);
        assert!(
            top.stdout.contains("blue ") && top.stdout.contains("OTHER(1) "),
            "{top:?}"
        );
        let own = run(["list", "--columns", "netns", "-H"]);
        assert_eq!(own.status, 0, "{own:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_namespace_is_the_first_column_where_there_are_several() {
        make_directory();
        let named = ["blue", "red"].map(|name| Named::with_connections(name, 1));
        let red = named[1].neighbour.inode;
        let list = run(["list", "-N", "blue,red"]);
        assert!(list.stdout.starts_with("NETNS "), "{list:?}");
        let csv = run(["list", "-N", "blue,red", "--format", "csv"]);
        assert!(csv.stdout.starts_with("time,netns,state,"), "{csv:?}");
        let json = run(["list", "-N", "blue,red", "--json", "-l"]);
        let expected = format!("\"netns\":\"red\",\"netns_inode\":{red}");
        assert!(json.stdout.contains(&expected), "{json:?}");
        let counted = "\"netns\":{\"asked\":\"blue,red\",\"counted\":2,";
        assert!(json.stdout.contains(counted), "{json:?}");
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn namespaces_are_in_the_order_of_their_names_with_numbers_as_numbers() {
        make_directory();
        // Not in the order of their inode numbers.
        let named = ["n10", "red", "n2", "blue"].map(|name| Named::with_connections(name, 0));
        let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
        let order = |arguments: &[&str]| -> Vec<String> {
            let ran = run(arguments.iter().copied().chain(["-N", "n10,red,n2,blue"]));
            let lines = ran.stdout.lines().map(first);
            let is_name = |word: &String| ["n10", "red", "n2", "blue"].contains(&&**word);
            lines.filter(is_name).collect()
        };
        let sorted = ["blue", "n2", "n10", "red"];
        assert_eq!(order(&["list", "-l", "--sort", "netns"]), sorted);
        assert_eq!(
            order(&["list", "-l", "--sort", "local-port,netns", "--limit", "4"]).len(),
            4
        );
        assert_eq!(
            order(&["list", "-l", "--sort", "netns", "--limit", "2"]),
            sorted[..2]
        );
        let largest_first = order(&["list", "-l", "--sort", "netns:desc"]);
        assert!(largest_first.iter().rev().eq(&sorted), "{largest_first:?}");
        // Each has one socket.
        assert_eq!(order(&["--by", "netns"]), sorted);
        drop(named);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn a_filter_selects_namespaces_also_inside_not_and_or() {
        make_directory();
        let named = ["blue", "red", "white"].map(|name| Named::with_connections(name, 1));
        let inode = named[0].neighbour.inode;
        for (filter, expected) in [
            ("netns = blue", 3),
            ("netns blue,red", 6),
            ("netns != blue", 6),
            ("not netns = blue,red", 3),
            ("netns = /run/netns/blue", 3),
            ("state listen or netns = blue", 5),
            ("netns = red and state listen", 1),
            ("not (netns = red and state listen)", 8),
        ] {
            let ran = run(["--json", "-N", "blue,red,white", filter]);
            assert_eq!(Answer::of(&ran).total, expected, "{filter}: {ran:?}");
        }
        let by_number = run(["--json", &format!("netns = net:{inode}")]);
        assert_eq!(Answer::of(&by_number).total, 3, "{by_number:?}");
        let unknown = run(["netns = bleu"]);
        assert_eq!(unknown.status, 2, "{unknown:?}");
        assert!(unknown.stderr.contains("did you mean blue?"), "{unknown:?}");
        let with_root = run(["--json", "--proc-root", "/proc", "netns = blue"]);
        assert_eq!(Answer::of(&with_root).total, 3, "{with_root:?}");
        let in_trace = run(["trace", "netns = blue"]);
        assert!(
            in_trace.stderr.contains("trace does not record it"),
            "{in_trace:?}"
        );
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn namespaces_that_a_filter_excludes_are_not_entered() {
        make_directory();
        let named = ["blue", "red", "white"].map(|name| Named::with_connections(name, 1));
        let mut strace = child::command("strace");
        strace.args([
            "-f",
            "-e",
            "trace=/^open",
            PROGRAM,
            "--json",
            "netns = blue",
        ]);
        let Ok(output) = strace.run_to_end() else {
            skip("strace is not installed");
        };
        let ran: Ran = ran(output);
        assert_eq!(Answer::of(&ran).total, 3, "{ran:?}");
        let is_opened = |name: &str| ran.stderr.contains(&format!("/run/netns/{name}\""));
        assert!(is_opened("blue"), "{ran:?}");
        // A mount may be that of a process whose link an ordinary user cannot read.
        if std::fs::read_link("/proc/1/ns/net").is_ok() {
            assert!(!is_opened("red") && !is_opened("white"), "{ran:?}");
        }
        drop(named);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn every_printed_name_is_one_word_of_every_shell() {
        make_directory();
        let names = [
            "blue", "a b", "$(x)", "~root", "{a,b}", "net,1", "-N", "=ls", "%self", "*",
        ];
        let named = names.map(|name| Named::with_connections(name, 1));
        let script = "mount -t proc proc /proc || exit 99
            for name in a-b 'x y' '$HOME' '~' '[x]' '{1..3}' '=ls' '#c' '!1' 'a;b'; do
                cp \"$(command -v sleep)\" \"/run/$name\"
                unshare --net \"/run/$name\" 600 &
                until grep -qsxF -- \"$name\" /proc/$!/comm; do sleep 0.01; done
            done
            $PROGRAM --by netns --json > /run/answer
            $PROGRAM --explain -N all | awk '$1 == \"netns\" { print $2 }' > /run/names
            for shell in bash zsh fish dash; do
                command -v $shell >/dev/null || { echo no $shell >&2; continue; }
                while read -r name; do
                    word=$($shell -c \"printf %s $name\" </dev/null)
                    [ \"$word\" = \"$name\" ] || { echo \"$shell: $name: $word\"; }
                done < /run/names
            done
            cat /run/names";
        let ran = run_in_pid_namespace(script, Stdio::null(), |_| {});
        let words: Vec<&str> = ran.stdout.lines().collect();
        assert!(words.contains(&"blue") && words.len() > 20, "{ran:?}");
        assert!(
            words.iter().all(|word| !word.contains([' ', '$', '*'])),
            "{ran:?}"
        );
        drop(named);
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_live_view_shows_the_sockets_of_the_selected_namespace() {
        make_directory();
        let blue = Named::with_connections("blue", 3);
        let red = Named::with_connections("red", 1);
        let mut terminal = Terminal::start(&Setup {
            size: (100, 45),
            arguments: &["--watch=0.2", "-N", "blue,red"],
            environment: &[],
        });
        // Of several, they come first, and other keys after them.
        terminal.wait_for("all by netns");
        terminal.wait_for("blue ");
        terminal.type_("b");
        terminal.wait_for("all by service,remote-addr");
        terminal.type_("B");
        terminal.wait_for("blue ");
        terminal.type_("\t\r");
        terminal.wait_for("7 sockets of blue ");
        terminal.wait_for("REMOTE");
        assert!(!terminal.text().contains("NETNS"), "one is shown");
        terminal.type_("q");
        drop((blue, red));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_live_list_says_in_which_of_several_namespaces_a_socket_is() {
        make_directory();
        let blue = Named::with_connections("blue", 1);
        let red = Named::with_connections("red", 1);
        let mut terminal = Terminal::start(&Setup {
            size: (80, 45),
            arguments: &["--watch=0.2", "-N", "blue,red"],
            environment: &[],
        });
        terminal.wait_for("all by netns");
        terminal.type_("\r");
        terminal.wait_for("6 sockets by");
        terminal.wait_for("NETNS");
        terminal.wait_for("blue");
        terminal.wait_for("red");
        drop((blue, red));
    }
);

in_namespace!(
    UnshareFlags::NEWNS,
    fn the_live_view_counts_one_namespace_by_its_name() {
        make_directory();
        let _blue = Named::with_connections("blue", 2);
        let terminal = Terminal::with(&["--watch=0.2", "-N", "blue"]);
        terminal.wait_for(" netns blue  every 200 ms");
        terminal.wait_for_count("ESTABLISHED", 4);
    }
);
