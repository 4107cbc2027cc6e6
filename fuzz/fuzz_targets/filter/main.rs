//! Whatever is typed as a filter, and whatever socket it judges: nothing panics, and everybody
//! gives the same answer.
//!
//! The input is a socket ([`specimen::LEN`] bytes), then the text. The text is parsed; what it
//! says of the socket must be what it says after it was displayed and parsed again, after its
//! states were taken out, and after it was divided between the kernel, which is played by
//! `kernel`, and the program.

#![no_main]

mod host;
mod kernel;
mod specimen;

use libfuzzer_sys::fuzz_target;
use specimen::Specimen;
use tcpstates::filter::{Expression, FilterText, Folded, Program, Test, parse};
use tcpstates::model::{State, StateSet};
use tcpstates::question::{Families, Question};
use tcpstates::source::{Observer, Sources};

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

/// Whether the specimen passes, what is autobound included, which no record tells.
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

/// Asks as the command does, and lets each share of the work be done by whom it is given to.
fn divided(filter: &Expression, specimen: &Specimen, passes: bool) {
    let asked = StateSet::ALL.with(State::Bound);
    let (states, rest) = filter.narrow(asked);
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
    // A state without a name is in no set, and nobody is asked for it.
    if !asked.contains(specimen.socket.state) {
        return;
    }
    let is_asked_for = states.contains(specimen.socket.state);
    let here = filter.as_ref().is_none_or(|rest| judge(rest, specimen));
    assert_eq!(is_asked_for && here, passes, "without its states");
    let question = Question {
        families: Families::Both,
        states,
        fields: Vec::new(),
        filter: filter.clone(),
    };
    let observer = Observer::new(question, Sources::Netlink).expect("netlink knows everything");
    let shares = observer.explain().expect("this kernel knows everything");
    if filter.is_none() {
        assert!(shares.is_empty());
        return;
    }
    let told = shares.iter().filter(|share| {
        let part = |text: &Option<String>| {
            let text = text.as_ref();
            text.is_none_or(|text| judge(&parsed(text).expect("a part can be typed"), specimen))
        };
        assert!(share.bytecode.len() < 1 << 16, "an attribute ends there");
        kernel::audit(&share.bytecode);
        is_asked_for
            && part(&share.ports)
            && kernel::run(&share.bytecode, specimen)
            && part(&share.here)
    });
    assert_eq!(
        told.count(),
        usize::from(passes),
        "told once, or not at all"
    );
}
