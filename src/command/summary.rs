//! `tcpstates`: how many sockets are in each state, in all or by group, once or repeatedly.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::compare::Saved;
use super::console::{Console, Presentation};
use super::groups::{GroupSampler, ShownGroups};
use super::outcome::{Failure, Status};
use super::repeat::Repetition;
use super::target::Target;
use super::through;
use crate::cli;
use crate::model::{Asked, Field, GroupKey};
use crate::output::{Format, Style};
use crate::record::{At, is_record};

/// A resolved request for a summary: by state or by group, appended or in place.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) target: Target,
    /// The network namespaces, as typed.
    netns: Vec<String>,
    /// The words of the filter, as typed.
    pub(super) filter: String,
    /// By which keys, where it is grouped.
    pub(super) by: Option<Vec<GroupKey>>,
    /// How many groups are shown one by one.
    pub(super) top: Option<NonZeroUsize>,
    /// The answer to compare with.
    pub(super) compare: Option<PathBuf>,
    /// Whether the states without sockets are shown too.
    pub(super) zeros: bool,
    /// Whether headings and totals are left out.
    pub(super) no_header: bool,
    pub(super) presentation: Presentation,
    pub(super) repetition: Repetition,
}

impl Summary {
    /// Resolves the options.
    ///
    /// # Errors
    /// What is not valid.
    pub(super) fn resolve(
        mut typed: cli::Summary,
        console: &mut Console,
    ) -> Result<Summary, Failure> {
        if typed.top.is_some() && typed.by.is_none() {
            return Err(Failure::Usage(
                "--top needs --by KEYS: without groups there is nothing to cut".to_owned(),
            ));
        }
        if typed.repetition.watch.is_some() && typed.sourcing.from.is_some() {
            // It is gone through from its beginning on.
            typed.sourcing.at.get_or_insert(At::First);
        }
        let target = Target::of_letters(
            &typed.kinds,
            typed.letters,
            &typed.selection,
            &typed.sourcing,
        )?
        .grouped_by(typed.by.as_ref(), &typed.sourcing)?;
        let has_kinds = target.question.kinds().only().is_none();
        let by_kind = has_kinds.then(|| {
            vec![GroupKey {
                field: Field::Kind,
                prefix: None,
            }]
        });
        let by = typed.by.map(|keys| keys.0).or(by_kind);
        Ok(Summary {
            repetition: Repetition::resolve(&typed.repetition)?,
            filter: target.typed_words().unwrap_or_default(),
            target,
            netns: typed.sourcing.namespaces.netns.clone(),
            by,
            top: typed.top,
            compare: typed.compare,
            zeros: typed.zeros,
            no_header: typed.letters.no_header,
            presentation: console.present(&typed.presentation),
        })
    }

    /// The format of the answer, or of the answers of a repeated request.
    pub(super) fn format(&self, repeated: bool) -> Box<dyn Format> {
        self.presentation.open(self.style(repeated))
    }

    fn style(&self, repeated: bool) -> Style {
        Style {
            repeated,
            zeros: self.zeros,
            no_header: self.no_header,
            asked: self.asked(),
            ..Style::default()
        }
    }

    /// The network namespaces, as typed; `None` for that of the process.
    pub(super) fn netns(&self) -> Option<String> {
        match &*self.netns {
            [] => self.target.sources.place().netns(),
            words => Some(words.join(",")),
        }
    }

    fn asked(&self) -> Asked {
        let question = &self.target.question;
        let keys = self.by.iter().flatten();
        Asked {
            filter: question.filter.as_ref().map(ToString::to_string),
            netns: self.netns(),
            kind: question.kinds().unless_tcp(),
            family: question.families.only(),
            by: keys.map(ToString::to_string).collect(),
        }
    }

    /// The answer to compare with, if one is named.
    fn saved(&self) -> Result<Option<Saved>, Failure> {
        let fields: Vec<Field> = self.by.iter().flatten().map(|key| key.field).collect();
        let states = self.target.question.states;
        let read = |path| match is_record(path) {
            true => {
                let answer = self.answer_of(path)?;
                Saved::of_answer(path, &answer, &self.asked(), states, &fields)
            }
            false => Saved::read(path, &self.asked(), states, &fields),
        };
        self.compare.as_deref().map(read).transpose()
    }

    /// What `--json` prints of the same question to a record.
    fn answer_of(&self, record: &Path) -> Result<Vec<u8>, Failure> {
        let target = self.target.in_record("--compare", record)?;
        let mut format = Presentation::Json.open(Style {
            asked: Asked {
                filter: target.question.filter.as_ref().map(ToString::to_string),
                ..self.asked()
            },
            ..self.style(false)
        });
        let mut bytes = Vec::new();
        match &self.by {
            None => {
                let mut sampler = target.sampler(Vec::new())?;
                let sample = sampler.count(false)?;
                format.write_summary(&mut bytes, &sampler.snapshot(&sample));
            }
            Some(keys) => {
                let groups = GroupSampler::new(&target, keys, None)?;
                let (_, grouped) = ShownGroups::new(groups, None, false).sample()?;
                format.write_groups(&mut bytes, &grouped);
            }
        }
        Ok(bytes)
    }
}

/// Counts by state, or by group.
pub(super) fn run(request: &Summary, console: &mut Console) -> Result<Status, Failure> {
    let repeated = request.repetition.interval.is_some();
    if let Some(record) = request.target.sources.record().filter(|_| repeated) {
        return through::run(request, record, console);
    }
    let mut saved = request.saved()?;
    let mut format = request.presentation.open(Style {
        earlier: saved.as_ref().map(|saved| saved.earlier.clone()),
        ..request.style(repeated)
    });
    let Some(keys) = &request.by else {
        request.target.refuse_owner_timeout()?;
        let mut sampler = request.target.sampler(Vec::new())?;
        return request.repetition.run(console, |console| {
            let sample = sampler.count(false)?;
            console.log(&sample);
            let snapshot = sampler.snapshot(&sample);
            let mut bytes = Vec::new();
            format.write_summary(&mut bytes, &snapshot);
            console.write(&bytes)?;
            Ok(Status::of(&snapshot.observation.completeness))
        });
    };
    let sampler = GroupSampler::new(&request.target, keys, None)?;
    // What is compared is cut afterwards.
    let top = request.top.filter(|_| saved.is_none());
    let mut groups = ShownGroups::new(sampler, top, repeated);
    request.repetition.run(console, |console| {
        let (mut sample, mut grouped) = groups.sample()?;
        if let Some(saved) = saved.take() {
            saved.refuse_lack(&grouped)?;
            let known = grouped.notes.len();
            saved.compare(&mut grouped, request.top);
            sample
                .notes
                .extend(grouped.notes.iter().skip(known).cloned());
        }
        let mut bytes = Vec::new();
        format.write_groups(&mut bytes, &grouped);
        sample.notes.extend(format.note());
        console.log(&sample);
        console.write(&bytes)?;
        Ok(Status::of(&grouped.observation.completeness))
    })
}
