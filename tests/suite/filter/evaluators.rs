//! The evaluators of a filter: the kernel, the program, the program with /proc, and ss.

use super::oracle::confuses_families;
use super::syntax;
use super::tree::{Number, Test, Tree};
use crate::child::run_tool;
use crate::list::row::Listed;
use crate::program::run;

/// The sockets that pass a filter, by their cookies, or by the fields that every row has; sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Cookies(Vec<u64>),
    Ends(Vec<Ends>),
}

/// State, family, both ends.
pub(super) type Ends = [String; 4];

/// The sockets to which a filter is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Those of a plain list.
    Usual,
    /// Those, and the sockets that are only bound.
    WithBound,
}

impl Table {
    fn options(self) -> &'static [&'static str] {
        match self {
            Table::Usual => &[],
            Table::WithBound => &["--state=all,bound"],
        }
    }

    /// Every socket, with every column that a filter can test.
    pub(super) fn list(self) -> Vec<Listed> {
        let columns = "uid,user,interface,cgroup,retransmits,inode,cookie,mark";
        let options = [&["list", "--json", "--columns", columns], self.options()];
        let ran = run(options.concat()).succeeded();
        Listed::all(&ran).0
    }
}

/// The ends of these rows.
pub(super) fn ends_of<'a>(rows: impl IntoIterator<Item = &'a Listed>) -> Passed {
    let ends = |row: &Listed| {
        [
            row.state.clone(),
            row.family.clone(),
            format!("{} {}", row.local_addr, row.local_port),
            format!("{} {}", row.remote_addr, row.remote_port),
        ]
    };
    let mut all: Vec<Ends> = rows.into_iter().map(ends).collect();
    all.sort();
    Passed::Ends(all)
}

pub(super) fn cookies_of<'a>(rows: impl IntoIterator<Item = &'a Listed>) -> Passed {
    let mut all: Vec<u64> = rows.into_iter().map(|row| row.cookie.unwrap()).collect();
    all.sort_unstable();
    Passed::Cookies(all)
}

/// Evaluated by the kernel, where it has an operation for every test.
pub(super) fn kernel(tree: &Tree, filter: &str, table: Table) -> Passed {
    let (rows, notes) = list(filter, table, &["--columns=cookie"]);
    if tree.is_all(|test| test.is_of_the_kernel()) {
        assert!(!notes.contains("tcpstates evaluates"), "{filter}: {notes}");
    }
    cookies_of(&rows)
}

/// Evaluated by the program: the kernel does not evaluate half of an `or`, and no queue is so long.
pub(super) fn program(tree: &Tree, filter: &str, table: Table) -> Passed {
    let filter = format!("({filter}) or receive-queue > {}", u32::MAX);
    let (rows, notes) = list(&filter, table, &["--columns=cookie"]);
    if tree.is_all(|test| *test != Test::Autobound) {
        assert!(!notes.contains("the kernel evaluates"), "{filter}: {notes}");
    }
    cookies_of(&rows)
}

/// Evaluated by the program with /proc; `None` where it lacks a field.
pub(super) fn proc(tree: &Tree, filter: &str, table: Table) -> Option<Passed> {
    let is_known = table == Table::Usual && tree.is_all(|test| test.is_in_proc());
    let filter = match tests_retransmits(tree) {
        true => format!("({filter}) and not state syn-recv"),
        false => filter.to_owned(),
    };
    is_known.then(|| ends_of(&list(&filter, table, &["--source=proc"]).0))
}

/// Whether [`proc`] evaluates the filter for this row: /proc has no retransmits of SYN_RECV.
pub(super) fn is_evaluated_by_proc(tree: &Tree, row: &Listed) -> bool {
    row.state != "SYN_RECV" || !tests_retransmits(tree)
}

fn tests_retransmits(tree: &Tree) -> bool {
    let is_other =
        |test: &Test| !matches!(test, Test::Number { field, .. } if *field == Number::Retransmits);
    !tree.is_all(is_other)
}

/// The sockets whose port the kernel chose, which only the kernel knows.
pub(super) fn autobound(table: Table) -> Passed {
    cookies_of(&list("autobound", table, &["--columns=cookie"]).0)
}

/// Evaluated by ss; `None` where it has no words for a test. It compares the bits of addresses
/// without their families (`inet2_addr_match`, misc/ss.c): also `None` where that changes the
/// result for some socket.
pub(super) fn ss(tree: &Tree, rows: &[Listed], table: Table) -> Option<Passed> {
    let filter = syntax::to_ss_filter(tree).filter(|_| table == Table::Usual)?;
    let is_confused = |test: &Test| rows.iter().any(|row| confuses_families(test, row));
    if !tree.is_all(|test| !is_confused(test)) {
        return None;
    }
    let options = ["-H", "-t", "-a", "-n", "-e"].into_iter();
    let text = run_tool("ss", options.chain(filter.split_whitespace()));
    let cookie = |line: &str| {
        let word = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("sk:"));
        u64::from_str_radix(word.unwrap(), 16).unwrap()
    };
    let mut all: Vec<u64> = text.lines().map(cookie).collect();
    all.sort_unstable();
    Some(Passed::Cookies(all))
}

/// The sockets that pass, and the notes on how the filter was evaluated.
fn list(filter: &str, table: Table, options: &[&str]) -> (Vec<Listed>, String) {
    let ran = run([&["list", "--json", "-v", filter], table.options(), options].concat());
    // The program refuses a filter that no socket can pass.
    if ran.status == 2 && ran.stderr.contains("no socket can pass") {
        return (Vec::new(), String::new());
    }
    assert_eq!(ran.status, 0, "{filter}: {ran:?}");
    (Listed::all(&ran).0, ran.stderr)
}
