//! What is opened over the states, as a stack: groups, sockets, one socket, findings, columns, kinds,
//! help.
//! Each has a cursor, and is left for the one before.

use super::choices::usual_sort;
use super::key::moved;
use super::{Action, Answer, Below, DetailResult, GroupOf, Key, Listing, View};
use crate::model::screen::{Drawn, Place, SocketFacts};
use crate::model::{self, Field, Grouped, KeyPart, KindSet, SocketId, SortKey, State, Use};

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) kind: Kind,
    /// The selected row, or how many lines of a text are scrolled past.
    pub(super) at: usize,
}

/// What it shows.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The groups, which are below the states anyway, with a cursor.
    Groups,
    Findings,
    Sockets(Sockets),
    Socket(SocketId),
    /// The columns of the list of sockets, to choose from.
    Columns,
    /// The kinds of sockets, to choose from, and those chosen.
    Kinds(KindSet),
    Help,
}

/// Which sockets are listed, and how.
#[derive(Clone, Debug)]
pub(super) struct Sockets {
    pub(super) sort: SortKey,
    /// The group they are in; `None` for all of the selected state.
    pub(super) group: Option<GroupOf>,
}

/// What the cursor is on, whatever its row will be in the next answer.
enum Anchor {
    Group(Box<[KeyPart]>),
    Socket(SocketId),
}

/// The columns to choose from, of sockets of these kinds. Where there are several, the kind is always
/// shown.
pub(super) fn columns(kinds: KindSet) -> impl Iterator<Item = Field> {
    let all = Field::names(Use::Column).filter_map(|name| Field::parse(name, Use::Column).ok());
    all.filter(move |field| *field != Field::Kind && field.is_of_any(kinds))
}

impl View {
    pub(super) fn open(&mut self, kind: Kind) {
        self.levels.push(Level { kind, at: 0 });
    }

    pub(super) fn top(&self) -> Option<&Kind> {
        self.levels.last().map(|level| &level.kind)
    }

    /// The level whose data is shown: help and lists of choices have none.
    pub(super) fn content(&self) -> Option<&Level> {
        let has_none = |kind: &Kind| matches!(kind, Kind::Columns | Kind::Kinds(_) | Kind::Help);
        let mut levels = self.levels.iter().rev();
        levels.find(|level| !has_none(&level.kind))
    }

    /// Opens the list of the sockets of the selected state, or of a group of them.
    pub(super) fn open_sockets(&mut self, state: Option<State>, group: Option<GroupOf>) {
        self.change(|data| data.sockets = Answer::default());
        self.restart_trace();
        let sort = usual_sort(state, self.setup.kinds);
        self.open(Kind::Sockets(Sockets { sort, group }));
    }

    /// Opens the socket under the cursor.
    pub(super) fn open_socket(&mut self) {
        let at = self.cursor();
        let id = self.listing().and_then(|listing| listing.ids.get(at));
        if let Some(id) = id.copied() {
            self.change(|data| data.socket = Answer::default());
            self.open(Kind::Socket(id));
        }
    }

    /// Leaves the level on top. The sockets of a finding were listed by its filter; the one typed
    /// before is applied again. The kinds chosen are requested.
    pub(super) fn back(&mut self) -> Option<Action> {
        if matches!(self.top(), Some(Kind::Groups)) && self.shows_all_groups {
            self.shows_all_groups = false;
            return None;
        }
        let left = self.levels.pop()?.kind;
        let typed = &mut self.findings.typed;
        let typed = typed.take_if(|_| matches!(left, Kind::Sockets(_)));
        typed.map(Action::Filter).or_else(|| self.choose(&left))
    }

    /// The row of the cursor, as far as there are rows.
    pub(super) fn cursor(&self) -> usize {
        let at = self.levels.last().map_or(0, |level| level.at);
        at.min(self.rows_on_top().unwrap_or(0).saturating_sub(1))
    }

    /// How many rows the level on top has; a text ends where its last line is drawn.
    fn rows_on_top(&self) -> Option<usize> {
        Some(match self.top()? {
            Kind::Groups => self.grouped().map_or(0, |grouped| {
                grouped.groups.len() + usize::from(grouped.other.is_some())
            }),
            Kind::Findings => self.findings.found.len(),
            Kind::Sockets(_) => self.listing().map_or(0, |listing| listing.rows.len()),
            Kind::Columns => columns(self.setup.kinds).count(),
            Kind::Kinds(_) => model::Kind::ALL.len(),
            Kind::Socket(_) | Kind::Help => usize::MAX,
        })
    }

