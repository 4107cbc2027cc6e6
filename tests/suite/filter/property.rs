//! Random filters select the same sockets in every evaluator.
//!
//! They are evaluated by the kernel's bytecode, by the program, by the program with /proc, by ss,
//! and by the oracle. `TCPSTATES_SEED` repeats a failure, `TCPSTATES_EXPRESSIONS` is the number of
//! filters.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::time::{Duration, Instant, SystemTime};

use rustix::thread::UnshareFlags;

use super::evaluators::{self, Passed, Table, cookies_of, ends_of};
use super::population::Population;
use super::random::Rng;
use super::shrink::shrink;
use super::tree::Tree;
use super::{generate, oracle, syntax};
use crate::list::row::Listed;
use crate::namespace::{in_namespace, run_within};
use crate::skip::skip_or_fail;
use crate::syscall;
use crate::wait::poll_within;

/// As many filters as are evaluated in a few seconds.
const USUALLY: usize = 250;

/// The filters of the long run.
const MANY: usize = 2_000;

/// How long the same sockets are used; TIME_WAIT lasts 60 seconds.
const ROUND: Duration = Duration::from_secs(30);

/// A round must have ended after this time.
const ROUND_ENDS: Duration = Duration::from_secs(150);

/// How often a difference is tested again because a socket changed.
const ATTEMPTS: usize = 20;

/// The most tests in a filter.
const LONGEST: usize = 12;

in_namespace!(
    fn random_filters_select_the_same_sockets_in_every_evaluator() {
        compare_all(USUALLY);
    }
);

#[test]
#[ignore = "takes a minute"]
fn thousands_of_random_filters_select_the_same_sockets() {
    fn body() {
        compare_all(MANY);
    }
    let path = concat!(
        module_path!(),
        "::thousands_of_random_filters_select_the_same_sockets"
    );
    let an_hour = Duration::from_secs(3_600);
    run_within(an_hour, path, UnshareFlags::empty(), body);
}

/// A number from the environment.
fn number_from(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok()?;
    Some(
        number
            .parse()
            .unwrap_or_else(|_| panic!("{name}={number} is not a number")),
    )
}

