//! What a sample of a record can answer: it has numbers, and no sockets.

use super::CannotKnow;
use crate::filter::{Expression, Test};
use crate::model::{Counted, Counts, Field, KindSet, Moment, Recorded, State};
use crate::question::Question;
use crate::record::line::stamp;

impl CannotKnow {
    /// That a sample has no sockets.
    pub(super) fn sockets_of(record: &Recorded, counted: &Counted) -> CannotKnow {
        let stamp = record.last().map_or("", |moment| &moment.stamp);
        let groups = counted.groups.iter().map(|groups| groups.by.name());
        let groups: Vec<&str> = groups.collect();
        let groups = match groups.is_empty() {
            true => String::new(),
            false => format!(", and of TCP by {}", groups.join(", ")),
        };
        let nearest = match record.nearest_sockets() {
            Some(time) => format!(
                "the nearest moment with all sockets is --at {}",
                self::stamp(time)
            ),
            None => "it has no moment with all sockets".to_owned(),
        };
        CannotKnow {
            table: record.path.display().to_string(),
            lack: format!("has at {stamp} only the numbers by kind and state{groups}: {nearest}"),
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
        match is_answered(question, counted) {
            true => Ok(()),
            false => Err(CannotKnow::sockets_of(record, counted)),
        }
    }
}

/// How many sockets a sample of a record has that a question is about; `None` if it cannot answer.
pub fn count_sample(moment: &Moment, question: &Question) -> Option<Counts> {
    let counted = moment.counted.as_ref()?;
    let lacking = question.kinds().difference(moment.available());
    if !lacking.is_empty() || !is_answered(question, counted) {
        return None;
    }
    let mut counts = Counts::default();
    super::recorded::count(counted, question, &mut counts);
    Some(counts)
}

/// Whether the numbers of a sample are enough for a question.
fn is_answered(question: &Question, counted: &Counted) -> bool {
    let filter = &question.beyond_record;
    let mut tests = filter.iter().flat_map(Expression::tests);
    let is_tested = tests.all(|test| matches!(test, Test::Any | Test::State(_) | Test::Kind(_)));
    let is_number = |field: &Field| matches!(field, Field::State | Field::Kind);
    let is_of_groups = match &*question.fields {
        [by] => {
            question.kinds() == KindSet::TCP && counted.groups.iter().any(|groups| groups.by == *by)
        }
        _ => false,
    } && filter.is_none();
    let is_known = question.families.only().is_none() && !question.states.contains(State::Bound);
    is_known && is_tested && (question.fields.iter().all(is_number) || is_of_groups)
}
