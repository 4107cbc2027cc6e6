//! A question about several network namespaces as one about each, for what compares samples of one
//! namespace. Nothing is asked here.

use std::sync::Arc;

use super::{Joined, Memories, in_each};
use crate::model::{Kind, KindSet, NamespaceFacts, NamespacesRead, Netns, SourceName, StateSet};
use crate::question::Question;
use crate::source::observer::Part;
use crate::source::plan::{Plan, Several, Sources};
use crate::source::{ProcError, Report, SourceError};

/// A question about one of several namespaces, and its sources.
#[derive(Debug)]
pub struct OneNamespace {
    /// Which one.
    pub netns: Netns,
    /// A word of `--netns` that selects it.
    pub name: String,
    /// What is known of it.
    pub facts: Arc<NamespaceFacts>,
    /// What is asked there.
    pub question: Question,
    /// Its sources, as those of a question about it alone.
    pub sources: Sources,
}

/// Divides a question into those about each namespace that has sockets of other kinds than NETLINK: the
/// kernel has some of that kind in every one.
///
/// # Errors
/// When no namespace can be read.
pub fn in_each_namespace(
    several: &Several,
    question: &Question,
) -> Result<(Vec<OneNamespace>, NamespacesRead), SourceError> {
    let further = question.further;
    let divide = |part: &mut Part, question: &Question| {
        let tables = part.sources.tables();
        tables.within(|| ()).map_err(|error| {
            let path = tables.path("tcp");
            SourceError::Proc(ProcError { path, error })
        })?;
        Ok(Divided(vec![OneNamespace {
            netns: tables.netns(),
            name: tables.word().unwrap_or_default().to_owned(),
            facts: tables.facts(),
            question: Question {
                further,
                ..question.clone()
            },
            sources: part.sources.clone().alone(),
        }]))
    };
    let question = Question {
        further: further.without(Kind::Netlink),
        ..question.clone()
    };
    let (Divided(parts), namespaces) = in_each(several, &mut Memories::new(), &question, divide)?;
    Ok((parts, namespaces))
}

/// Visits each namespace with its sources, as one of several, whether it has sockets or not.
///
/// # Errors
/// When no namespace can be read.
pub fn visit_each(
    several: &Several,
    mut visit: impl FnMut(OneNamespace) -> Result<Report, SourceError>,
) -> Result<(Report, NamespacesRead), SourceError> {
    // No counter shows that a namespace has none of these, so that none is left out.
    let question = Question::about(Kind::Netlink, StateSet::ALL);
    in_each(
        several,
        &mut Memories::new(),
        &question,
        |part, question| {
            let tables = part.sources.tables();
            visit(OneNamespace {
                netns: tables.netns(),
                name: tables.word().unwrap_or_default().to_owned(),
                facts: tables.facts(),
                question: question.clone(),
                sources: part.sources.clone(),
            })
        },
    )
}

/// The parts of a question, whose answers are not known yet.
struct Divided(Vec<OneNamespace>);

impl Joined for Divided {
    fn without_sockets(_plan: Plan, _source: SourceName) -> Divided {
        Divided(Vec::new())
    }

    fn join(&mut self, other: Divided) {
        self.0.extend(other.0);
    }

    fn set_kinds(&mut self, _kinds: KindSet, _unavailable: Option<String>) {}

    fn is_last(&self) -> bool {
        false
    }

    fn source(&self) -> SourceName {
        SourceName::Netlink
    }

    fn is_by_counters(&self) -> bool {
        self.0.is_empty()
    }
}