fn compare_all(usually: usize) {
    let number =
        number_from("TCPSTATES_EXPRESSIONS").map_or(usually, |n| usize::try_from(n).unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let mut seed = number_from("TCPSTATES_SEED")
        .unwrap_or_else(|| now.as_secs() ^ u64::from(now.subsec_nanos()).rotate_left(32));
    let mut left = number;
    let mut coverage = Coverage::default();
    while left > 0 {
        // In a thread, with which its namespace and all sockets in it end.
        let round = std::thread::spawn(move || {
            let entered =
                syscall::enter_new_network().and_then(|()| syscall::raise_interface("lo"));
            entered.unwrap_or_else(|error| skip_or_fail("a second network namespace", &error));
            let coverage = Round::open().compare(&mut seed, &mut left);
            (coverage, seed, left)
        });
        poll_within(ROUND_ENDS, || round.is_finished().then_some(()))
            .unwrap_or_else(|| panic!("a round did not end within {ROUND_ENDS:?}"));
        let compared = round.join().unwrap_or_else(|panic| resume_unwind(panic));
        coverage.add(&compared.0);
        (seed, left) = (compared.1, compared.2);
    }
    if number >= USUALLY {
        coverage.check(number);
    }
}

/// Sockets, and their rows.
struct Round {
    _population: Population,
    usual: Rows,
    with_bound: Rows,
}

/// The rows of a plain list, for the oracle.
struct Rows {
    table: Table,
    rows: Vec<Listed>,
    /// Not in any row, so listed by the kernel once.
    autobound: BTreeSet<u64>,
}

impl Round {
    fn open() -> Round {
        let population = Population::open();
        Round {
            _population: population,
            usual: Rows::of(Table::Usual),
            with_bound: Rows::of(Table::WithBound),
        }
    }

    /// Compares the evaluators on at most `left` filters, each from a seed of its own; updates the
    /// next seed and the number that is left.
    fn compare(&self, seed: &mut u64, left: &mut usize) -> Coverage {
        let mut coverage = Coverage::default();
        let start = Instant::now();
        while *left > 0 && start.elapsed() < ROUND {
            let mut rng = Rng::new(*seed);
            let rows = if rng.once_in(4) {
                &self.with_bound
            } else {
                &self.usual
            };
            rows.compare(*seed, &mut rng, &mut coverage);
            *seed = seed.wrapping_add(1);
            *left -= 1;
        }
        coverage
    }
}

impl Rows {
    fn of(table: Table) -> Rows {
        let Passed::Cookies(autobound) = evaluators::autobound(table) else {
            unreachable!("cookies were asked for");
        };
        Rows {
            table,
            rows: table.list(),
            autobound: autobound.into_iter().collect(),
        }
    }

    fn compare(&self, seed: u64, rng: &mut Rng, coverage: &mut Coverage) {
        use generate::Kinds;
        let kinds = *rng.pick(&[Kinds::All, Kinds::Kernel, Kinds::Proc, Kinds::Ss]);
        let tests = 1 + rng.below(LONGEST);
        let tree = generate::tree(&self.rows, kinds, tests, rng);
        if self.difference(&tree, seed, coverage).is_none() {
            return;
        }
        // A socket may have changed since its row was read: only a lasting difference counts.
        let fails = |tree: &Tree| lasting_difference(self.table, tree, seed).is_some();
        if fails(&tree) {
            let smallest = shrink(&tree, fails);
            let difference = lasting_difference(self.table, &smallest, seed).unwrap_or_default();
            panic!("TCPSTATES_SEED={seed} TCPSTATES_EXPRESSIONS=1: {smallest:#?}\n{difference}");
        }
    }

    /// The first evaluator that differs from the oracle, with both results.
    fn difference(&self, tree: &Tree, seed: u64, coverage: &mut Coverage) -> Option<String> {
        let filter = syntax::to_filter(tree, &mut Rng::new(seed));
        let passing = || {
            let rows = self.rows.iter();
            rows.filter(|row| oracle::passes(tree, row, &self.autobound))
        };
        let cookies = cookies_of(passing());
        let table = self.table;
        let proc = evaluators::proc(tree, &filter, table);
        let in_proc = ends_of(passing().filter(|row| evaluators::is_evaluated_by_proc(tree, row)));
        let ss = evaluators::ss(tree, &self.rows, table);
        coverage.add(&Coverage {
            by_proc: proc.is_some().into(),
            by_ss: ss.is_some().into(),
            dividing: (1..self.rows.len()).contains(&passing().count()).into(),
        });
        let evaluators = [
            (
                "kernel",
                Some(evaluators::kernel(tree, &filter, table)),
                &cookies,
            ),
            (
                "program",
                Some(evaluators::program(tree, &filter, table)),
                &cookies,
            ),
            ("/proc", proc, &in_proc),
            ("ss", ss, &cookies),
        ];
        evaluators
            .into_iter()
            .find_map(|(evaluator, passed, expected)| {
                let passed = passed.filter(|passed| passed != expected)?;
                Some(format!(
                    "{filter}\n{evaluator}: {passed:?}\nexpected: {expected:?}"
                ))
            })
    }
}

/// A difference during which no socket changed.
fn lasting_difference(table: Table, tree: &Tree, seed: u64) -> Option<String> {
    for _ in 0..ATTEMPTS {
        let before = Rows::of(table);
        let found = before.difference(tree, seed, &mut Coverage::default())?;
        if format!("{:?}", Rows::of(table).rows) == format!("{:?}", before.rows) {
            return Some(found);
        }
    }
    panic!("the sockets changed during each of {ATTEMPTS} attempts");
}

/// The number of filters by evaluator: one that evaluates nothing always agrees.
#[derive(Debug, Default)]
struct Coverage {
    by_proc: usize,
    by_ss: usize,
    /// Filters that some sockets pass and others do not.
    dividing: usize,
}

impl Coverage {
    fn add(&mut self, other: &Coverage) {
        self.by_proc += other.by_proc;
        self.by_ss += other.by_ss;
        self.dividing += other.dividing;
    }

    /// Asserts that enough of so many filters were evaluated by all, and divided the sockets.
    #[track_caller]
    fn check(&self, filters: usize) {
        let fewest = self.by_proc.min(self.dividing);
        // ss has the fewest words, and does not show marks to an ordinary user.
        let is_enough = fewest > filters / 10 && self.by_ss > filters / 20;
        assert!(is_enough, "of {filters} filters: {self:?}");
    }
}
