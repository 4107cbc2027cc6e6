//! One filter, every judge, one answer.
//!
//! Random filters are judged by the kernel's bytecode, by the program, by the program from /proc,
//! by ss, and naively from the rows of a plain list. `TCPSTATES_SEED` repeats a failure,
//! `TCPSTATES_EXPRESSIONS` says how many are tried.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::time::{Duration, Instant, SystemTime};

use rustix::thread::UnshareFlags;

use super::evaluators::{self, Passed, Table, cookies_of, ends_of};
use super::population::Population;
use super::random::Rng;
use super::shrink::shrink;
use super::tally::Tally;
use super::tree::Tree;
use super::{generate, oracle, syntax};
use crate::list::row::Listed;
use crate::namespace::{in_namespace, run_within};
use crate::skip::skip_or_fail;
use crate::syscall;

/// As many as are judged in a few seconds.
const USUALLY: usize = 250;

/// For the long run.
const MANY: usize = 2_000;

/// How long sockets are judged before others take their place; TIME_WAIT takes 60 seconds.
const ROUND: Duration = Duration::from_secs(30);

/// How often a disagreement is looked at again because a socket moved.
const ATTEMPTS: usize = 20;

/// The longest filter, in tests.
const LONGEST: usize = 12;

in_namespace!(
    fn random_filters_select_the_same_sockets_in_every_evaluator() {
        judge_all(USUALLY);
    }
);

#[test]
#[ignore = "takes a minute"]
fn thousands_of_random_filters_select_the_same_sockets() {
    fn body() {
        judge_all(MANY);
    }
    let path = concat!(
        module_path!(),
        "::thousands_of_random_filters_select_the_same_sockets"
    );
    let an_hour = Duration::from_secs(3_600);
    run_within(an_hour, path, UnshareFlags::empty(), body);
}

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok()?;
    Some(
        number
            .parse()
            .unwrap_or_else(|_| panic!("{name}={number} is no number")),
    )
}

fn judge_all(usually: usize) {
    let number = asked("TCPSTATES_EXPRESSIONS").map_or(usually, |n| usize::try_from(n).unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let mut seed = asked("TCPSTATES_SEED")
        .unwrap_or_else(|| now.as_secs() ^ u64::from(now.subsec_nanos()).rotate_left(32));
    let mut left = number;
    let mut tally = Tally::default();
    while left > 0 {
        // In a thread of its own, because its namespace ends with it, and all sockets in it.
        let round = std::thread::spawn(move || {
            let entered =
                syscall::enter_new_network().and_then(|()| syscall::raise_interface("lo"));
            entered.unwrap_or_else(|error| skip_or_fail("a second network namespace", &error));
            let tally = Round::open().judge(&mut seed, &mut left);
            (tally, seed, left)
        });
        let judged = round
            .join()
            .unwrap_or_else(|payload| resume_unwind(payload));
        tally.add(&judged.0);
        (seed, left) = (judged.1, judged.2);
    }
    if number >= USUALLY {
        tally.check(number);
    }
}

/// Sockets, and what is known of them.
struct Round {
    _population: Population,
    usual: Facts,
    with_bound: Facts,
}

/// What a naive judge goes by.
struct Facts {
    table: Table,
    rows: Vec<Listed>,
    /// No row tells, so the kernel is asked once.
    autobound: BTreeSet<u64>,
}

impl Round {
    fn open() -> Round {
        let population = Population::open();
        Round {
            _population: population,
            usual: Facts::of(Table::Usual),
            with_bound: Facts::of(Table::WithBound),
        }
    }

    /// Judges at most so many, each by a seed of its own; leaves the next one, and how many are
    /// left.
    fn judge(&self, seed: &mut u64, left: &mut usize) -> Tally {
        let mut tally = Tally::default();
        let start = Instant::now();
        while *left > 0 && start.elapsed() < ROUND {
            let mut rng = Rng::new(*seed);
            let facts = if rng.once_in(4) {
                &self.with_bound
            } else {
                &self.usual
            };
            facts.judge(*seed, &mut rng, &mut tally);
            *seed = seed.wrapping_add(1);
            *left -= 1;
        }
        tally
    }
}

impl Facts {
    fn of(table: Table) -> Facts {
        let Passed::Cookies(autobound) = evaluators::autobound(table) else {
            unreachable!("cookies were asked for");
        };
        Facts {
            table,
            rows: table.list(),
            autobound: autobound.into_iter().collect(),
        }
    }

    fn judge(&self, seed: u64, rng: &mut Rng, tally: &mut Tally) {
        use generate::Kinds;
        let kinds = *rng.pick(&[Kinds::All, Kinds::Kernel, Kinds::Proc, Kinds::Ss]);
        let tests = 1 + rng.below(LONGEST);
        let tree = generate::tree(&self.rows, kinds, tests, rng);
        if self.disagreement(&tree, seed, tally).is_none() {
            return;
        }
        // A socket may have moved on since the rows were read: only what stands counts.
        let fails = |tree: &Tree| standing_disagreement(self.table, tree, seed).is_some();
        if fails(&tree) {
            let smallest = shrink(&tree, fails);
            let told = standing_disagreement(self.table, &smallest, seed).unwrap_or_default();
            panic!("TCPSTATES_SEED={seed} TCPSTATES_EXPRESSIONS=1: {smallest:#?}\n{told}");
        }
    }

    /// Who disagrees with the naive judge, and about what.
    fn disagreement(&self, tree: &Tree, seed: u64, tally: &mut Tally) -> Option<String> {
        let filter = syntax::ours(tree, &mut Rng::new(seed));
        let passing = || {
            let rows = self.rows.iter();
            rows.filter(|row| oracle::passes(tree, row, &self.autobound))
        };
        let cookies = cookies_of(passing());
        let table = self.table;
        let proc = evaluators::proc(tree, &filter, table);
        let in_proc = ends_of(passing().filter(|row| evaluators::is_evaluated_by_proc(tree, row)));
        let ss = evaluators::ss(tree, &self.rows, table);
        tally.add(&Tally {
            by_proc: proc.is_some().into(),
            by_ss: ss.is_some().into(),
            dividing: (1..self.rows.len()).contains(&passing().count()).into(),
        });
        let judges = [
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
        judges.into_iter().find_map(|(judge, passed, expected)| {
            let passed = passed.filter(|passed| passed != expected)?;
            Some(format!(
                "{filter}\n{judge}: {passed:?}\nexpected: {expected:?}"
            ))
        })
    }
}

/// A disagreement about sockets of which none moved meanwhile.
fn standing_disagreement(table: Table, tree: &Tree, seed: u64) -> Option<String> {
    for _ in 0..ATTEMPTS {
        let before = Facts::of(table);
        let found = before.disagreement(tree, seed, &mut Tally::default())?;
        if format!("{:?}", Facts::of(table).rows) == format!("{:?}", before.rows) {
            return Some(found);
        }
    }
    panic!("the sockets moved each of {ATTEMPTS} times");
}
