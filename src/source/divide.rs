//! Which part of a filter the kernel judges, and which is judged here.
//!
//! Of what must all be true each part is judged where it can be; of an `or`, the kernel is told
//! nothing unless it can answer every side, but what a part implies is told even so.

use crate::filter::{Compare, Expression, Folded, Program, Test};
use crate::model::{Field, State};
use crate::question::Question;
use crate::source::wire::{MOST_BYTES, Operations, encode, list, most_bytes};

/// A dump to ask for: together, the dumps of a filter tell every socket that passes, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ask {
    /// The local and the remote port, which the request has room for; 0 for any.
    pub(super) ports: Ports,
    /// What the kernel judges by besides; empty for nothing.
    pub(super) bytecode: Vec<u8>,
    /// What is judged here.
    pub(super) here: Option<Program>,
    /// What the kernel is told, ports included, for people.
    pub(super) told: Option<Expression>,
    /// What is judged here, for people.
    pub(super) rest: Option<Expression>,
}

/// The ports of a request; 0 for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) local: u16,
    pub(super) remote: u16,
}

/// A test that only the kernel can answer, where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnlyTheKernel {
    /// Whether a port was chosen by the kernel: no record tells.
    #[error("only the kernel can tell what is autobound, and this one takes no such filter")]
    Autobound,
    /// The control group, which this kernel does not tell.
    #[error("this kernel does not tell the control group of a socket (Linux 5.9)")]
    Cgroup,
    /// The mark, which this kernel tells nobody.
    #[error("this kernel does not tell the mark of a socket (Linux 4.9)")]
    Mark,
}

/// Divides a filter; `ports_count` as the function of this name says.
///
/// # Errors
/// A test that nobody can answer without one of the operations withheld.
pub(super) fn divide(
    filter: &Expression,
    operations: Operations,
    ports_count: bool,
) -> Result<Vec<Ask>, OnlyTheKernel> {
    let is_told_whole = |part: &Expression| {
        let all = part.tests().all(|test| operations.answer(test));
        all && most_bytes(part.tests()) <= MOST_BYTES - RESERVED
    };
    let needs_both = filter
        .conjuncts()
        .iter()
        .any(|part| part.tests().any(is_autobound) && !is_told_whole(part));
    if !needs_both {
        return Ok(vec![ask(filter, operations, ports_count)?]);
    }
    if !operations.answer(&Test::Autobound) {
        return Err(OnlyTheKernel::Autobound);
    }
    // No record tells: one dump of those that are, one of those that are not.
    let mut asks = Vec::new();
    for is_so in [true, false] {
        let only = Expression::of(Test::Autobound, is_so);
        let filter = match filter.fold(|test, _| is_autobound(test).then_some(is_so)) {
            Folded::Never => continue,
            Folded::Always => only,
            Folded::Tests(rest) => rest.and(only),
        };
        asks.push(ask(&filter, operations, ports_count)?);
    }
    Ok(asks)
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

/// One dump for a filter.
fn ask(
    filter: &Expression,
    operations: Operations,
    ports_count: bool,
) -> Result<Ask, OnlyTheKernel> {
    let mut ask = Ask::default();
    let mut in_header = Vec::new();
    let mut in_bytecode = Vec::new();
    let mut here = Vec::new();
    let mut room = MOST_BYTES - RESERVED;
    let mut parts = filter.conjuncts();
    // What only the kernel can judge has the first claim on the room there is.
    parts.sort_by_key(|part| !part.tests().any(is_autobound));
    for part in parts {
        if ports_count && operations != Operations::None && ask.ports.take(&part) {
            in_header.push(part);
            continue;
        }
        // The answer that lets more pass, for each test that the kernel does not know.
        let weaker = part.fold(|test, permissive| (!operations.answer(test)).then_some(permissive));
        let Folded::Tests(weaker) = weaker else {
            here.push(part);
            continue;
        };
        let bytes = most_bytes(weaker.tests());
        if bytes > room {
            here.push(part);
            continue;
        }
        room -= bytes;
        if weaker != part {
            here.push(part);
        }
        in_bytecode.push(weaker);
    }
    let here_is = |test: fn(&Test) -> bool| here.iter().any(|part| part.tests().any(test));
    if here_is(is_autobound) {
        return Err(OnlyTheKernel::Autobound);
    }
    if here_is(is_cgroup) && !operations.answer(&Test::Cgroup(0)) {
        return Err(OnlyTheKernel::Cgroup);
    }
    ask.told = Expression::all(in_header.into_iter().chain(in_bytecode.clone()));
    if here_is(is_mark) {
        // The kernel tells marks to those only whom it lets ask for them: so ask, for any.
        if !operations.answer(&ANY_MARK) {
            return Err(OnlyTheKernel::Mark);
        }
        in_bytecode.push(Expression::of(ANY_MARK, true));
    }
    if let Some(expression) = Expression::all(in_bytecode) {
        let Some(bytecode) = encode(&Program::new(&expression)) else {
            return self::ask(filter, Operations::None, ports_count);
        };
        ask.bytecode = bytecode;
    }
    ask.rest = Expression::all(here);
    ask.here = ask.rest.as_ref().map(Program::new);
    Ok(ask)
}

/// Every mark passes.
const ANY_MARK: Test = Test::Mark { value: 0, mask: 0 };

/// Room for it.
const RESERVED: usize = 64;

impl Ask {
    /// Whether what is judged here is in the attributes of the kernel's messages.
    pub(super) fn needs_attributes(&self) -> bool {
        let mut tests = self.rest.iter().flat_map(Expression::tests);
        tests.any(|test| matches!(test, Test::Mark { .. } | Test::Cgroup(_)))
    }
}

/// What one dump is asked with, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The tests for which the request has room; `None` for none.
    pub ports: Option<String>,
    /// The program for the kernel, as it is sent; empty for none.
    pub bytecode: Vec<u8>,
    /// The tests that are made here; `None` for none.
    pub here: Option<String>,
}

