//! What each key does.

use std::time::Instant;

use super::editor::Editor;
use super::key::Motion;
use super::{Answer, Key, Request, Sockets, View, interval, sorting};
use crate::model::State;
use crate::model::screen::{Notice, NoticeKind};

impl View {
    /// A key was pressed. Returns what is to be done outside because of it.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key depends on what is shown"
    )]
    pub fn press(&mut self, key: Key, now: Instant) -> Option<Request> {
        if self.editor.is_some() {
            return self.press_in_editor(key);
        }
        if self.shows_help && key != Key::Char('q') {
            self.shows_help = false;
            return None;
        }
        if let Some(motion) = Motion::of(key) {
            self.go(motion);
            return None;
        }
        match key {
            Key::Char('q') | Key::Control('c') => Some(Request::Quit),
            Key::Control('l') => Some(Request::Redraw),
            Key::Char('w') => Some(Request::Save),
            Key::Char('+') => self.pace(interval::faster(self.settings.interval)),
            Key::Char('-') => self.pace(interval::slower(self.settings.interval)),
            Key::Char('?') => self.set(|view| view.shows_help = true),
            Key::Char(' ') => self.set(View::pause),
            Key::Char('/' | 'f') => self.set(|view| {
                view.editor = Some(Editor::new(&view.settings.filter));
            }),
            _ => {
                match self.sockets {
                    Some(sockets) => self.press_in_sockets(key, sockets),
                    None => self.press_in_states(key, now),
                }
                None
            }
        }
    }

    fn set(&mut self, change: impl FnOnce(&mut View)) -> Option<Request> {
        change(self);
        None
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key is the editor's"
    )]
    fn press_in_editor(&mut self, key: Key) -> Option<Request> {
        match key {
            Key::Escape | Key::Control('c' | 'g') => self.set(|view| view.editor = None),
            Key::Enter => self
                .editor
                .as_mut()
                .map(|editor| Request::Filter(editor.check())),
            _ => self.set(|view| {
                if let Some(editor) = &mut view.editor {
                    editor.press(key);
                }
            }),
        }
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key does nothing here"
    )]
    fn press_in_states(&mut self, key: Key, now: Instant) {
        match key {
            Key::Enter => {
                self.data.sockets = Answer::default();
                if let Some(frozen) = &mut self.frozen {
                    frozen.sockets = Answer::default();
                }
                self.sockets = Some(Sockets {
                    sort: sorting::usual(self.selected),
                    selected: 0,
                });
            }
            Key::Char('c') => self.shows_chart = !self.shows_chart,
            Key::Escape => self.shows_chart = false,
            Key::Char('b') | Key::Tab | Key::Right | Key::Char('l') => self.regroup(true),
            Key::Char('B') | Key::BackTab | Key::Left | Key::Char('h') => self.regroup(false),
            Key::Char('r') => {
                self.data.record.reset_extremes();
                if let Some(frozen) = &mut self.frozen {
                    frozen.record.reset_extremes();
                }
                let text = "minimum and maximum begin anew".to_owned();
                let kind = NoticeKind::Note;
                self.say(now, Notice { kind, text });
            }
            _ => {}
        }
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other key does nothing here"
    )]
    fn press_in_sockets(&mut self, key: Key, sockets: Sockets) {
        let mut sort = sockets.sort;
        match key {
            Key::Escape | Key::Backspace => return self.sockets = None,
            Key::Char('s' | 'l') | Key::Right | Key::Tab => {
                sort = sorting::next(self.selected, sort, true);
            }
            Key::Char('S' | 'h') | Key::Left | Key::BackTab => {
                sort = sorting::next(self.selected, sort, false);
            }
            Key::Char('o') => sort.descending = !sort.descending,
            _ => return,
        }
        // A person who sorts wants to see it, also where the view stands still.
        self.thaw();
        self.sockets = Some(Sockets { sort, selected: 0 });
    }

    fn go(&mut self, motion: Motion) {
        // What surrounds a page: the header, headings and the footer.
        let page = usize::from(self.height.saturating_sub(6)).max(1);
        let lines = self.shown().sockets.found.as_ref();
        let lines = lines.map_or(0, |(listing, ..)| listing.lines.len());
        if let Some(sockets) = &mut self.sockets {
            sockets.selected = motion.from(sockets.selected, lines, page);
            return;
        }
        let places: Vec<Option<State>> = self.shown().record.places().collect();
        let at = places.iter().position(|place| *place == self.selected);
        let at = motion.from(at.unwrap_or(0), places.len(), page);
        let selected = places.get(at).copied().flatten();
        if selected != self.selected {
            self.selected = selected;
            self.forget_groups();
        }
    }

    fn regroup(&mut self, forward: bool) {
        let count = self.settings.groupings.len().max(1);
        let step = if forward { 1 } else { count - 1 };
        self.grouping = (self.grouping + step) % count;
        self.shows_chart = false;
        self.forget_groups();
    }

    /// What is wanted now is something else.
    fn forget_groups(&mut self) {
        self.data.groups = Answer::default();
        if let Some(frozen) = &mut self.frozen {
            frozen.groups = Answer::default();
        }
    }

    fn pause(&mut self) {
        match self.frozen {
            Some(_) => self.thaw(),
            None => self.frozen = Some(Box::new(self.data.clone())),
        }
    }

    fn thaw(&mut self) {
        self.frozen = None;
    }

    fn pace(&mut self, interval: std::time::Duration) -> Option<Request> {
        (interval != self.settings.interval).then(|| {
            self.settings.interval = interval;
            Request::Interval(interval)
        })
    }
}
