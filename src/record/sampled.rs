//! Writes samples into a file: several in one member, so that one is compressed by what the one before has;
//! and each so that it can be read when the program is killed after it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::index::milliseconds;
use super::line::{File, Groups, Line, Namespace, NamespaceCounts, Sample};
use super::ring::Ring;
use super::tag::{SAMPLES, Tag, trailer};

/// The most samples of a member, and the most bytes of its lines: what is read to find one sample.
const MOST: u32 = 60;
const LONGEST: u64 = 4 << 20;

/// Of which of several network namespaces a file is, by number, and its path below /proc.
type FileOf = (Option<u32>, String);

/// A file of counters or settings, or why it cannot be read.
pub type FileRead = (FileOf, Result<String, String>);

/// What is known of one of several network namespaces, and its numbers if it was read.
pub type SampledNamespace = (Namespace<'static>, Option<NamespaceCounts<'static>>);

/// A sample as it is recorded.
#[derive(Debug)]
pub struct Sampled {
    /// When it was taken.
    pub time: SystemTime,
    /// The files of counters and settings.
    pub files: Vec<FileRead>,
    /// Each, where there are several.
    pub namespaces: Vec<SampledNamespace>,
    /// The groups that were counted for it.
    pub groups: Vec<Groups<'static>>,
    /// The numbers of sockets.
    pub sample: Sample<'static>,
}

/// Writes samples.
#[derive(Debug, Default)]
pub struct SampleWriter {
    member: Option<Growing>,
    /// What the last sample has.
    files: BTreeMap<FileOf, Result<String, String>>,
    /// The lines about each network namespace.
    namespaces: BTreeMap<u32, [Vec<u8>; 2]>,
    /// The line of the groups by each field.
    groups: BTreeMap<String, Vec<u8>>,
}

/// The member that grows.
#[derive(Debug)]
struct Growing {
    first: SystemTime,
    last: SystemTime,
    samples: u32,
    stream: Compress,
    crc: Crc,
    /// Whether a sample could not be written, so that the stream lacks what was compressed.
    is_broken: bool,
}

impl SampleWriter {
    /// Writes a sample, with which all before it can be read.
    ///
    /// # Errors
    /// Those of the file, which then is as it was before.
    pub fn write(&mut self, ring: &mut Ring, sampled: Sampled) -> io::Result<()> {
        let time = sampled.time;
        let is_full = self.member.as_ref().is_some_and(|member| {
            // The clock was set back.
            let is_earlier = time < member.last;
            let is_long = member.samples >= MOST || u64::from(member.crc.amount()) >= LONGEST;
            is_earlier || is_long || member.is_broken
        });
        if is_full {
            self.end(ring)?;
        }
        let mut lines = Vec::new();
        let begins = self.member.is_none();
        self.add_namespaces(sampled.namespaces, begins, &mut lines)?;
        self.add_files(sampled.files, begins, &mut lines)?;
        for groups in sampled.groups {
            let by = groups.by.clone().into_owned();
            let line = line_of(&Line::Groups(groups))?;
            if !begins {
                lines.extend_from_slice(&line);
            }
            self.groups.insert(by, line);
        }
        if begins {
            self.groups
                .values()
                .for_each(|line| lines.extend_from_slice(line));
        }
        lines.extend(line_of(&Line::Sample(sampled.sample))?);
        if begins {
            self.begin(ring, time)?;
        }
        let written = self
            .member
            .as_mut()
            .map_or(Ok(()), |member| member.add(&lines, ring));
        if let (Some(member), Ok(())) = (&mut self.member, &written) {
            member.last = time;
            member.samples += 1;
        }
        let is_nothing = self
            .member
            .as_ref()
            .is_some_and(|member| member.samples == 0);
        if is_nothing {
            self.member = None;
            ring.drop_part()?;
        }
        written
    }

