//! What each key does.

use std::time::{Duration, Instant};

use super::choices::{faster, next_sort, slower, usual_sort};
use super::editor::Editor;
use super::key::moved;
use super::{Action, Answer, Below, DetailResult, Key, Sockets, View};
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
        if self.editor.is_some() {
            return self.press_in_editor(key);
        }
        if let Some(first) = self.help
            && key != Key::Char('q')
        {
            // The end is where the last line is drawn.
            self.help = moved(key, first, usize::MAX, self.page());
            return None;
        }
        if let Some(action) = self.press_in_findings(key) {
            return action;
        }
        if self.go(key).is_some() {
            return None;
        }
        match key {
            Key::Char('q') | Key::Control('c') => return Some(Action::Quit),
            Key::Control('l') => return Some(Action::Redraw),
            Key::Char('w') => return Some(Action::Save),
            Key::Char('+') => return self.set_interval(faster(self.setup.interval)),
            Key::Char('-') => return self.set_interval(slower(self.setup.interval)),
            Key::Char('?') => self.help = Some(0),
            Key::Char(' ') => {
                self.frozen = match self.frozen {
                    Some(_) => None,
                    None => Some((Box::new(self.data.clone()), now)),
                }
            }
            Key::Char('/' | 'f') => self.editor = Some(Editor::new(&self.setup.filter)),
            _ => match self.sockets {
                Some(sockets) => self.press_in_sockets(key, sockets),
                None => self.press_in_states(key, now),
            },
        }
        None
    }

    fn press_in_editor(&mut self, key: Key) -> Option<Action> {
        let editor = self.editor.as_mut()?;
        match key {
            Key::Escape | Key::Control('c' | 'g') => self.editor = None,
            Key::Enter => return Some(Action::Filter(editor.check())),
            _ => editor.press(key),
        }
        None
    }

    fn press_in_states(&mut self, key: Key, now: Instant) {
        match key {
            Key::Enter if self.rest.is_selected => self.rest.page += 1,
            Key::Enter => {
                self.change(|data| data.sockets = Answer::default());
                self.restart_trace();
                self.sockets = Some(Sockets {
                    sort: usual_sort(self.selected),
                    selected: 0,
                });
            }
            Key::Char('c') => self.show_below(Below::Chart),
            Key::Char('t') => self.show_below(Below::Trace),
            Key::Escape => self.below = Below::Groups,
            Key::Char('b') | Key::Tab | Key::Right | Key::Char('l') => self.regroup(true),
            Key::Char('B') | Key::BackTab | Key::Left | Key::Char('h') => self.regroup(false),
            Key::Char('r') => {
                self.change(|data| data.record.reset_extremes());
                let text = "minimum and maximum reset".to_owned();
                let kind = NoticeKind::Note;
                self.replied(now, Notice { kind, text });
            }
            _ => {}
        }
    }

    fn press_in_sockets(&mut self, key: Key, sockets: Sockets) {
        let mut sort = sockets.sort;
        match key {
            Key::Escape | Key::Backspace => return self.sockets = None,
            Key::Char('s' | 'l') | Key::Right | Key::Tab => {
                sort = next_sort(self.selected, sort, true);
            }
            Key::Char('S' | 'h') | Key::Left | Key::BackTab => {
                sort = next_sort(self.selected, sort, false);
            }
            Key::Char('o') => sort.descending = !sort.descending,
            Key::Char('t') => {
                self.sockets = None;
                self.below = Below::Groups;
                return self.show_below(Below::Trace);
            }
            _ => return,
        }
        // A new order is shown at once, so a pause ends.
        self.frozen = None;
        self.sockets = Some(Sockets { sort, selected: 0 });
    }

    /// Moves the selection; `None` if the key does not do that.
    fn go(&mut self, key: Key) -> Option<()> {
        if self.scroll_trace(key).is_some() {
            return Some(());
        }
        let page = self.page();
        let lines = match &self.shown().sockets.found {
            Some((DetailResult::Sockets(listing), ..)) => listing.lines.len(),
            Some((DetailResult::Groups(_) | DetailResult::Trace(_), ..)) | None => 0,
        };
        if let Some(sockets) = &mut self.sockets {
            sockets.selected = moved(key, sockets.selected, lines, page)?;
            return Some(());
        }
        let places = self.places();
        let at = places.iter().position(|place| *place == self.place());
        let at = moved(key, at.unwrap_or(0), places.len(), page)?;
        if let Some(place) = places.get(at) {
            self.select(*place);
        }
        Some(())
    }

    /// The lines that a screen of sockets has.
    fn page(&self) -> usize {
        usize::from(self.height.saturating_sub(AROUND_PAGE)).max(1)
    }

    /// The rows of states that can be selected: those drawn.
    fn places(&self) -> Vec<Place> {
        match self.drawn.is_empty() {
            true => self.shown().record.states().map(Place::State).collect(),
            false => self.drawn.clone(),
        }
    }

    fn place(&self) -> Place {
        match self.rest.is_selected {
            true => Place::Rest,
            false => Place::State(self.selected),
        }
    }

    /// Selects a row of states. With the line of the rest, groups and chart are about all.
    fn select(&mut self, place: Place) {
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

    /// Shows this below the states, or the groups again.
    fn show_below(&mut self, below: Below) {
        self.below = match self.below == below {
            true => Below::Groups,
            false => below,
        };
        self.restart_trace();
    }

    fn regroup(&mut self, forward: bool) {
        let count = self.setup.groupings.len().max(1);
        let step = if forward { 1 } else { count - 1 };
        self.grouping = (self.grouping + step) % count;
        self.below = Below::Groups;
        self.change(|data| data.groups = Answer::default());
    }

    fn set_interval(&mut self, interval: Duration) -> Option<Action> {
        (interval != self.setup.interval).then(|| {
            self.setup.interval = interval;
            Action::Interval(interval)
        })
    }
}
