//! Colour and bars: on a terminal, in a pipe, and by option and environment.
//!
//! script(1) provides the terminal.

use crate::child::{Start, command};
use crate::namespace::in_namespace;
use crate::program::{PROGRAM, run};
use crate::skip::skip_or_fail;
use crate::zoo::{Family, SocketCounts, State, Zoo};

const YELLOW: &str = "\u{1b}[33m";

/// The output of the program on a terminal with so many columns.
pub(crate) fn on_a_terminal(columns: usize, options: &str, environment: &[(&str, &str)]) -> String {
    let line = format!("stty cols {columns} && exec {PROGRAM} {options}");
    let output = command("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env("LC_ALL", "C.UTF-8")
        .envs(environment.iter().copied())
        .run_to_end()
        .unwrap_or_else(|error| skip_or_fail("script", &error));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn open_sockets() -> Zoo {
    let wanted = SocketCounts::none()
        .with(Family::V4, State::Established, 3)
        .with(Family::V4, State::CloseWait, 1);
    Zoo::open(&wanted)
}

in_namespace!(
    fn a_terminal_gets_shares_bars_and_colour_by_default() {
        let _sockets = open_sockets();
        let plain = on_a_terminal(80, "--color never", &[]);
        assert!(
            plain.contains("75.0%  ███") && !plain.contains('\u{1b}'),
            "{plain:?}"
        );
        assert!(on_a_terminal(80, "", &[]).contains(YELLOW));
        for (environment, options, colored) in [
            (("NO_COLOR", "1"), "", false),
            (("NO_COLOR", ""), "", true),
            (("NO_COLOR", "1"), "--color always", true),
            (("TERM", "dumb"), "", false),
        ] {
            let seen = on_a_terminal(80, options, &[environment]);
            assert_eq!(seen.contains(YELLOW), colored, "{environment:?} {seen:?}");
        }
        let ascii = on_a_terminal(80, "", &[("LC_ALL", "C")]);
        assert!(
            ascii.contains("75.0%  ###") && ascii.is_ascii(),
            "{ascii:?}"
        );
    }
);

in_namespace!(
    fn a_pipe_gets_no_bars_and_colour_only_when_forced() {
        let _sockets = open_sockets();
        let plain = run([]).succeeded().stdout;
        assert!(
            !plain.contains('\u{1b}') && !plain.contains('%'),
            "{plain:?}"
        );
        let colored = run(["--color", "always"]).succeeded().stdout;
        assert!(
            colored.contains(YELLOW) && !colored.contains('%'),
            "{colored:?}"
        );
        assert!(
            !run(["--color", "always", "--json"])
                .succeeded()
                .stdout
                .contains('\u{1b}')
        );
    }
);
