//! Reads samples: each is the numbers of sockets, with the files and groups of those before it in its member
//! where they did not change.

mod namespaces;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::index::damaged;
use super::line::{File, Groups, KindCounts, Line, Sample, time_of};
use super::lines::Lines;
use super::{bounded_warnings, source_of};
use crate::model::{
    Counted, CountedGroups, Counts, Field, KeyPart, Kind, KindRead, KindSet, Moment, Other, Place,
    ProcessName, RecordedNamespaces, Service, Stretch,
};
use namespaces::{Files, Namespaces};

/// More text than this is in no member of samples, in bytes.
const MOST_KEPT: usize = 64 << 20;

/// How lines of files and groups begin, as this program writes them.
const OTHERS: [&[u8]; 2] = [b"{\"type\":\"file\"", b"{\"type\":\"groups\""];

/// The samples of a stretch, one after the other.
#[derive(Debug)]
pub struct Samples {
    lines: Lines,
    member: u64,
    /// How many bytes of lines were read.
    read: usize,
    /// Whether files and groups are left out.
    only_numbers: bool,
    common: Common,
    /// The one that was read last.
    last: Option<Numbers>,
}

/// What a sample has of its own.
#[derive(Debug)]
struct Numbers {
    /// Without files, groups and network namespaces.
    moment: Moment,
    are_several: bool,
    denied: u64,
    hiding: Option<String>,
}

/// What the next one has in common with the one before.
#[derive(Debug, Default)]
struct Common {
    files: Files,
    groups: Vec<CountedGroups>,
    namespaces: Namespaces,
}

impl Samples {
    /// Those of this stretch of a record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, stretch: &Stretch) -> io::Result<Samples> {
        Ok(Samples {
            lines: Lines::open_apart(path, stretch.place)?,
            member: stretch.place.member,
            read: 0,
            only_numbers: false,
            common: Common::default(),
            last: None,
        })
    }

    /// The same without files and groups, which takes less time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn numbers(path: &Path, stretch: &Stretch) -> io::Result<Samples> {
        let samples = Samples::open(path, stretch)?;
        Ok(Samples {
            only_numbers: true,
            ..samples
        })
    }

    /// The next one; `None` after the last one that is whole.
    ///
    /// # Errors
    /// When the file is cut off or damaged.
    pub fn next_sample(&mut self) -> io::Result<Option<Moment>> {
        let is_there = self.next_time()?.is_some();
        Ok(is_there.then(|| self.sample()).flatten())
    }

    /// How many network namespaces the one that was read last is of.
    pub(super) fn namespaces(&self) -> usize {
        self.common.namespaces.len()
    }

    /// The one that was read last. It has copies of all that it has in common with the one before, which one
    /// that is only passed does not need.
    fn sample(&self) -> Option<Moment> {
        let Numbers {
            moment,
            are_several,
            denied,
            hiding,
        } = self.last.as_ref()?;
        let namespaces = || {
            let members = self.common.namespaces.members(moment);
            RecordedNamespaces::new(members, *denied, hiding.clone())
        };
        let mut sample = Moment {
            files: self.common.files.clone(),
            namespaces: are_several.then(|| Arc::new(namespaces())),
            ..moment.clone()
        };
        let counted = sample.counted.get_or_insert_default();
        counted.groups.clone_from(&self.common.groups);
        Some(sample)
    }

    /// Goes on to the next one, and returns its time; `None` after the last one that is whole.
    ///
    /// # Errors
    /// When the file is cut off or damaged.
    pub(super) fn next_time(&mut self) -> io::Result<Option<SystemTime>> {
        self.last = None;
        loop {
            let Some((place, line)) = self.lines.next_line()? else {
                return Ok(None);
            };
            if place.member != self.member {
                return Ok(None);
            }
            let wrong = |error: String| damaged(place, &error);
            self.read += line.len();
            if self.read > MOST_KEPT {
                return Err(damaged(place, "more than 64 MiB of samples in a member"));
            }
            let is_other = || OTHERS.iter().any(|start| line.starts_with(start));
            if self.only_numbers && is_other() {
                continue;
            }
            let line = serde_json::from_slice(line);
            let line = line.map_err(|error| wrong(error.to_string()))?;
            if let Some(numbers) = self.common.take(line, place).map_err(wrong)? {
                let time = numbers.moment.time;
                self.last = Some(numbers);
                return Ok(Some(time));
            }
        }
    }
}

