//! Those who can say which sockets pass a filter: the kernel, the program, the program from the
//! tables of /proc, and ss.

use std::process::Command;

use super::oracle::mistakes_a_family;
use super::syntax;
use super::tree::{Number, Test, Tree};
use crate::list::row::Listed;
use crate::program::{Ran, command, ran};
use crate::skip::skip_or_fail;

/// What a judge lets pass: sockets by their cookies, or by what is in every row; sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Cookies(Vec<u64>),
    Ends(Vec<Ends>),
}

/// State, family, both ends.
pub(super) type Ends = [String; 4];

/// Which sockets there are to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// Those of a plain list.
    Usual,
    /// The bound and idle ones too.
    WithBound,
}

impl Table {
    fn options(self) -> &'static [&'static str] {
        match self {
            Table::Usual => &[],
            Table::WithBound => &["--state=all,bound"],
        }
    }

    /// Every socket, with every column that a filter may test.
    pub(super) fn list(self) -> Vec<Listed> {
        let columns = "uid,user,interface,cgroup,retransmits,inode,cookie,mark";
        let mut command = command(["list", "--json", "--columns", columns]);
        let ran = ran(command.args(self.options()).output().unwrap()).succeeded();
        Listed::all(&ran).0
    }
}

/// Everything in these rows.
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

/// The kernel judges, where it has an operation for every test.
pub(super) fn kernel(tree: &Tree, filter: &str, table: Table) -> Passed {
    let (rows, told) = list(filter, table, &["--columns=cookie"]);
    if tree.is_all(|test| test.is_of_the_kernel()) {
        assert!(!told.contains("judged here is"), "{filter}: {told}");
    }
    cookies_of(&rows)
}

/// The program judges: half of an `or` is not told to the kernel, and no queue is that long.
pub(super) fn program(tree: &Tree, filter: &str, table: Table) -> Passed {
    let filter = format!("({filter}) or receive-queue > {}", u32::MAX);
    let (rows, told) = list(&filter, table, &["--columns=cookie"]);
    if tree.is_all(|test| *test != Test::Autobound) {
        assert!(!told.contains("the kernel judges"), "{filter}: {told}");
    }
    cookies_of(&rows)
}

/// The program evaluates what /proc reports; `None` for what it does not.
pub(super) fn proc(tree: &Tree, filter: &str, table: Table) -> Option<Passed> {
    let is_reported = table == Table::Usual && tree.is_all(|test| test.is_in_proc());
    let filter = match tests_retransmits(tree) {
        true => format!("({filter}) and not state syn-recv"),
        false => filter.to_owned(),
    };
    is_reported.then(|| ends_of(&list(&filter, table, &["--source=proc"]).0))
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

/// Those whose port the kernel chose, which only the kernel tells.
pub(super) fn autobound(table: Table) -> Passed {
    cookies_of(&list("autobound", table, &["--columns=cookie"]).0)
}

/// ss judges, what it has words and states for. It compares the bits of addresses, and not their
/// families (`inet2_addr_match`, misc/ss.c): where that makes a difference to some socket it is
/// not asked.
pub(super) fn ss(tree: &Tree, rows: &[Listed], table: Table) -> Option<Passed> {
    let filter = syntax::of_ss(tree).filter(|_| table == Table::Usual)?;
    let is_mistaken = |test: &Test| rows.iter().any(|row| mistakes_a_family(test, row));
    if !tree.is_all(|test| !is_mistaken(test)) {
        return None;
    }
    let output = Command::new("ss")
        .args(["-H", "-t", "-a", "-n", "-e"])
        .args(filter.split_whitespace())
        .output()
        .unwrap_or_else(|error| skip_or_fail("ss", &error));
    assert!(output.status.success(), "ss {filter}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
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

/// The sockets that pass, and the notes on who judged what.
fn list(filter: &str, table: Table, options: &[&str]) -> (Vec<Listed>, String) {
    let mut command = command(["list", "--json", "-v", filter]);
    let ran: Ran = ran(command
        .args(table.options())
        .args(options)
        .output()
        .unwrap());
    // Nothing can pass, and that is known without asking anybody.
    if ran.status == 2 && ran.stderr.contains("no socket can pass") {
        return (Vec::new(), String::new());
    }
    assert_eq!(ran.status, 0, "{filter}: {ran:?}");
    (Listed::all(&ran).0, ran.stderr)
}