    /// Moves the cursor of the level on top; `None` if the key does not do that, or there is none.
    pub(super) fn go_on_top(&mut self, key: Key) -> Option<()> {
        let to = moved(key, self.cursor(), self.rows_on_top()?, self.page())?;
        self.levels.last_mut()?.at = to;
        Some(())
    }

    /// This was drawn.
    pub fn drawn(&mut self, drawn: Drawn) {
        if let Some(Kind::Help | Kind::Socket(_)) = self.top()
            && let Some(level) = self.levels.last_mut()
        {
            level.at = drawn.first;
        }
        let states = drawn.places.iter().map(|(_, place)| *place);
        let states = states.filter(|place| !matches!(place, Place::Row(_)));
        let states: Vec<Place> = states.collect();
        if !states.is_empty() {
            self.rest.is_selected &= states.contains(&Place::Rest);
            self.drawn_states = states;
        }
        self.drawn = drawn.places;
    }

    /// Selects what was drawn in this line.
    pub(super) fn click(&mut self, line: u16) -> Option<()> {
        let (_, place) = self.drawn.iter().find(|(drawn, _)| *drawn == line)?;
        match *place {
            Place::Row(at) => {
                if self.levels.is_empty() {
                    self.open(Kind::Groups);
                }
                self.levels.last_mut()?.at = at;
            }
            state @ (Place::State(_) | Place::Rest) => {
                self.levels.clear();
                self.select(state);
            }
        }
        Some(())
    }

    /// The groups known.
    pub(super) fn grouped(&self) -> Option<&Grouped> {
        let Some((DetailResult::Groups(grouped), ..)) = &self.shown().groups.found else {
            return None;
        };
        Some(grouped)
    }

    /// The list known.
    pub(super) fn listing(&self) -> Option<&Listing> {
        let Some((DetailResult::Sockets(listing), ..)) = &self.shown().sockets.found else {
            return None;
        };
        Some(listing)
    }

    /// What is known of the socket.
    pub(super) fn facts(&self) -> Option<&SocketFacts> {
        let Some((DetailResult::Socket(facts), ..)) = &self.shown().socket.found else {
            return None;
        };
        Some(facts)
    }

    /// The group under the cursor, or none for the others.
    pub(super) fn selected_group(&self) -> Option<GroupOf> {
        let grouped = self.grouped()?;
        let number = *self.group_order(grouped).get(self.cursor())?;
        let group = grouped.groups.get(number)?;
        Some(GroupOf {
            keys: self.grouped_by().to_vec(),
            id: group.id.clone(),
            labels: group.key.clone(),
        })
    }

    /// Changes the data, and keeps the cursor on what it is on.
    pub(super) fn keep_cursor(&mut self, change: impl FnOnce(&mut View)) {
        let at = self.cursor();
        let anchor = if let Some(Kind::Groups) = self.top() {
            self.selected_group().map(|group| Anchor::Group(group.id))
        } else if let Some(Kind::Sockets(_)) = self.top()
            && at > 0
        {
            // From the first row on, what is first is looked at.
            let id = self.listing().and_then(|listing| listing.ids.get(at));
            id.map(|id| Anchor::Socket(*id))
        } else {
            None
        };
        change(self);
        let at = match anchor {
            Some(Anchor::Group(id)) => self.grouped().and_then(|grouped| {
                let order = self.group_order(grouped);
                let group = |number: &usize| grouped.groups.get(*number);
                let is_it = |number| group(number).is_some_and(|group| group.id == id);
                order.iter().position(is_it)
            }),
            Some(Anchor::Socket(id)) => self
                .listing()
                .and_then(|listing| listing.ids.iter().position(|other| *other == id)),
            None => None,
        };
        if let (Some(at), Some(level)) = (at, self.levels.last_mut()) {
            level.at = at;
        }
    }

    /// Whether groups are shown, with a cursor or without.
    pub(super) fn shows_groups(&self) -> bool {
        match self.content() {
            Some(level) => matches!(level.kind, Kind::Groups),
            None => self.below == Below::Groups && self.has_room_for_groups(),
        }
    }
}
