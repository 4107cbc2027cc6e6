//! Any text as a filter, applied to any socket: nothing panics, and every evaluator gives the
//! same result.
//!
//! The input is a socket ([`specimen::LEN`] bytes), then the text. The text is parsed; its
//! result must be the same after it was displayed and parsed again, after its states were taken
//! out, and after it was divided between the kernel, which `kernel` simulates, and the program.

#![no_main]

mod host;
mod kernel;
mod specimen;

use libfuzzer_sys::fuzz_target;
use specimen::Specimen;
use tcpstates::filter::{Expression, FilterText, Folded, Program, Test, parse};
use tcpstates::model::{Kind, State, StateSet};
use tcpstates::question::Question;
use tcpstates::source::{DumpFilter, Need, Observer, ProcNet, Sources};

fuzz_target!(|input: &[u8]| {
    let Some((specimen, text)) = Specimen::split(input) else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let Ok(filter) = parsed(text) else {
        return;
    };
    let passes = judge(&filter, &specimen);
    let displayed = filter.to_string();
    let again = parsed(&displayed).expect("what is displayed can be typed");
    assert_eq!(
        judge(&again, &specimen),
        passes,
        "as displayed: {displayed}"
    );
    divided(&filter, &specimen, passes);
});

fn parsed(text: &str) -> Result<Expression, String> {
    let text = FilterText::of_words(&[text.to_owned()]);
    parse(&text, &mut host::Fake).map_err(|error| error.to_string())
}

/// Whether the specimen passes, `autobound` included, which no record contains.
fn judge(filter: &Expression, specimen: &Specimen) -> bool {
    let known = |test: &Test, _| (*test == Test::Autobound).then_some(specimen.autobound);
    folded(filter.fold(known), specimen)
}

fn folded(filter: Folded, specimen: &Specimen) -> bool {
    match filter {
        Folded::Always => true,
        Folded::Never => false,
        Folded::Tests(rest) => Program::new(&rest).matches(&specimen.socket),
    }
}

/// Plans as the command does, and evaluates each part of the filter where the plan says.
fn divided(filter: &Expression, specimen: &Specimen, passes: bool) {
    let all = StateSet::ALL.with(State::Bound);
    let (states, rest) = filter.narrow(all);
    let filter = match rest {
        Folded::Tests(rest) => Some(rest),
        Folded::Always => None,
        Folded::Never => {
            assert!(
                states.is_empty() && !passes,
                "nothing passes, and this does"
            );
            return;
        }
    };
    // A state without a name is in no set, and is never requested.
    if !all.contains(specimen.socket.state) {
        return;
    }
    let is_selected = states.contains(specimen.socket.state);
    let here = filter.as_ref().is_none_or(|rest| judge(rest, specimen));
    assert_eq!(is_selected && here, passes, "without its states");
    let question = Question {
        filter: filter.clone(),
        ..Question::about(Kind::Tcp, states)
    };
    let observer =
        Observer::new(question, Sources::Netlink(ProcNet::own())).expect("netlink has every field");
    let plan = observer
        .plan(Need::Sockets)
        .expect("this kernel has every operation");
    if filter.is_none() {
        assert!(plan.filters().iter().all(DumpFilter::is_empty));
        return;
    }
    let passed = plan.filters().iter().filter(|filter| {
        let header = filter.header();
        let in_header = header
            .is_none_or(|ports| judge(&parsed(&ports).expect("a header can be typed"), specimen));
        assert!(filter.bytecode.len() < 1 << 16, "longer than an attribute");
        kernel::audit(&filter.bytecode);
        let here = filter.remainder.as_ref();
        is_selected
            && in_header
            && kernel::run(&filter.bytecode, specimen)
            && here.is_none_or(|rest| judge(rest, specimen))
    });
    assert_eq!(passed.count(), usize::from(passes), "once, or not at all");
}
