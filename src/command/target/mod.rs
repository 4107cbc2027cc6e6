//! Which sockets are observed, from where, and how long their owners are searched for: resolved
//! once from the options and words typed.

mod observing;
mod words;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::lookup::HostLookup;
use super::outcome::Failure;
use super::scope::{Scope, parse_words, usage};
use super::sources;
use crate::cli::{Keys, KindOption, Selection, Sourcing, SsLetters};
use crate::filter::{Expression, Test};
use crate::model::{
    Family, Field, Kind, KindSet, NamespacesRead, Recorded, State, StateSet, UnseenNamespace,
    UnseenReason, Use,
};
use crate::question::Question;
use crate::source::{Sources, in_each_namespace};
use words::FilterWords;

/// What every observation of one command line has in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// Which sockets; the fields needed are added for each use.
    pub(super) question: Question,
    /// Which sources may answer.
    pub(super) sources: Sources,
    /// The filter as it was typed; of a record, after that of the record.
    words: String,
    scope: Scope,
    owner_timeout: Option<Duration>,
}

/// A target for each of several network namespaces, with what is reported if that cannot be read; and
/// which namespaces were found.
pub(super) type EachNamespace = (Vec<(UnseenNamespace, Target)>, NamespacesRead);

impl Target {
    /// Resolves the options for the kinds of sockets that these select: reads files, and looks names up
    /// where the sockets are.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn of_letters(
        kinds: &KindOption,
        letters: SsLetters,
        selection: &Selection,
        sourcing: &Sourcing,
    ) -> Result<Target, Failure> {
        let family = letters.of_internet();
        let selection = Selection {
            ipv4: selection.ipv4 || family == Some(Family::V4),
            ipv6: selection.ipv6 || family == Some(Family::V6),
            ..selection.clone()
        };
        Target::of_kind(kinds.kinds(letters.kinds()), &selection, sourcing)
    }

    /// The same for sockets of these kinds.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn of_kind(
        kinds: KindSet,
        selection: &Selection,
        sourcing: &Sourcing,
    ) -> Result<Target, Failure> {
        let target = Target::of(kinds, selection, sourcing, Use::Filter)?;
        let is_change = |test: &Test| matches!(test, Test::Change(..));
        let filter = &target.question.filter;
        if filter.iter().flat_map(Expression::tests).any(is_change) {
            return Err(Failure::Usage(
                "`from` and `to` match transitions, which only tcpstates trace shows".to_owned(),
            ));
        }
        Ok(target)
    }

    /// The same for transitions, which `from` and `to` may select.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn traced(selection: &Selection, sourcing: &Sourcing) -> Result<Target, Failure> {
        Target::of(KindSet::TCP, selection, sourcing, Use::TraceFilter)
    }

    fn of(
        kinds: KindSet,
        selection: &Selection,
        sourcing: &Sourcing,
        used_as: Use,
    ) -> Result<Target, Failure> {
        let mut sources = sources::resolve(sourcing)?;
        let lookup = &mut HostLookup::of(sources.place());
        let words = FilterWords::of(&selection.words, &sources);
        let (recorded, typed) = words.parse(used_as, lookup).map_err(usage)?;
        let scope = Scope::of(kinds, selection, used_as, lookup)?;
        let question = scope.question(recorded, typed)?;
        if !sources.are_several() && tests_netns(&question) {
            sources = sources::resolve_several(sourcing)?;
        }
        Ok(Target {
            question,
            sources,
            words: words.joined(),
            scope,
            owner_timeout: sourcing.owner_timeout,
        })
    }

    /// The same for each of several network namespaces that has sockets; `None` if it is about one.
    ///
    /// # Errors
    /// When none can be read.
    pub(super) fn each_namespace(&self) -> Result<Option<EachNamespace>, Failure> {
        let Sources::Several(several) = &self.sources else {
            return Ok(None);
        };
        let (parts, namespaces) = in_each_namespace(several, &self.question)?;
        let parts = parts.into_iter().map(|one| {
            let target = Target {
                question: one.question,
                sources: one.sources,
                ..self.clone()
            };
            let unseen = UnseenNamespace {
                name: one.name,
                netns: one.netns,
                reason: UnseenReason::Gone,
            };
            (unseen, target)
        });
        Ok(Some((parts.collect(), namespaces)))
    }

    /// The same for groups by these keys: by network namespace, of every one, unless some are named.
    ///
    /// # Errors
    /// By network namespace with `--proc-root`.
    pub(super) fn grouped_by(
        self,
        keys: Option<&Keys>,
        sourcing: &Sourcing,
    ) -> Result<Target, Failure> {
        let fields = || keys.iter().flat_map(|keys| &keys.0).map(|key| key.field);
        self.refuse_foreign(fields())?;
        let by_netns = fields().any(|field| field == Field::Netns);
        if !by_netns {
            return Ok(self);
        }
        let sources = match self.sources.are_several() {
            true => self.sources,
            false => sources::resolve_several(sourcing)?,
        };
        Ok(Target {
            sources: sources.with_placements(),
            ..self
        })
    }

    /// The same with what the processes of each of several network namespaces belong to.
    pub(super) fn with_placements(self) -> Target {
        Target {
            sources: self.sources.with_placements(),
            ..self
        }
    }

    /// The sockets of these kinds besides TCP in the same place, without those that the kernel cannot report
    /// if these are a group; `None` if there are no others.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn besides_tcp(&self, kinds: KindSet) -> Result<Option<Target>, Failure> {
        let others = kinds.without(Kind::Tcp);
        if others.is_empty() {
            return Ok(None);
        }
        let scope = self.scope.of_kinds(others);
        let mut question = scope.question(None, None)?;
        question.is_group = kinds.is_group_of_requests();
        Ok(Some(Target {
            question,
            scope,
            words: String::new(),
            owner_timeout: None,
            sources: self.sources.clone(),
        }))
    }

    /// The filter as it was typed, after that of a record; `None` for none.
    pub(super) fn typed_words(&self) -> Option<String> {
        let words = Some(&self.words);
        words.filter(|words| !words.trim().is_empty()).cloned()
    }

    /// The kinds selected.
    pub(super) fn kinds(&self) -> KindSet {
        self.scope.kinds
    }

    /// The same in the record that this option names.
    ///
    /// # Errors
    /// When the file is no record, or a word of the filter means nothing there.
    pub(super) fn in_record(&self, option: &str, file: &Path) -> Result<Target, Failure> {
        let record = sources::opened(option, file, None)?;
        let sources = sources::compared(record, &self.sources)?;
        let typed: Vec<String> = self.typed_words().into_iter().collect();
        Target {
            words: FilterWords::of(&typed, &sources).joined(),
            sources,
            ..self.clone()
        }
        .of_kinds(self.kinds())
    }

    /// The same at another moment of its record.
    pub(super) fn at(&self, record: Recorded) -> Target {
        Target {
            sources: self.sources.at(Arc::new(record)),
            ..self.clone()
        }
    }

    /// The same about sockets of these kinds.
    ///
    /// # Errors
    /// When none of these can match.
    pub(super) fn of_kinds(&self, kinds: KindSet) -> Result<Target, Failure> {
        let lookup = &mut HostLookup::of(self.sources.place());
        self.with_filter(&self.words, kinds, lookup)
    }

    /// The same with another filter in place of the words typed, about sockets of these kinds.
    ///
    /// # Errors
    /// [`Failure::Filter`] because of a word, another one because of all.
    pub(super) fn with_filter(
        &self,
        text: &str,
        kinds: KindSet,
        lookup: &mut HostLookup,
    ) -> Result<Target, Failure> {
        let words = Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        // Errors are about places in this text.
        parse_words(words.as_slice(), Use::Filter, lookup)?;
        let words = FilterWords::of(words.as_slice(), &self.sources);
        let (recorded, typed) = words.parse(Use::Filter, lookup)?;
        let scope = self.scope.of_kinds(kinds);
        let question = scope.question(recorded, typed)?;
        if !self.sources.are_several() && tests_netns(&question) {
            return Err(Failure::Usage(
                "`netns` compares network namespaces: start with -N all".to_owned(),
            ));
        }
        Ok(Target {
            question,
            words: words.joined(),
            scope,
            ..self.clone()
        })
    }

    /// The same for sockets of one of its kinds; `None` if none of these can match.
    pub(super) fn only(&self, kind: Kind) -> Option<Target> {
        let each = self.question.by_kind().into_iter();
        let question = each.map(Cow::into_owned).find(|one| one.kind == kind)?;
        Some(Target {
            question,
            ..self.clone()
        })
    }

    /// The same for those of these kinds that can match; `None` if none of them can.
    pub(super) fn among(&self, kinds: KindSet) -> Option<Target> {
        let parts = self.question.by_kind();
        let able = parts.iter().map(|one| one.kinds());
        let able = able.fold(KindSet::NONE, KindSet::union);
        let kinds = able.intersection(kinds);
        let all = Question::about_all(kinds, self.question.states);
        let question = Question {
            kind: all.kind,
            further: all.further,
            is_group: all.is_group,
            ..self.question.clone()
        };
        Some(Target {
            question: question.narrowed().filter(|_| !kinds.is_empty())?,
            scope: self.scope.of_kinds(kinds),
            ..self.clone()
        })
    }

    /// The same, limited to these states.
    pub(super) fn within(&self, states: StateSet) -> Target {
        let mut target = self.clone();
        target.question.states = target.question.states.intersection(states);
        target
    }

    /// Every socket that may be among those selected some time later. A listener was one before.
    pub(super) fn without_filter(&self) -> Target {
        let mut target = self.clone();
        let listen = StateSet::NONE.with(State::Listen);
        if target.question.states != listen {
            target.question.states = target.question.kinds().states();
        }
        target.question.filter = None;
        target.question.beyond_record = None;
        target
    }

    /// Refuses fields that sockets of the selected kind do not have.
    ///
    /// # Errors
    /// The first of them.
    pub(super) fn refuse_foreign(
        &self,
        mut fields: impl Iterator<Item = Field>,
    ) -> Result<(), Failure> {
        self.scope.refuse_foreign(&mut fields)
    }
}

fn tests_netns(question: &Question) -> bool {
    let mut tests = question.filter.iter().flat_map(Expression::tests);
    tests.any(|test| matches!(test, Test::Netns(_)))
}
