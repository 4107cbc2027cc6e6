//! Terminal sizes, kinds and colours, and outputs other than terminals.

use super::pty::{Setup, Terminal};
use crate::child;
use crate::namespace::in_namespace;
use crate::program::PROGRAM;
use crate::zoo::{Family, SocketCounts, State, Zoo};

fn open_sockets() -> Zoo {
    Zoo::open(&SocketCounts::none().with(Family::V4, State::Established, 4))
}

in_namespace!(
    fn resizing_redraws_and_forty_by_ten_still_shows_counts() {
        let _sockets = open_sockets();
        let mut terminal = Terminal::with(&["--watch=0.1"]);
        terminal.wait_for_count("TOTAL", 4);
        terminal.wait_for("MIN");
        terminal.resize(40, 10);
        terminal.wait_until("no room for MIN", |screen| {
            let screen = screen.contents();
            !screen.contains("MIN") && screen.lines().count() <= 10 && screen.contains("quit")
        });
        terminal.wait_for_count("ESTABLISHED", 4);
        terminal.wait_for_count("TOTAL", 4);
        // Every line can be selected, and no other.
        terminal.type_("k");
        terminal.wait_until("the only state", |screen| {
            let rows = screen.rows(0, 40).collect::<Vec<_>>();
            rows.len() == 10 && rows[2].contains("ESTABLISHED")
        });
        terminal.select("ESTABLISHED");
        terminal.type_("j");
        terminal.resize(200, 60);
        terminal.wait_for("all by service,remote-addr");
        terminal.wait_until("the time at the right edge", |screen| {
            let screen = screen.contents();
            let first = screen.lines().next().unwrap_or_default();
            first.trim_end().chars().count() == 200
        });
        terminal.resize(9, 3);
        terminal.resize(1, 1);
        terminal.resize(80, 24);
        terminal.wait_for_count("TOTAL", 4);
        terminal.type_("q");
        assert!(terminal.wait_for_end().success());
    }
);

in_namespace!(
    fn the_first_key_after_a_resize_is_handled() {
        let mut terminal = Terminal::with(&["--watch=60"]);
        terminal.wait_for_count("TOTAL", 0);
        terminal.type_("?");
        terminal.wait_for("press any key to return");
        terminal.type_("\x1b");
        terminal.wait_for("q quit");
        for columns in [60, 40, 80] {
            terminal.resize(columns, 24);
            terminal.wait_until("another width", |screen| {
                let screen = screen.contents();
                screen.contains("MIN") == (columns == 80)
            });
            terminal.type_("?");
            terminal.wait_for("press any key to return");
            terminal.type_("?");
            terminal.wait_for("q quit");
        }
    }
);

in_namespace!(
    fn without_utf8_and_on_the_console_output_is_ascii() {
        let _sockets = open_sockets();
        for environment in [("LC_ALL", "C"), ("TERM", "linux")] {
            let terminal = Terminal::start(&Setup {
                size: (80, 24),
                arguments: &["--watch=0.1"],
                environment: &[environment],
            });
            terminal.wait_for_count("TOTAL", 4);
            terminal.wait_for("####");
            assert!(terminal.text().is_ascii(), "{}", terminal.text());
        }
    }
);

in_namespace!(
    fn colour_follows_no_color_and_the_option() {
        let _sockets = open_sockets();
        for (environment, arguments, has_colour) in [
            (("NO_COLOR", ""), &["--watch=0.1"][..], true),
            (("NO_COLOR", "1"), &["--watch=0.1"], false),
            (("NO_COLOR", ""), &["--watch=0.1", "--color=never"], false),
        ] {
            let terminal = Terminal::start(&Setup {
                size: (80, 24),
                arguments,
                environment: &[environment],
            });
            terminal.wait_for_count("TOTAL", 4);
            terminal.wait_for("████");
            assert_eq!(terminal.has_colour(), has_colour, "{environment:?}");
        }
    }
);

in_namespace!(
    fn unsuitable_terminals_and_formats_get_appended_samples() {
        let _sockets = open_sockets();
        for (environment, arguments) in [
            (("TERM", "dumb"), &["--watch=0.05", "--samples=2"][..]),
            (("TERM", ""), &["--watch=0.05", "--samples=2"]),
            (
                ("TERM", "xterm"),
                &["--watch=0.05", "--samples=2", "--json"],
            ),
            (
                ("TERM", "xterm"),
                &["--watch=0.05", "--samples=2", "--format=csv"],
            ),
            (("TERM", "xterm"), &["list", "--watch=0.05", "--samples=2"]),
        ] {
            let mut terminal = Terminal::start(&Setup {
                size: (80, 60),
                arguments,
                environment: &[environment],
            });
            assert!(terminal.wait_for_end().success());
            terminal.wait_until("two samples", |screen| {
                let screen = screen.contents();
                screen.matches("ESTABLISHED").count() >= 2
            });
        }
    }
);

in_namespace!(
    fn with_stdin_not_a_terminal_samples_are_appended() {
        let _sockets = open_sockets();
        let mut command = child::command("sh");
        let script = format!("exec {PROGRAM} --watch=0.05 --samples=2 </dev/null");
        command.args(["-c", &script]);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::run(command, (80, 60));
        assert!(terminal.wait_for_end().success());
        terminal.wait_until("two samples", |screen| {
            screen.contents().matches("TOTAL").count() == 2
        });
    }
);

in_namespace!(
    fn the_title_names_the_network_namespaces_that_were_selected() {
        let own = format!("pid:{}", std::process::id());
        let terminal = Terminal::with(&["--watch=0.1", "-N", &own]);
        terminal.wait_for(&format!(" netns {own}  every 100 ms"));
    }
);
