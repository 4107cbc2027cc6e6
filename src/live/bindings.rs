//! What each key does.

use std::time::{Duration, Instant};

use super::choices::{faster, next_sort, slower};
use super::editor::Editor;
use super::key::moved;
use super::levels::{Kind, columns};
use super::{Action, Answer, Below, Key, View};
use crate::model::SortKey;
use crate::model::screen::{Notice, NoticeKind, Place};

/// The lines around a page of sockets: the header, headings and the footer.
const AROUND_PAGE: u16 = 6;

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other keys depend on what is shown, or do nothing"
)]
impl View {
    /// A key was pressed. Returns what to do outside the view because of it.
    pub fn press(&mut self, key: Key, now: Instant) -> Option<Action> {
        self.reply = None;
        if self.editor.is_some() {
            return self.press_in_editor(key, now);
        }
        if let Some(action) = self.press_in_playback(key, now) {
            return action;
        }
        let key = key.without_shift();
        if self.go(key).is_some() {
            return None;
        }
        let is_back = matches!(key, Key::Escape | Key::Backspace);
        match (self.top(), key) {
            (Some(Kind::Help), Key::Char('q')) => return Some(Action::Quit),
            (Some(Kind::Help), _) => return self.back(),
            (Some(Kind::Columns), Key::Enter | Key::Char(' ')) => {
                self.toggle_column();
                return None;
            }
            (Some(Kind::Kinds(_)), Key::Enter | Key::Char(' ')) => {
                self.toggle_kind();
                return None;
            }
            (Some(Kind::Columns), Key::Char('C')) | (Some(Kind::Kinds(_)), Key::Char('K')) => {
                return self.back();
            }
            (Some(Kind::Findings), Key::Enter) => return self.show_sockets_found(),
            (Some(_), _) if is_back => return self.back(),
            _ => {}
        }
        match key {
            Key::Char('q') | Key::Control('c') => return Some(Action::Quit),
            Key::Control('l') => return Some(Action::Redraw),
            Key::Char('w') => return Some(Action::Save),
            Key::Char('+') => return self.set_interval(faster(self.setup.interval)),
            Key::Char('-') => return self.set_interval(slower(self.setup.interval)),
            Key::Char('m') => {
                self.has_mouse = !self.has_mouse;
                return Some(Action::Mouse(self.has_mouse));
            }
            Key::Char('?') => self.open(Kind::Help),
            Key::Char('K') => self.open(Kind::Kinds(self.setup.kinds)),
            Key::Char('c') => return self.show_below(Below::Chart),
            Key::Char('t') => return self.show_below(Below::Trace),
            Key::Char('d') => return self.show_findings(),
            Key::Char('r') => {
                self.change(|data| data.record.reset_extremes());
                let text = "minimum and maximum reset".to_owned();
                let kind = NoticeKind::Note;
                self.replied(now, Notice { kind, text });
            }
            Key::Char(' ') => self.pause(now),
            Key::Char('/' | 'f') => self.editor = Some(Editor::of_filter(&self.setup.filter)),
            _ => self.press_on_top(key, now),
        }
        None
    }

