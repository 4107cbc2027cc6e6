//! Hostile process names: any user can choose them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::holder::{Holder, listener};
use crate::answer::Answer;
use crate::list::row::Listed;
use crate::namespace::in_namespace;
use crate::program::run;

in_namespace!(
    fn hostile_process_names_are_escaped_in_every_format() {
        for (name, text, word) in [
            (
                &b"a) R 1 (\x1b[31m"[..],
                "a) R 1 (\u{1b}[31m",
                r#""a)\x20R\x201\x20(\u{1b}[31m""#,
            ),
            (b"x(1),\nsshd", "x(1),\nsshd", r#""x(1)\u{2c}\nsshd""#),
            (b"(sd-pam)", "(sd-pam)", "(sd-pam)"),
            (
                "fourteen-bytesé".as_bytes(),
                "fourteen-bytes\u{fffd}",
                "fourteen-bytes\u{fffd}",
            ),
            (b"sixteen-bytes-lo", "sixteen-bytes-l", "sixteen-bytes-l"),
            ("\u{202e}txt".as_bytes(), "\u{202e}txt", r#""\u{202e}txt""#),
            (b"\xff\xfe", "\u{fffd}\u{fffd}", "\u{fffd}\u{fffd}"),
            (b"\x7f\xc2\x9b", "\u{7f}\u{9b}", r#""\u{7f}\u{9b}""#),
            (b"TOTAL", "TOTAL", r#""TOTAL""#),
            (b"OTHER(9)", "OTHER(9)", r#""OTHER(9)""#),
            (b"-", "-", r#""-""#),
        ] {
            let listener = listener();
            let holder = Holder::named(OsStr::from_bytes(name), &listener);
            drop(listener);
            let json = run(["list", "-p", "--json"]).succeeded();
            let sockets = Listed::all(&json).0;
            let processes = sockets[0].processes.as_deref().unwrap();
            assert_eq!(
                (&*processes[0].name, processes[0].pid),
                (text, holder.pid())
            );
            let table = run(["list", "-p"]).succeeded().stdout;
            assert_eq!(table.lines().count(), 2, "{table:?}");
            let cell = table.split_whitespace().last().unwrap();
            assert_eq!(cell, format!("{word}({})", holder.pid()));
            let grouped = Answer::of(&run(["--by", "process", "--json"]).succeeded());
            assert_eq!(grouped.groups[0].key["process"], text);
            let table = run(["--by", "process"]).succeeded().stdout;
            assert_eq!(table.lines().count(), 3, "{table:?}");
            let cell = table.lines().nth(1).unwrap().split_whitespace().next();
            assert_eq!(cell.unwrap().replace(',', r"\u{2c}"), word);
            for format in ["table", "csv", "json"] {
                let grouped = run(["--by=process", "--format", format]).succeeded();
                let listed = run(["list", "-p", "--format", format]).succeeded();
                let text = grouped.stdout + &listed.stdout;
                let is_hidden = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(!text.contains(is_hidden), "{text:?}");
            }
        }
    }
);
