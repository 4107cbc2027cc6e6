//! Which part of a filter the kernel evaluates, and which tcpstates evaluates.
//!
//! Of tests joined by `and`, each is evaluated where it can be. Of an `or`, the kernel evaluates
//! nothing unless it can evaluate every side, or what a side implies. Pure.

use crate::filter::{Compare, Expression, Folded, Program, Test};
use crate::model::{Field, Part};
use crate::source::UnsupportedTest;
use crate::source::wire::{MOST_BYTES, Operations, Ports, encode, most_bytes};

/// The filter of one dump. Together, the dumps of a filter return every socket that passes it,
/// once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpFilter {
    /// The ports in the request's header.
    pub(in crate::source) ports: Ports,
    /// The program that the kernel runs; empty for none.
    pub bytecode: Vec<u8>,
    /// What the kernel evaluates, ports included.
    pub(super) in_kernel: Option<Expression>,
    /// What tcpstates evaluates.
    pub remainder: Option<Expression>,
    /// Whether some of that is beyond the length of a program for the kernel.
    pub(super) is_too_long: bool,
    /// The remainder, as it is run for each socket.
    pub(in crate::source) program: Option<Program>,
}

/// Divides a filter into one dump, or into two where that is the only way to evaluate
/// `autobound`. `use_ports`: whether the ports of the request apply to every socket requested.
///
/// # Errors
/// A test that cannot be evaluated without an operation that `operations` lacks.
pub(super) fn divide(
    filter: &Expression,
    operations: Operations,
    use_ports: bool,
) -> Result<Vec<DumpFilter>, UnsupportedTest> {
    let is_in_kernel = |part: &Expression| {
        let all = part.tests().all(|test| operations.answer(test));
        all && most_bytes(part.tests()) <= MOST_BYTES - RESERVED
    };
    let is_mixed = |part: &Expression| part.tests().any(is_autobound) && !is_in_kernel(part);
    if !filter.conjuncts().iter().any(is_mixed) {
        return Ok(vec![dump_filter(filter, operations, use_ports)?]);
    }
    if !operations.answer(&Test::Autobound) {
        return Err(UnsupportedTest::Autobound);
    }
    // No record contains it: one dump of the autobound sockets, one of the others.
    let mut dumps = Vec::new();
    for autobound in [true, false] {
        let only = Expression::of(Test::Autobound, autobound);
        let filter = match filter.fold(|test, _| is_autobound(test).then_some(autobound)) {
            Folded::Never => continue,
            Folded::Always => only,
            Folded::Tests(rest) => rest.and(only),
        };
        dumps.push(dump_filter(&filter, operations, use_ports)?);
    }
    Ok(dumps)
}

fn is_autobound(test: &Test) -> bool {
    *test == Test::Autobound
}

fn is_cgroup(test: &Test) -> bool {
    matches!(test, Test::Cgroup(_))
}

pub(super) fn is_mark(test: &Test) -> bool {
    matches!(test, Test::Mark { .. })
}

/// The filter as one dump.
fn dump_filter(
    filter: &Expression,
    operations: Operations,
    use_ports: bool,
) -> Result<DumpFilter, UnsupportedTest> {
    let mut dump = DumpFilter::default();
    let mut in_header = Vec::new();
    let mut in_bytecode = Vec::new();
    let mut remainder = Vec::new();
    let mut room = MOST_BYTES - RESERVED;
    let mut parts = filter.conjuncts();
    // What only the kernel can evaluate comes first, while there is room.
    parts.sort_by_key(|part| !part.tests().any(is_autobound));
    for part in parts {
        if use_ports && operations != Operations::None && dump.ports.take(&part) {
            in_header.push(part);
            continue;
        }
        // The answer that lets more pass, for each test that the kernel does not know.
        let weaker = part.fold(|test, permissive| (!operations.answer(test)).then_some(permissive));
        match weaker {
            Folded::Tests(weaker) if most_bytes(weaker.tests()) <= room => {
                room -= most_bytes(weaker.tests());
                if weaker != part {
                    remainder.push(part);
                }
                in_bytecode.push(weaker);
            }
            Folded::Tests(_) => {
                dump.is_too_long = true;
                remainder.push(part);
            }
            Folded::Always | Folded::Never => remainder.push(part),
        }
    }
    dump.in_kernel = Expression::all(in_header.into_iter().chain(in_bytecode.clone()));
    dump.remainder = Expression::all(remainder);
    dump.program = dump.remainder.as_ref().map(Program::new);
    if dump.check_remainder(operations)? {
        in_bytecode.push(Expression::of(ANY_MARK, true));
    }
    if let Some(expression) = Expression::all(in_bytecode) {
        let Some(bytecode) = encode(&Program::new(&expression)) else {
            let dump = dump_filter(filter, Operations::None, use_ports)?;
            return Ok(DumpFilter {
                is_too_long: true,
                ..dump
            });
        };
        dump.bytecode = bytecode;
    }
    Ok(dump)
}

/// Every mark passes. The kernel reports marks only with the privilege that this test needs, so a
/// dump whose remainder tests marks has it.
const ANY_MARK: Test = Test::Mark { value: 0, mask: 0 };

/// Room for it, in bytes.
const RESERVED: usize = 64;

impl DumpFilter {
    /// Whether the remainder reads attributes of the kernel's records.
    pub(in crate::source) fn needs_attributes(&self) -> bool {
        self.remains(|test| {
            let part = test.field().map(Field::part);
            part == Some(Part::Attribute)
        })
    }

    fn remains(&self, which: fn(&Test) -> bool) -> bool {
        let mut tests = self.remainder.iter().flat_map(Expression::tests);
        tests.any(which)
    }

    /// Whether the remainder tests marks, if everything in it can be evaluated here.
    fn check_remainder(&self, operations: Operations) -> Result<bool, UnsupportedTest> {
        let tests_marks = self.remains(is_mark);
        if self.remains(is_autobound) {
            Err(UnsupportedTest::Autobound)
        } else if self.remains(is_cgroup) && !operations.answer(&Test::Cgroup(0)) {
            Err(UnsupportedTest::Cgroup)
        } else if tests_marks && !operations.answer(&ANY_MARK) {
            Err(UnsupportedTest::Mark)
        } else {
            Ok(tests_marks)
        }
    }
}

impl Ports {
    /// Takes over a test for one port, if there is room for it; 0 means any port there.
    fn take(&mut self, part: &Expression) -> bool {
        let Some(Test::Number(field, Compare::Equal, port)) = part.only_test() else {
            return false;
        };
        let place = if *field == Field::LocalPort {
            &mut self.local
        } else if *field == Field::RemotePort {
            &mut self.remote
        } else {
            return false;
        };
        match u16::try_from(*port) {
            Ok(port) if port != 0 && *place == 0 => {
                *place = port;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
