//! Answers a question, as often as required: carries out what `source::plan` decides, over netlink or
//! from the tables of /proc.

mod lookups;
mod part;
mod unused;

use rustix::time::{ClockId, clock_gettime};

use super::kinds::of_each_kind;
use super::plan::{First, Need, Plan, Several, Sources};
use super::several::{Memories, in_each};
use super::still::count_unless_still;
use super::walk::Walk;
use super::{CannotKnow, Report, SourceError};
use crate::model::{CountSink, Loss, Sink, SocketId, SplitSink};
use crate::question::Question;
pub(super) use part::Part;

/// A question to its sources, answered once or repeatedly; remembers between observations that the
/// counters were unreliable.
#[derive(Debug)]
pub struct Observer {
    question: Question,
    parts: Parts,
    /// What is unknown of the processes that the filter tests for.
    unseen: Vec<Loss>,
}

/// The network namespaces that it is about.
#[derive(Debug)]
enum Parts {
    One(Box<Part>),
    Several(Several, Memories),
    /// Those whose sockets a program in the kernel counts.
    Walked(Walk),
}

/// What answers one question.
enum Asked<'a> {
    Walk(&'a mut Walk),
    /// In one network namespace, about one kind of sockets.
    Part(&'a mut Part),
}

impl Observer {
    /// An observer of what `question` asks about.
    ///
    /// # Errors
    /// When only one source may answer, and it does not have the answer.
    pub fn new(question: Question, sources: Sources) -> Result<Observer, CannotKnow> {
        match sources.first() {
            First::Tables => CannotKnow::check(&question, sources.tables())?,
            First::Walk => CannotKnow::check_walk(&question)?,
            First::Record => CannotKnow::check_record(&question, sources.tables())?,
            First::Netlink(_) => {}
        }
        let is_walked = sources.first() == First::Walk;
        Ok(Observer {
            question,
            parts: match sources.into_several() {
                sources if is_walked => Parts::Walked(Walk::of(sources)),
                Ok(several) => Parts::Several(several, Memories::default()),
                Err(one) => Parts::One(Box::new(Part::of(one))),
            },
            unseen: Vec::new(),
        })
    }

    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// How an answer of this shape would be obtained now. Reads the kernel's counters at most; of several
    /// network namespaces, listeners too.
    ///
    /// # Errors
    /// The filter cannot be evaluated.
    pub fn plan(&self, need: Need) -> Result<Plan, SourceError> {
        match &self.parts {
            Parts::Walked(_) => Ok(Plan::walk(&self.question)),
            Parts::One(part) => Part::of(part.sources.clone()).plan(&self.question, need),
            Parts::Several(several, _) => {
                let plan =
                    |part: &mut Part, question: &Question| unused::plan(part, question, need);
                let (plan, _) = in_each(several, &mut Memories::new(), &self.question, plan)?;
                Ok(plan)
            }
        }
    }

    /// Counts the selected sockets into `sink`; those whose number can be derived are not listed.
    ///
    /// # Errors
    /// When no allowed source answered; of one network namespace, the sink then holds nothing.
    pub fn count<S: CountSink + SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(&mut |asked, question| match asked {
            Asked::Walk(walk) => walk.answer(question, sink),
            Asked::Part(part) => count_unless_still(part, question, sink),
        })
    }

    /// Passes every selected socket to `sink`.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn list(&mut self, sink: &mut dyn Sink) -> Result<Report, SourceError> {
        // Each part of one knows less of what it has.
        if let Parts::Several(several, _) = &self.parts
            && let Some(record) = several.record()
            && let Some(counted) = record.counted()
        {
            return Err(CannotKnow::sockets_of(record, counted).into());
        }
        self.answer(&mut |asked, question| match asked {
            Asked::Walk(_) => Err(SourceError::CountsOnly),
            Asked::Part(part) => part.list(question, None, sink),
        })
    }

    /// Passes the socket with this id to `sink`, which ends the search when it has it: requested alone
    /// where it has a cookie; where that does not find it, from a list.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn find(&mut self, id: &SocketId, sink: &mut dyn Sink) -> Result<Report, SourceError> {
        self.answer(&mut |asked, question| match asked {
            Asked::Walk(walk) => walk.answer(question, sink),
            Asked::Part(part) => part.list(question, Some(id), sink),
        })
    }

    /// Passes every selected socket to `sink`, in any order: those of a large table in two dumps
    /// at the same time.
    ///
    /// # Errors
    /// As [`Observer::count`].
    pub fn gather<S: SplitSink>(&mut self, sink: &mut S) -> Result<Report, SourceError> {
        self.answer(&mut |asked, question| match asked {
            Asked::Walk(walk) => walk.answer(question, sink),
            Asked::Part(part) => part.gather(question, sink),
        })
    }

    /// Answers in one network namespace after the other, until the sink takes no more.
    fn answer(
        &mut self,
        act: &mut dyn FnMut(Asked<'_>, &Question) -> Result<Report, SourceError>,
    ) -> Result<Report, SourceError> {
        let question = &self.question;
        let mut act_in_part = |part: &mut Part, question: &Question| {
            of_each_kind(part, question, |part, question| {
                act(Asked::Part(part), question)
            })
        };
        let mut report = match &mut self.parts {
            Parts::Walked(walk) => act(Asked::Walk(walk), question)?,
            Parts::One(part) => act_in_part(part, question)?,
            Parts::Several(several, memories) => {
                let begin = clock_gettime(ClockId::ProcessCPUTime);
                let act = |part: &mut Part, question: &Question| {
                    unused::answer(part, question, &mut act_in_part)
                };
                let (mut report, namespaces) = in_each(several, memories, question, act)?;
                report.completeness.set_namespaces(namespaces);
                if let Some(record) = several.record() {
                    report.note_record(record);
                }
                let cpu = clock_gettime(ClockId::ProcessCPUTime) - begin;
                report.advise(cpu.try_into().unwrap_or_default(), question);
                if several.are_every() {
                    report.join_notes_about_tables(std::iter::empty());
                }
                report
            }
        };
        for loss in &self.unseen {
            report.completeness.lose(loss.clone());
        }
        Ok(report)
    }
}