    /// Ends the member, before something else is written.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end(&mut self, ring: &mut Ring) -> io::Result<()> {
        let (Some(member), Some(at)) = (&self.member, ring.part()) else {
            return Ok(());
        };
        let trailer = trailer(&member.crc);
        ring.write_all(&trailer)?;
        // Room was made for that.
        let at = ring.part().unwrap_or(at);
        let tag = Tag {
            flags: SAMPLES,
            length: ring.length() - at,
            first: milliseconds(member.first),
            last: milliseconds(member.last),
        };
        if let Err(error) = ring.patch(at, &tag.header()) {
            // It is ended again later.
            ring.cut(ring.length() - trailer.len() as u64)?;
            return Err(error);
        }
        ring.end_part(member.last);
        self.member = None;
        Ok(())
    }

    fn begin(&mut self, ring: &mut Ring, time: SystemTime) -> io::Result<()> {
        ring.begin_part(time)?;
        let at = milliseconds(time);
        let tag = Tag {
            flags: SAMPLES,
            first: at,
            last: at,
            ..Tag::default()
        };
        if let Err(error) = ring.write_all(&tag.header()) {
            ring.drop_part()?;
            return Err(error);
        }
        self.member = Some(Growing {
            first: time,
            last: time,
            samples: 0,
            stream: Compress::new(Compression::default(), false),
            crc: Crc::new(),
            is_broken: false,
        });
        Ok(())
    }

    /// Adds the lines about network namespaces: about all of them, or about those that are not as before.
    fn add_namespaces(
        &mut self,
        namespaces: Vec<SampledNamespace>,
        all: bool,
        lines: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut now = BTreeMap::new();
        for (one, counts) in namespaces {
            let netns = one.netns;
            let counts = counts.map(|counts| line_of(&Line::NamespaceCounts(counts)));
            let counts = counts.transpose()?.unwrap_or_default();
            let its = [line_of(&Line::Namespace(one))?, counts];
            let before = self.namespaces.get(&netns).filter(|_| !all);
            for (line, number) in its.iter().zip(0..) {
                if before.and_then(|before| before.get(number)) != Some(line) {
                    lines.extend_from_slice(line);
                }
            }
            now.insert(netns, its);
        }
        let gone = self
            .namespaces
            .keys()
            .filter(|netns| !now.contains_key(*netns));
        for netns in gone.filter(|_| !all) {
            lines.extend(line_of(&Line::NamespaceCounts(NamespaceCounts {
                netns: *netns,
                source: None,
                kinds: None,
            }))?);
        }
        self.namespaces = now;
        Ok(())
    }

    /// Adds the lines of files: of all of them, or of those that are not as before.
    fn add_files(
        &mut self,
        files: Vec<FileRead>,
        all: bool,
        lines: &mut Vec<u8>,
    ) -> io::Result<()> {
        let now: BTreeMap<FileOf, Result<String, String>> = files.into_iter().collect();
        let is_there =
            |(netns, _): &FileOf| netns.is_none_or(|netns| self.namespaces.contains_key(&netns));
        let gone = self.files.keys().filter(|file| !now.contains_key(*file));
        // Those of a network namespace that is not there any more are given up with it.
        for file in gone.filter(|file| !all && is_there(file)) {
            lines.extend(file_line(file, None)?);
        }
        let changed = |file: &FileOf, read| all || self.files.get(file) != Some(read);
        for (file, read) in now.iter().filter(|(file, read)| changed(file, read)) {
            lines.extend(file_line(file, Some(read))?);
        }
        self.files = now;
        Ok(())
    }
}

/// The line of a file; of one that does not exist any more, if nothing was read.
fn file_line((netns, path): &FileOf, read: Option<&Result<String, String>>) -> io::Result<Vec<u8>> {
    line_of(&Line::File(File {
        netns: *netns,
        path: path.into(),
        text: read.and_then(|read| read.as_ref().ok()).map(Into::into),
        error: read.and_then(|read| read.as_ref().err()).map(Into::into),
    }))
}

impl Growing {
    /// Compresses lines, and writes all that they became.
    fn add(&mut self, lines: &[u8], ring: &mut Ring) -> io::Result<()> {
        self.is_broken = true;
        let packed = self.compress(lines)?;
        ring.write_all(&packed)?;
        self.crc.update(lines);
        self.is_broken = false;
        Ok(())
    }

    fn compress(&mut self, lines: &[u8]) -> io::Result<Vec<u8>> {
        let (mut packed, begin) = (Vec::new(), self.stream.total_in());
        loop {
            let taken = usize::try_from(self.stream.total_in() - begin).unwrap_or(usize::MAX);
            let left = lines.get(taken..).unwrap_or_default();
            packed.reserve(lines.len() + 1024);
            let stream = &mut self.stream;
            stream.compress_vec(left, &mut packed, FlushCompress::Sync)?;
            let is_taken = stream.total_in() - begin == lines.len() as u64;
            // Room is left: nothing waits in the stream.
            if is_taken && packed.len() < packed.capacity() {
                return Ok(packed);
            }
        }
    }
}

fn line_of(line: &Line<'_>) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}
