//! The list of the live view: the first sockets of a state, or of a group of them, as lines.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::command::list::list_style;
use crate::command::names::HostNames;
use crate::command::outcome::Failure;
use crate::command::processes::OwnerSearch;
use crate::command::target::Target;
use crate::live::{GroupOf, Listing};
use crate::model::{Field, GroupHolders, Listeners, Sink, Socket, SortKey, State, Use};
use crate::output::{Look, Style, render_list};
use crate::owner::{Owners, Seek};
use crate::source::{Observer, Report};
use crate::tally::{BufferedSockets, TopN};

/// The most sockets shown: more than a person scrolls through.
const MOST_SOCKETS: usize = 10_000;

/// Passes on the sockets of one group.
struct OfGroup<'a> {
    group: &'a GroupOf,
    listeners: Listeners,
    top: &'a mut TopN,
}

impl OfGroup<'_> {
    /// Passes on a socket that these processes hold.
    fn socket_of(&mut self, socket: &Socket, held: GroupHolders) -> ControlFlow<()> {
        let keys = self.group.keys.iter();
        let parts = keys.filter_map(|key| key.part(socket, &self.listeners, held));
        match parts.eq(self.group.id.iter().cloned()) {
            true => self.top.socket(socket),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Sink for OfGroup<'_> {
    fn socket(&mut self, socket: &Socket) -> ControlFlow<()> {
        self.socket_of(socket, GroupHolders::default())
    }
}

/// The column besides the usual ones until others are chosen; only then it is always shown.
const FIRST_COLUMNS: [Field; 1] = [Field::Process];

/// Lists the sockets of `target` in this order, with these columns, as rows of this look. A title names
/// their state, if they are all in one.
///
/// # Errors
/// When the source cannot know the columns, or did not answer.
pub(super) fn list(
    target: &Target,
    sort: SortKey,
    columns: &[Field],
    group: Option<&GroupOf>,
    state: Option<State>,
    look: Look,
) -> Result<Listing, Failure> {
    let mut optional = Vec::from_iter(state.map(|_| Field::State));
    if *columns == FIRST_COLUMNS {
        optional.extend(FIRST_COLUMNS);
    }
    let mut columns = columns.to_vec();
    if sort.field.can_be(Use::Column) && !columns.contains(&sort.field) {
        columns.push(sort.field);
    }
    let keys = group.iter().flat_map(|group| &group.keys);
    let keys: Vec<Field> = keys.map(|key| key.field).collect();
    let is_named = columns.contains(&Field::Netns) || keys.contains(&Field::Netns);
    if target.sources.are_several() && !is_named {
        columns.push(Field::Netns);
    }
    let fields: Vec<Field> = columns.iter().copied().chain([sort.field]).collect();
    let needed = [&*fields, &*keys].concat();
    let mut search = target.owner_search(&needed, Seek::EveryHolder)?;
    let mut names = HostNames::of(target.sources.place());
    let mut sampler = target.sampler(needed)?;
    // The cookie is in every record over netlink, and does not need to be requested.
    let kept = [&*fields, &[Field::Cookie]].concat();
    let mut sample = sampler.sample(|observer, _| {
        let top = TopN::new(&[sort], NonZeroUsize::new(MOST_SOCKETS + 1), &kept);
        let mut top = top.among(target.sources.place().namespaces());
        let (mut report, owners) = fill(observer, target, group, search.as_mut(), &kept, &mut top)?;
        names.owners = owners;
        top.sort();
        if let (Some(search), None) = (&mut search, &names.owners) {
            names.owners = Some(search.find(top.sockets().take(MOST_SOCKETS), &mut report)?);
        }
        Ok((report, top))
    })?;
    sample.add_search(names.owners.as_ref());
    if target.question.kinds().only().is_none() {
        columns.insert(0, Field::Kind);
    }
    let style = Style {
        columns,
        optional,
        needed: vec![sort.field],
        look,
        ..list_style(sampler.question())
    };
    let shown = || sample.found.sockets().take(MOST_SOCKETS);
    let (heading, rows, omitted) = render_list(&style, shown(), &mut names);
    Ok(Listing {
        heading,
        rows,
        omitted,
        ids: shown().map(|socket| socket.id()).collect(),
        is_cut: sample.found.sockets().count() > MOST_SOCKETS,
        losses: sample.report.completeness.losses().to_vec(),
        notes: sample.all_notes().cloned().collect(),
    })
}

/// Passes all sockets to `top`, or those of a group; of a group by process, all owners are found.
fn fill(
    observer: &mut Observer,
    target: &Target,
    group: Option<&GroupOf>,
    search: Option<&mut OwnerSearch>,
    kept: &[Field],
    top: &mut TopN,
) -> Result<(Report, Option<Owners>), Failure> {
    let Some(group) = group else {
        return Ok((observer.list(top)?, None));
    };
    let mut listeners = Listeners::default();
    let listened = target.listeners()?.list(&mut listeners)?;
    let mut sink = OfGroup {
        group,
        listeners,
        top,
    };
    let is_by_owner = group.keys.iter().any(|key| key.field.needs_owners());
    let (mut report, owners) = match search {
        Some(search) if is_by_owner => {
            let (report, owners) = list_owned(observer, search, kept, &mut sink)?;
            (report, Some(owners))
        }
        Some(_) | None => (observer.list(&mut sink)?, None),
    };
    report.add(&listened);
    Ok((report, owners))
}

/// The same where the group is one of a process: its sockets are known when all owners are.
fn list_owned(
    observer: &mut Observer,
    search: &mut OwnerSearch,
    kept: &[Field],
    sink: &mut OfGroup<'_>,
) -> Result<(Report, Owners), Failure> {
    let mut buffered = BufferedSockets::new(kept);
    let mut report = observer.list(&mut buffered)?;
    let owners = search.find(buffered.sockets(), &mut report)?;
    for socket in buffered.sockets() {
        // It takes every socket.
        let _ = sink.socket_of(&socket, owners.group_holders(&socket));
    }
    Ok((report, owners))
}
