//! Reads a moment with the one that it is compared with, and the one that has its unchanged sockets.

use std::io;
use std::path::Path;

use super::moment::{Sockets, read_moment};
use crate::model::{Moment, Netns, Place, Stretch};

/// Of more moments than this, none is looked for before them that is whole: each may be as long as the file.
pub(super) const MOST_DAMAGED: usize = 16;

/// A moment or sample, after the one that it is compared with.
pub(super) type Compared = (Option<Moment>, Moment);

/// Reads a moment with its sockets, and the one before it of the same run, which begins with the line at `run`.
pub(super) fn read_with_sockets(
    path: &Path,
    all: &[Stretch],
    chosen: usize,
    run: Option<Place>,
    sockets: Sockets,
) -> io::Result<Compared> {
    let gone = || io::Error::other("it has no sample");
    let place = all.get(chosen).ok_or_else(gone)?.place;
    let run = run.unwrap_or_default();
    let before = all.get(..chosen).unwrap_or_default().iter().rev();
    let before = before.take_while(|one| one.place.member >= run.member);
    let moments: Vec<Stretch> = before.filter(|one| one.has_sockets).copied().collect();
    let (moment, base) = read_whole(path, &moments, place, sockets)?;
    let nearest = moments.first().map(|one| one.place);
    let mut earlier = base.filter(|base| nearest == Some(base.start));
    let mut rest = moments.get(..MOST_DAMAGED).unwrap_or(&moments);
    while let Some((one, before)) = rest.split_first()
        && earlier.is_none()
        && !moment.is_first
    {
        let read = read_whole(path, before, one.place, sockets);
        earlier = read.ok().map(|(moment, _)| moment);
        rest = before;
    }
    let earlier = earlier.filter(|_| !moment.is_first);
    // Where the clock was set back, no time between them is known.
    Ok((earlier.filter(|one| one.time < moment.time), moment))
}

/// Reads a moment with the one that has its unchanged sockets, if there is one; `earlier` has those before it,
/// the last one first.
fn read_whole(
    path: &Path,
    earlier: &[Stretch],
    place: Place,
    sockets: Sockets,
) -> io::Result<(Moment, Option<Moment>)> {
    let (mut moment, needed) = read_moment(path, place, sockets)?;
    let Some(needed) = needed else {
        return Ok((moment, None));
    };
    let stamp = &needed.stamp;
    let lacks = |what: &str| {
        io::Error::other(format!(
            "its sockets are also in the moment of {stamp}, {what}"
        ))
    };
    let base = earlier.iter().find(|one| one.first == needed.time);
    let base = base.ok_or_else(|| lacks("which the file does not have"))?;
    let (base, further) = read_moment(path, base.place, sockets)
        .map_err(|error| lacks(&format!("which is damaged: {error}")))?;
    if further.is_some() || base.total < needed.sockets {
        return Err(lacks("which has other ones"));
    }
    moment.base = Some(base.start);
    let is_there = |(netns, sockets): &(Netns, u64)| {
        let before = base.namespaces.as_ref()?.moment(*netns)?;
        (before.total >= *sockets).then_some((*netns, before.start))
    };
    for part in &needed.parts {
        let (netns, start) = is_there(part).ok_or_else(|| lacks("which has other ones"))?;
        if let Some(one) = moment.part_mut(netns) {
            one.base = Some(start);
        }
    }
    Ok((moment, Some(base)))
}
