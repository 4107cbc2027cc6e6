//! A third look, at the few connections that findings are about: what TCP measures of them.

use crate::command::lookup::HostLookup;
use crate::diagnose::Measures;
use crate::filter::{FilterText, parse};
use crate::model::{Field, InetEnds, Metric, StateSet};
use crate::question::Question;
use crate::source::{Observer, Sources};

/// The measures of these connections; none where the source does not tell them, or they are gone.
/// The kernel builds a message for these alone.
pub(super) fn measure(sources: &Sources, suspects: &[InetEnds]) -> Measures {
    let mut measures = Measures::of(suspects);
    if suspects.is_empty() {
        return measures;
    }
    let tests = suspects
        .iter()
        .map(|InetEnds { local, remote, .. }| format!("( src = {local} and dst = {remote} )"));
    let words = tests.collect::<Vec<String>>().join(" or ");
    let text = FilterText::of_words(&[words]);
    let Ok(filter) = parse(&text, &mut HostLookup::default()) else {
        return measures;
    };
    let question = Question {
        fields: vec![Field::Metric(Metric::RoundTripTime)],
        filter: Some(filter),
        ..Question::about(StateSet::ALL)
    };
    // Without them a finding says less, and nothing wrong.
    if let Ok(mut observer) = Observer::new(question, sources.clone()) {
        let _ = observer.list(&mut measures);
    }
    measures
}
