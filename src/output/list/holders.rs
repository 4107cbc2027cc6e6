//! The holders of a socket in a row: `nginx(1234),nginx(1240)`; `(nginx(1234))` of a connection
//! that the holder of its listener has yet to accept. Arrays in JSON.
//!
//! A comma in a name is an escape, so that one name cannot look like two, and the last brackets of
//! each hold its pid.

use std::io;

use super::text::push_number;
use crate::model::{Field, Held, Process};
use crate::output::{escape, json};

/// What is shown of the holders.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// Their names and pids.
    Processes,
    /// Their descriptors.
    Descriptors,
    /// Something else they may have.
    Texts(TextOf),
}

/// What a process has, if it has it.
pub(super) type TextOf = fn(&Process) -> Option<&str>;

/// How a format appends text from others.
type PushText = fn(&mut Vec<u8>, &str);

/// The key of a field in a list, where several processes may hold a socket.
pub(super) fn list_key(field: Field) -> String {
    if field == Field::Process {
        "processes".to_owned()
    } else {
        field.json_key()
    }
}

/// Appends them to a cell of a table, with `-` for none.
pub(super) fn push_cell(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>) {
    let start = out.len();
    push(out, shown, held, |out, text| {
        out.extend_from_slice(escape::item(text).as_bytes());
    });
    if out.len() == start {
        out.push(b'-');
    }
}

/// Appends them to a cell of CSV, with nothing for none.
pub(super) fn push_csv(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>) {
    push(out, shown, held, |out, text| {
        let text = escape::line(text).replace(',', "\\u{2c}");
        out.extend_from_slice(text.as_bytes());
    });
}

fn push(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>, push_text: PushText) {
    let mut separator = Separator::default();
    match shown {
        Shown::Processes => {
            let never_accepted = held.never_accepted() && held.processes().next().is_some();
            if never_accepted {
                out.push(b'(');
            }
            for process in held.processes() {
                separator.push(out);
                push_text(out, &process.name.text());
                out.push(b'(');
                push_number(out, process.pid);
                out.push(b')');
            }
            if never_accepted {
                out.push(b')');
            }
        }
        Shown::Descriptors => {
            for (_, fd) in held.holders() {
                separator.push(out);
                push_number(out, fd);
            }
        }
        Shown::Texts(of) => {
            for text in texts(of, held) {
                separator.push(out);
                push_text(out, text);
            }
        }
    }
}

/// Commas between the pieces of a cell.
#[derive(Default)]
struct Separator {
    is_needed: bool,
}

impl Separator {
    fn push(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.is_needed, true) {
            out.push(b',');
        }
    }
}

/// What the holders have, each thing once, in the order of their pids.
fn texts<'a>(of: TextOf, held: &Held<'a>) -> impl Iterator<Item = &'a str> {
    let held = *held;
    held.processes()
        .enumerate()
        .filter_map(move |(at, process)| {
            let text = of(process)?;
            let mut before = held.processes().take(at);
            (!before.any(|other| of(other) == Some(text))).then_some(text)
        })
}

/// Appends an array: of objects for processes, of numbers for descriptors, else of texts; after
/// processes also whether they are those of the listener.
pub(super) fn push_json(out: &mut Vec<u8>, shown: Shown, held: &Held<'_>) -> io::Result<()> {
    let mut separator = Separator::default();
    out.push(b'[');
    match shown {
        Shown::Processes => {
            for (process, fd) in held.holders() {
                separator.push(out);
                out.extend_from_slice(b"{\"pid\":");
                push_number(out, process.pid);
                out.extend_from_slice(b",\"name\":");
                json::write_value(out, &process.name.text())?;
                out.extend_from_slice(b",\"fd\":");
                push_number(out, fd);
                out.push(b'}');
            }
        }
        Shown::Descriptors => push(out, shown, held, |_, _| {}),
        Shown::Texts(of) => {
            for text in texts(of, held) {
                separator.push(out);
                json::write_value(out, text)?;
            }
        }
    }
    out.push(b']');
    if matches!(shown, Shown::Processes) {
        out.extend_from_slice(b",\"never_accepted\":");
        let word: &[u8] = if held.never_accepted() {
            b"true"
        } else {
            b"false"
        };
        out.extend_from_slice(word);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Hold, ProcessName};

    fn process(pid: u32, name: &str, unit: &str) -> Process {
        Process {
            pid,
            name: ProcessName::new(name.as_bytes()),
            command_line: None,
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            container: None,
        }
    }

    fn all(shown: Shown, held: &Held<'_>) -> [String; 3] {
        let mut forms = [Vec::new(), Vec::new(), Vec::new()];
        let [cell, csv, json] = &mut forms;
        push_cell(cell, shown, held);
        push_csv(csv, shown, held);
        push_json(json, shown, held).unwrap();
        forms.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_process_is_shown_once_and_every_descriptor() {
        let processes = [
            process(7, "web", "web.service"),
            process(9, "a,b(1) \u{1b}", "web.service"),
        ];
        let holds = [(7, 3), (7, 4), (9, 3)].map(|(pid, fd)| Hold { pid, fd });
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
            all(Shown::Texts(|process| process.unit.as_deref()), &held),
            [unit, unit, &format!("[{unit:?}]")]
        );
        assert_eq!(
            all(
                Shown::Texts(|process| process.command_line.as_deref()),
                &held
            ),
            ["-", "", "[]"]
        );
    }

    #[test]
    fn who_has_yet_to_accept_stands_in_brackets_and_nobody_is_a_dash() {
        let processes = [process(7, "(sd-pam)", ""), process(8, "", "")];
        let holds = [(7, 3), (8, 3)].map(|(pid, fd)| Hold { pid, fd });
        let held = Held::by(&holds, &processes).not_yet();
        let [cell, csv, json] = all(Shown::Processes, &held);
        assert_eq!(cell, "((sd-pam)(7),\"\"(8))");
        assert_eq!(csv, "((sd-pam)(7),(8))");
        assert!(json.ends_with("],\"never_accepted\":true"), "{json}");
        let [cell, csv, json] = all(Shown::Processes, &Held::default());
        assert_eq!((&*cell, &*csv), ("-", ""));
        assert_eq!(json, "[],\"never_accepted\":false");
    }
}