    /// Pauses, or resumes.
    fn pause(&mut self, now: Instant) {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => Some((Box::new(self.data.clone()), now)),
        }
    }

    /// Acts upon a key whose effect depends on what is shown.
    fn press_on_top(&mut self, key: Key, now: Instant) {
        match self.top() {
            None => self.press_in_states(key),
            Some(Kind::Groups) => self.press_in_groups(key),
            Some(Kind::Sockets(sockets)) => {
                let sort = sockets.sort;
                self.press_in_sockets(key, sort, now);
            }
            Some(
                Kind::Findings | Kind::Socket(_) | Kind::Columns | Kind::Kinds(_) | Kind::Help,
            ) => {}
        }
    }

    fn press_in_editor(&mut self, key: Key, now: Instant) -> Option<Action> {
        let editor = self.editor.as_mut()?;
        let is_search = editor.is_search();
        match key {
            Key::Escape | Key::Control('c' | 'g') => {
                self.editor = None;
                if is_search {
                    self.search.clear();
                }
            }
            Key::Enter if editor.is_time() => return Some(Action::GoTo(editor.check())),
            Key::Enter if !is_search => return Some(Action::Filter(editor.check())),
            Key::Enter => {
                self.editor = None;
                self.find_from(self.cursor(), now);
            }
            _ => {
                editor.press(key);
                if is_search {
                    self.search = editor.text().to_owned();
                    self.find(self.cursor());
                }
            }
        }
        None
    }

    /// Moves to the first row from this one on that contains what is searched for, in small or capital
    /// letters, after the last row from the first on. Returns whether there is one.
    fn find(&mut self, from: usize) -> bool {
        let wanted = self.search.to_lowercase();
        let Some(listing) = self.listing().filter(|_| !wanted.is_empty()) else {
            return false;
        };
        let is_found = |at: &usize| {
            let line = listing.rows.get(*at);
            line.is_some_and(|line| line.to_lowercase().contains(&wanted))
        };
        let found = (from..listing.rows.len()).chain(0..from).find(is_found);
        if let (Some(found), Some(level)) = (found, self.levels.last_mut()) {
            level.at = found;
        }
        found.is_some()
    }

    /// Moves to the first row from this one on that contains what is searched for, or says that there is
    /// none.
    fn find_from(&mut self, from: usize, now: Instant) {
        if !self.search.is_empty() && !self.find(from) {
            let text = format!("no row contains `{}`", self.search);
            let kind = NoticeKind::Warning;
            self.replied(now, Notice { kind, text });
        }
    }

    /// Shows a column, or no longer.
    fn toggle_column(&mut self) {
        let Some(field) = columns(self.setup.kinds).nth(self.cursor()) else {
            return;
        };
        match self.columns.iter().position(|column| *column == field) {
            Some(at) => drop(self.columns.remove(at)),
            None => self.columns.push(field),
        }
    }

    fn press_in_states(&mut self, key: Key) {
        match key {
            Key::Enter if self.rest.is_selected => self.rest.page += 1,
            Key::Enter => self.open_sockets(self.selected, None),
            Key::Tab => {
                self.below = Below::Groups;
                self.restart_trace();
                self.open(Kind::Groups);
            }
            Key::Escape => self.below = Below::Groups,
            Key::Char('b') | Key::Right | Key::Char('l') => self.regroup(true),
            Key::Char('B') | Key::Left | Key::Char('h') => self.regroup(false),
            _ => {}
        }
    }

    fn press_in_sockets(&mut self, key: Key, mut sort: SortKey, now: Instant) {
        match key {
            Key::Enter => self.open_socket(),
            Key::Char('C') => self.open(Kind::Columns),
            Key::Char('n') if !self.search.is_empty() => self.find_from(self.cursor() + 1, now),
            Key::Char('n' | 'N') => {
                self.search.clear();
                self.editor = Some(Editor::of_search());
            }
            Key::Char('s' | 'l') | Key::Right | Key::Tab => {
                sort = next_sort(self.selected, self.setup.kinds, sort, true);
            }
            Key::Char('S' | 'h') | Key::Left | Key::BackTab => {
                sort = next_sort(self.selected, self.setup.kinds, sort, false);
            }
            Key::Char('o') => sort.descending = !sort.descending,
            _ => {}
        }
        if let Some(level) = self.levels.last_mut()
            && let Kind::Sockets(sockets) = &mut level.kind
            && sockets.sort != sort
        {
            sockets.sort = sort;
            // A new order is shown at once, so a pause ends.
            self.frozen = None;
        }
    }

    /// Moves the selection; `None` if the key does not do that.
    fn go(&mut self, key: Key) -> Option<()> {
        if let Key::Click(line) = key {
            self.click(line);
            return Some(());
        }
        if self.scroll_trace(key).is_some() {
            return Some(());
        }
        if !self.levels.is_empty() {
            return self.go_on_top(key);
        }
        // There are too few states for steps of several lines.
        let key = match key {
            Key::WheelUp => Key::Up,
            Key::WheelDown => Key::Down,
            key => key,
        };
        let places = self.places();
        let at = places.iter().position(|place| *place == self.place());
        let at = moved(key, at.unwrap_or(0), places.len(), self.page())?;
        if let Some(place) = places.get(at) {
            self.select(*place);
        }
        Some(())
    }

    /// The rows that a screen of sockets has.
    pub(super) fn page(&self) -> usize {
        let lines = match self.top() {
            Some(Kind::Sockets(_)) => self
                .listing()
                .map_or(1, |list| list.heading.lines().count()),
            Some(_) | None => 1,
        };
        (usize::from(self.height.saturating_sub(AROUND_PAGE)) / lines.max(1)).max(1)
    }

    /// The rows of states that can be selected: those drawn.
    fn places(&self) -> Vec<Place> {
        match self.drawn_states.is_empty() {
            true => self.shown().record.states().map(Place::State).collect(),
            false => self.drawn_states.clone(),
        }
    }

    fn place(&self) -> Place {
        match self.rest.is_selected {
            true => Place::Rest,
            false => Place::State(self.selected),
        }
    }

    /// Selects a row of states. With the line of the rest, groups and chart are about all.
    pub(super) fn select(&mut self, place: Place) {
        self.rest.is_selected = place == Place::Rest;
        let selected = match place {
            Place::State(state) => state,
            Place::Rest | Place::Row(_) => None,
        };
        if selected != self.selected {
            self.selected = selected;
            self.change(|data| data.groups = Answer::default());
            self.restart_trace();
        }
    }

    /// Shows this below the states in place of what is opened, or the groups again. The filter typed is
    /// applied, if it was that of a finding.
    fn show_below(&mut self, below: Below) -> Option<Action> {
        self.below = match self.levels.is_empty() && self.below == below {
            true => Below::Groups,
            false => below,
        };
        self.levels.clear();
        self.restart_trace();
        self.findings.typed.take().map(Action::Filter)
    }

    fn set_interval(&mut self, interval: Duration) -> Option<Action> {
        (interval != self.setup.interval).then(|| {
            self.setup.interval = interval;
            Action::Interval(interval)
        })
    }
}