impl Share {
    /// The operations of the program, a line each, for people.
    pub fn operations(&self) -> Vec<String> {
        list(&self.bytecode)
    }

    /// What is asked over netlink, if the kernel knows every operation: one for each dump.
    pub(super) fn over_netlink(question: &Question) -> Result<Vec<Share>, OnlyTheKernel> {
        let Some(filter) = &question.filter else {
            return Ok(Vec::new());
        };
        let asks = divide(filter, Operations::All, ports_count(question))?;
        Ok(asks
            .into_iter()
            .map(|ask| Share {
                ports: ask.ports.describe(),
                bytecode: ask.bytecode,
                here: ask.rest.as_ref().map(ToString::to_string),
            })
            .collect())
    }
}

/// Whether the kernel heeds the ports of the request for every socket, which it does not for
/// bound ones.
pub(super) fn ports_count(question: &Question) -> bool {
    !question.states.contains(State::Bound)
}

/// Who judges what, in one line for people.
pub(super) fn describe(asks: &[Ask]) -> String {
    let one = |ask: &Ask| match (&ask.told, &ask.rest) {
        (Some(told), None) => format!("the kernel judges {told}"),
        (Some(told), Some(rest)) => format!("the kernel judges {told}; judged here is {rest}"),
        (None, Some(rest)) => format!("judged here is {rest}"),
        (None, None) => String::new(),
    };
    let each: Vec<String> = asks.iter().map(one).collect();
    each.join("; in a second dump ")
}

impl Ports {
    fn describe(self) -> Option<String> {
        let local = (self.local != 0).then(|| format!("sport = :{}", self.local));
        let remote = (self.remote != 0).then(|| format!("dport = :{}", self.remote));
        let both: Vec<String> = local.into_iter().chain(remote).collect();
        (!both.is_empty()).then(|| both.join(" and "))
    }

    /// Takes a test for one port, if there is room for it.
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