impl Common {
    /// Changes with a line; the numbers of the sample, if one is whole with it.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other lines are in no sample, or of a later version"
    )]
    fn take(&mut self, line: Line<'_>, place: Place) -> Result<Option<Numbers>, String> {
        match line {
            Line::Sample(sample) => {
                let moment = sample_of(&sample, place)?;
                self.namespaces.check(&sample, &moment)?;
                return Ok(Some(Numbers {
                    moment,
                    are_several: sample.namespaces.is_some(),
                    denied: sample.denied_processes,
                    hiding: sample.hiding.map(Into::into),
                }));
            }
            Line::File(file) => self.add_file(file)?,
            Line::Namespace(one) => self.namespaces.know(&one)?,
            Line::NamespaceCounts(counts) => self.namespaces.count(&counts)?,
            Line::Groups(groups) => {
                // A field of a later version is not known.
                if let Some(groups) = groups_of(groups)? {
                    self.groups.retain(|one| one.by != groups.by);
                    self.groups.push(groups);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn add_file(&mut self, file: File<'_>) -> Result<(), String> {
        let File {
            netns,
            path,
            text,
            error,
        } = file;
        let files = match netns {
            None => &mut self.files,
            Some(netns) => self.namespaces.files(netns)?,
        };
        let text = text.map(|text| Ok(text.into_owned()));
        let file = text.or(error.map(|error| Err(error.into_owned())));
        match file {
            Some(file) => files.insert(path.into_owned(), file),
            None => files.remove(&*path),
        };
        Ok(())
    }
}

fn sample_of(line: &Sample<'_>, place: Place) -> Result<Moment, String> {
    let time = time_of(&line.time);
    let mut moment = Moment {
        time: time.ok_or_else(|| format!("no time: {}", line.time))?,
        stamp: line.time.clone().into_owned(),
        warnings: bounded_warnings(&line.warnings).into(),
        ..Moment::beginning(place)
    };
    let mut counted = Counted::default();
    for one in &line.kinds {
        let Some((kind, counts)) = kind_of(one)? else {
            continue;
        };
        refuse_again(kind, &counted.kinds)?;
        let sum = moment.total.checked_add(one.total);
        moment.total = sum.ok_or("too many sockets")?;
        moment.kinds.push(KindRead {
            kind,
            source: source_of(one.source.as_deref()),
            is_complete: true,
            unavailable: one.unavailable.as_deref().map(Into::into),
        });
        counted.kinds.push((kind, counts));
    }
    moment.counted = Some(counted);
    Ok(moment)
}

/// The numbers of a kind; `None` for one of a later version, which is not known.
fn kind_of(line: &KindCounts<'_>) -> Result<Option<(Kind, Counts)>, String> {
    let Some(kind) = KindSet::parse(&line.kind).ok().and_then(KindSet::only) else {
        return Ok(None);
    };
    match line.states.0.total() == line.total {
        true => Ok(Some((kind, line.states.0.clone()))),
        false => Err("a total is not the sum of its states".to_owned()),
    }
}

/// Refuses a kind that is among these.
fn refuse_again(kind: Kind, known: &[(Kind, Counts)]) -> Result<(), String> {
    match known.iter().any(|(other, _)| *other == kind) {
        true => Err(format!("it has {} sockets twice", kind.name())),
        false => Ok(()),
    }
}

/// `None` where they are by a field that is not known.
fn groups_of(line: Groups<'_>) -> Result<Option<CountedGroups>, String> {
    let mut fields = CountedGroups::FIELDS.into_iter();
    let Some(by) = fields.find(|field| field.name() == line.by) else {
        return Ok(None);
    };
    let time = time_of(&line.time);
    let mut groups = Vec::new();
    let totals = line.groups.iter().map(|group| (group.total, &group.states));
    let other = line.other.iter().map(|other| (other.total, &other.states));
    let mut sum = 0_u64;
    for (total, states) in totals.chain(other) {
        if states.0.total() != total {
            return Err("a total is not the sum of its states".to_owned());
        }
        sum = sum.checked_add(total).ok_or("too many sockets")?;
    }
    for group in line.groups {
        groups.push((part(by, group.key.as_deref())?, group.states.0));
    }
    Ok(Some(CountedGroups {
        time: time.ok_or_else(|| format!("no time: {}", line.time))?,
        by,
        groups,
        other: line.other.map(|other| Other {
            groups: other.groups,
            counts: other.states.0,
        }),
        warnings: bounded_warnings(&line.warnings),
    }))
}

/// The part of a key that its text is.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "samples have no other groups"
)]
fn part(by: Field, text: Option<&str>) -> Result<KeyPart, String> {
    let no = |text: &str| format!("no {}: {text}", by.name());
    let service = |text: &str| match text.strip_prefix(':') {
        Some(port) => Ok::<_, String>(Service::Served(port.parse().map_err(|_| no(text))?)),
        None => Ok(Service::Used(text.parse().map_err(|_| no(text))?)),
    };
    let address = |text: &str| {
        let address: std::net::IpAddr = text.parse().map_err(|_| no(text))?;
        Ok::<_, String>(address.into())
    };
    Ok(match by {
        Field::Service => KeyPart::Service(text.map(service).transpose()?),
        Field::RemoteAddr => KeyPart::Addr(text.map(address).transpose()?),
        _ => KeyPart::Process(text.map(|text| ProcessName::new(text.as_bytes()))),
    })
}
