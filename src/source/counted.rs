//! What a sample of a record can answer: it has numbers, and no sockets.

use super::several::within;
use super::{CannotKnow, Sources};
use crate::filter::{Expression, Test};
use crate::model::{Counted, Counts, Field, KindSet, Moment, Netns, Recorded, State};
use crate::question::Question;
use crate::record::line::stamp;

impl CannotKnow {
    /// That a sample has no sockets.
    pub(super) fn sockets_of(record: &Recorded, counted: &Counted) -> CannotKnow {
        let stamp = record.last().map_or("", |moment| &moment.stamp);
        let groups = counted.groups.iter().map(|groups| groups.by.name());
        let mut groups: Vec<&str> = groups.collect();
        // A record has them in the order in which they were counted.
        groups.sort_unstable();
        let by = match record.namespaces() {
            None => "kind and state",
            Some(_) => "kind, state and network namespace",
        };
        let groups = match groups.is_empty() {
            true => String::new(),
            false => format!(", and of TCP by {}", groups.join(", ")),
        };
        let nearest = match record.nearest_sockets() {
            Some(time) => format!(
                "the nearest moment with all sockets that has one before it is --at {}",
                self::stamp(time)
            ),
            None => "it has no moment with all sockets".to_owned(),
        };
        CannotKnow {
            table: record.path.display().to_string(),
            lack: format!("has at {stamp} only the numbers by {by}{groups}: {nearest}"),
        }
    }

    /// Why a sample of a record cannot answer, if it cannot.
    pub(super) fn check_counted(
        question: &Question,
        record: &Recorded,
        counted: &Counted,
    ) -> Result<(), CannotKnow> {
        let has = record.moment().map(|moment| moment.available());
        let lacking = question.kinds().difference(has.unwrap_or_default());
        if !lacking.is_empty() {
            return Err(CannotKnow {
                table: record.path.display().to_string(),
                lack: format!("has no {} sockets", lacking.titles()),
            });
        }
        // Which of these a test for one is about is known where each is asked.
        let are_several = record.namespaces().is_some();
        match is_answered(question, counted, are_several) {
            true => Ok(()),
            false => Err(CannotKnow::sockets_of(record, counted)),
        }
    }
}

/// How many sockets a sample of a record has that a question to these sources is about; `None` if it cannot
/// answer.
pub fn count_sample(moment: &Moment, question: &Question, sources: &Sources) -> Option<Counts> {
    let Some(namespaces) = &moment.namespaces else {
        return count_part(moment, question);
    };
    let mut counts = Counts::default();
    let members = namespaces.members.iter();
    for one in members.filter(|one| sources.include(one.netns)) {
        if let (Ok(part), Some(question)) = (&one.moment, within(question, one.netns)) {
            counts.add_all(&count_part(part, &question)?);
        }
    }
    Some(counts)
}

/// The same of what has no network namespaces.
fn count_part(moment: &Moment, question: &Question) -> Option<Counts> {
    let counted = moment.counted.as_ref()?;
    let lacking = question.kinds().difference(moment.available());
    if !lacking.is_empty() || !is_answered(question, counted, false) {
        return None;
    }
    let mut counts = Counts::default();
    super::recorded::count(counted, question, Netns::CALLER, &mut counts);
    Some(counts)
}

/// Whether the numbers of a sample are enough for a question, which may test for network namespaces where these
/// are several.
fn is_answered(question: &Question, counted: &Counted, are_several: bool) -> bool {
    let filter = question.beyond_record.as_ref();
    let mut tests = filter.into_iter().flat_map(Expression::tests);
    let is_place = |test: &Test| are_several && matches!(test, Test::Netns(_));
    let is_of_groups = match &*question.fields {
        [by] => {
            question.kinds() == KindSet::TCP && counted.groups.iter().any(|groups| groups.by == *by)
        }
        _ => false,
    } && filter.is_none();
    let is_tested = tests.all(|test| is_number(test) || is_place(test));
    is_by_state(question) && is_tested && (has_numbers(question) || is_of_groups)
}

/// Whether numbers of sockets by kind and state are enough for a question with this filter.
pub(super) fn is_counted(question: &Question, filter: Option<&Expression>) -> bool {
    let mut tests = filter.into_iter().flat_map(Expression::tests);
    is_by_state(question) && has_numbers(question) && tests.all(is_number)
}

fn is_by_state(question: &Question) -> bool {
    question.families.only().is_none() && !question.states.contains(State::Bound)
}

fn has_numbers(question: &Question) -> bool {
    let is_number = |field: &Field| matches!(field, Field::State | Field::Kind | Field::Netns);
    question.fields.iter().all(is_number)
}

fn is_number(test: &Test) -> bool {
    matches!(test, Test::Any | Test::State(_) | Test::Kind(_))
}
