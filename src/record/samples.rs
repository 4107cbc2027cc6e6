//! Reads samples: each is the numbers of sockets, with the files and groups of those before it in its member
//! where they did not change.

mod namespaces;

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::index::damaged;
use super::line::{File, Groups, KindCounts, Line, Sample, time_of};
use super::lines::Lines;
use super::source_of;
use crate::model::{
    CountedGroups, Counts, Field, KeyPart, Kind, KindRead, KindSet, Moment, Other, Place,
    ProcessName, Service, Stretch,
};
use namespaces::Namespaces;

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
}

/// What the next one has in common with the one before.
#[derive(Debug)]
struct Common {
    moment: Moment,
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
            common: Common {
                moment: Moment::beginning(stretch.place),
                namespaces: Namespaces::default(),
            },
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
            if let Some(sample) = self.common.take(line, place).map_err(wrong)? {
                return Ok(Some(sample));
            }
        }
    }
}

impl Common {
    /// Changes with a line; the sample, if one is whole with it.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other lines are in no sample, or of a later version"
    )]
    fn take(&mut self, line: Line<'_>, place: Place) -> Result<Option<Moment>, String> {
        match line {
            Line::Sample(sample) => {
                let mut moment = sample_of(&self.moment, &sample, place)?;
                let namespaces = self.namespaces.of_sample(&sample, &moment)?;
                moment.namespaces = namespaces.map(Arc::new);
                return Ok(Some(moment));
            }
            Line::File(file) => self.add_file(file)?,
            Line::Namespace(one) => self.namespaces.know(&one)?,
            Line::NamespaceCounts(counts) => self.namespaces.count(&counts)?,
            Line::Groups(groups) => {
                let counted = self.moment.counted.get_or_insert_default();
                // A field of a later version is not known.
                if let Some(groups) = groups_of(groups)? {
                    counted.groups.retain(|one| one.by != groups.by);
                    counted.groups.push(groups);
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
            None => &mut self.moment.files,
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

fn sample_of(common: &Moment, line: &Sample<'_>, place: Place) -> Result<Moment, String> {
    let time = time_of(&line.time);
    let mut moment = Moment {
        time: time.ok_or_else(|| format!("no time: {}", line.time))?,
        stamp: line.time.clone().into_owned(),
        start: place,
        warnings: line.warnings.iter().map(|one| one.to_string()).collect(),
        ..common.clone()
    };
    let mut counted = moment.counted.take().unwrap_or_default();
    for one in &line.kinds {
        let Some((kind, counts)) = kind_of(one)? else {
            continue;
        };
        let sum = moment.total.checked_add(one.total);
        moment.total = sum.ok_or("too many sockets")?;
        moment.kinds.push(KindRead {
            kind,
            source: source_of(one.source.as_deref()),
            is_complete: true,
            unavailable: one.unavailable.as_ref().map(ToString::to_string),
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
        warnings: line.warnings.into_iter().map(Into::into).collect(),
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
