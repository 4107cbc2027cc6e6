//! The owners of a socket in a row: `nginx(1234),nginx(1240)`; `(nginx(1234))` for a connection that
//! the owner of its listener has not accepted yet.
//!
//! A comma in a name is an escape, so that one name cannot look like two, and the last brackets of
//! each hold its pid. The name `?` is one that cannot be read.

use super::escape;
use super::text::push_number;
use crate::model::{Field, Held, Process};

/// What is shown of the owners.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// Their names and pids.
    Processes,
    /// The same of those that hold the other end of a UNIX socket.
    PeerProcesses,
    /// Their descriptors.
    Descriptors,
    /// Something else they may have.
    Texts(TextOf),
}

/// What a process has, if it has it.
type TextOf = fn(&Process) -> Option<&str>;

impl Shown {
    /// What a field shows; `None` for one that is not about owners.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other field is about the socket"
    )]
    pub(super) fn of(field: Field) -> Option<Shown> {
        Some(match field {
            Field::Process => Shown::Processes,
            Field::PeerProcess => Shown::PeerProcesses,
            Field::Fd => Shown::Descriptors,
            Field::CommandLine => Shown::Texts(|process| process.command_line.as_deref()),
            Field::Unit => Shown::Texts(|process| process.placement.unit.as_deref()),
            Field::Container => Shown::Texts(|process| process.placement.container.as_deref()),
            Field::Pod => Shown::Texts(|process| process.placement.pod.as_deref()),
            _ => return None,
        })
    }
}

/// The key of a field in a list, where a socket can have several owners.
pub(super) fn list_key(field: Field) -> String {
    match field == Field::Process || field == Field::PeerProcess {
        true => field.json_key() + "es",
        false => field.json_key(),
    }
}

/// Appends them to a cell of a table, with `-` for none.
pub(super) fn push_word(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>) {
    let start = out.len();
    push(out, shown, held, |out, text| {
        out.extend_from_slice(escape::item(text).as_bytes());
    });
    if out.len() == start {
        out.push(b'-');
    }
}

/// The owners as one line of text; empty if there are none.
pub(super) fn line(shown: Shown, held: &Held<'_>) -> String {
    let mut line = Vec::new();
    push(&mut line, shown, held, |out, text| {
        match text {
            // As it is, it is a name that cannot be read.
            "?" => out.extend_from_slice(b"\\u{3f}"),
            text => out.extend_from_slice(escape::cell_item(text).as_bytes()),
        }
    });
    String::from_utf8(line).unwrap_or_default()
}

fn push(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>, push_text: fn(&mut Vec<u8>, &str)) {
    let start = out.len();
    match shown {
        Shown::Processes | Shown::PeerProcesses => {
            for process in held.processes() {
                match &process.name {
                    Some(name) => push_text(out, &name.text()),
                    None => out.push(b'?'),
                }
                out.push(b'(');
                push_number(out, process.pid);
                out.extend_from_slice(b"),");
            }
        }
        Shown::Descriptors => {
            for fd in held.holders().filter_map(|(_, fd)| fd) {
                push_number(out, fd);
                out.push(b',');
            }
        }
        Shown::Texts(of) => {
            for text in texts(of, held) {
                push_text(out, text);
                out.push(b',');
            }
        }
    }
    if out.len() == start {
        return;
    }
    // The last comma.
    out.pop();
    if held.never_accepted() && matches!(shown, Shown::Processes) {
        out.insert(start, b'(');
        out.push(b')');
    }
}

/// What the owners have, each text once, in the order of their pids.
pub(super) fn texts<'a>(of: TextOf, held: &Held<'a>) -> Vec<&'a str> {
    let mut texts = Vec::new();
    for text in held.processes().filter_map(of) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Hold, Placement, ProcessName};
    use crate::output::json::list::push_owners;

    fn process(pid: u32, name: &str, unit: &str) -> Process {
        Process {
            pid,
            name: Some(ProcessName::new(name.as_bytes())),
            command_line: None,
            placement: Placement {
                unit: (!unit.is_empty()).then(|| unit.into()),
                ..Placement::default()
            },
        }
    }

    fn all(shown: Shown, held: &Held<'_>) -> [String; 3] {
        let (mut word, mut json) = (Vec::new(), Vec::new());
        push_word(&mut word, shown, held);
        push_owners(&mut json, shown, held);
        let [word, json] = [word, json].map(|bytes| String::from_utf8(bytes).unwrap());
        [word, line(shown, held), json]
    }

    #[test]
    fn every_process_is_shown_once_and_every_descriptor() {
        let processes = [
            process(7, "web", "web.service"),
            process(9, "a,b(1) \u{1b}", "web.service"),
        ];
        let holds = [(7, 3), (7, 4), (9, 3)].map(|(pid, fd)| Hold::new(pid, Some(fd)));
        let held = Held::by(&holds, &processes);
        let [cell, csv, json] = all(Shown::Processes, &held);
        assert_eq!(cell, r#"web(7),"a\u{2c}b(1)\x20\u{1b}"(9)"#);
        assert_eq!(csv, r"web(7),a\u{2c}b(1) \u{1b}(9)");
        assert_eq!(
            json,
            concat!(
                r#"[{"pid":7,"name":"web","fd":3},{"pid":7,"name":"web","fd":4},"#,
                r#"{"pid":9,"name":"a,b(1) \u001b","fd":3}],"never_accepted":false"#
            )
        );
        assert_eq!(
            all(Shown::Descriptors, &held),
            ["3,4,3", "3,4,3", "[3,4,3]"]
        );
        let unit = "web.service";
        assert_eq!(
            all(Shown::of(Field::Unit).unwrap(), &held),
            [unit, unit, &format!("[{unit:?}]")]
        );
        assert_eq!(
            all(Shown::of(Field::CommandLine).unwrap(), &held),
            ["-", "", "[]"]
        );
    }

    #[test]
    fn a_name_that_cannot_be_read_is_neither_empty_nor_a_question_mark() {
        let unread = Process {
            name: None,
            ..process(7, "", "")
        };
        let processes = [unread, process(8, "?", "")];
        let holds = [(7, 3), (8, 3)].map(|(pid, fd)| Hold::new(pid, Some(fd)));
        let [cell, csv, json] = all(Shown::Processes, &Held::by(&holds, &processes));
        assert_eq!(cell, r#"?(7),"?"(8)"#);
        assert_eq!(csv, r"?(7),\u{3f}(8)");
        assert!(json.starts_with(r#"[{"pid":7,"name":null,"fd":3},{"pid":8,"name":"?","#));
    }

    #[test]
    fn owners_of_the_listener_are_in_brackets_and_no_owner_is_a_dash() {
        let processes = [process(7, "(sd-pam)", ""), process(8, "", "")];
        let holds = [(7, 3), (8, 3)].map(|(pid, fd)| Hold::new(pid, Some(fd)));
        let held = Held::by(&holds, &processes).unaccepted();
        let [cell, csv, json] = all(Shown::Processes, &held);
        assert_eq!(cell, "((sd-pam)(7),\"\"(8))");
        assert_eq!(csv, "((sd-pam)(7),(8))");
        assert!(json.ends_with("],\"never_accepted\":true"), "{json}");
        let [cell, csv, json] = all(Shown::Processes, &Held::default());
        assert_eq!((&*cell, &*csv), ("-", ""));
        assert_eq!(json, "[],\"never_accepted\":false");
    }
}
