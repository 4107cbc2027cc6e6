//! A record that is played: where the view is in it, and the keys that go elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::editor::Editor;
use super::levels::Kind;
use super::record::Record;
use super::{Action, Answer, Key, Move, Moved, View};
use crate::model::screen::{Notice, NoticeKind, TimelineBar};
use crate::model::{Counts, Grouped, Position, Timeline};

/// Where the view is in a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Playback {
    timeline: Arc<Timeline>,
    at: Position,
    pub(super) time: Option<SystemTime>,
    pub(super) is_playing: bool,
    pub(super) has_sockets: bool,
    /// Why a moment was recorded.
    causes: Vec<String>,
    /// Why the file ends early.
    cut: Option<String>,
}

/// How many samples an arrow with shift skips.
const STRIDE: i64 = 10;

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other keys are those of the live view"
)]
impl View {
    /// Acts upon a key that goes elsewhere in a record; `None` if it is another one.
    pub(super) fn press_in_playback(&mut self, key: Key, now: Instant) -> Option<Option<Action>> {
        self.playback.as_ref()?;
        let top = self.top();
        if let Some(Kind::Help | Kind::Columns | Kind::Kinds(_)) = top {
            return None;
        }
        let is_list = matches!(top, Some(Kind::Sockets(_))) && self.listing().is_some();
        let to = match key {
            Key::Left => Move::By(-1),
            Key::Right => Move::By(1),
            Key::ShiftLeft => Move::By(-STRIDE),
            Key::ShiftRight => Move::By(STRIDE),
            Key::Char('n') if !is_list => Move::Mark { forward: true },
            Key::Char('N') if !is_list => Move::Mark { forward: false },
            Key::Char('g') => {
                self.editor = Some(Editor::of_time());
                return Some(None);
            }
            Key::Char(' ') => {
                let playback = self.playback.as_mut()?;
                playback.is_playing = !playback.is_playing;
                return Some(Some(Action::Play(playback.is_playing)));
            }
            Key::Char('t') => {
                return Some(self.refuse(now, "a record has no closes and transitions"));
            }
            Key::Char('r') => {
                let text = "in a record, minimum and maximum are those of the last 600 samples";
                return Some(self.refuse(now, text));
            }
            _ => return None,
        };
        Some(Some(Action::Move(to)))
    }

    fn refuse(&mut self, now: Instant, text: &str) -> Option<Action> {
        let (kind, text) = (NoticeKind::Warning, text.to_owned());
        self.replied(now, Notice { kind, text });
        None
    }

    /// Another moment or sample of the record is shown. Returns the number that results about it carry.
    pub fn moved(&mut self, now: Instant, moved: Moved) -> u64 {
        if self.editor.as_ref().is_some_and(Editor::is_time) {
            self.editor = None;
        }
        let mut record = Record::of(moved.before);
        self.data.failure = None;
        match moved.sample {
            Ok(sample) => record.push(sample),
            Err(failed) => {
                // Numbers of another time are not shown with this one.
                record = Record::default();
                self.data.failure = Some((failed.at, failed));
            }
        }
        self.data.record = record;
        self.keep_selection();
        let answers = [
            &mut self.data.groups,
            &mut self.data.sockets,
            &mut self.data.socket,
        ];
        answers.into_iter().for_each(Answer::outdate);
        let before = self.playback.as_ref().map(|playback| playback.at);
        if before != Some(moved.at) {
            self.findings.forget();
        }
        self.playback = Some(Playback {
            time: moved.timeline.time(moved.at),
            has_sockets: moved.has_sockets,
            timeline: moved.timeline,
            at: moved.at,
            is_playing: moved.is_playing,
            causes: moved.causes,
            cut: moved.cut,
        });
        if let Some(text) = moved.reply {
            let kind = NoticeKind::Note;
            self.replied(now, Notice { kind, text });
        }
        self.filter += 1;
        self.filter
    }

    /// More of the record was read: of what comes before the sample shown too.
    pub fn scanned(&mut self, timeline: Arc<Timeline>, before: Vec<(SystemTime, Counts)>) {
        if let Some(sample) = self.data.record.last.take() {
            self.data.record = Record::of(before);
            self.data.record.push(sample);
        }
        if let Some(playback) = &mut self.playback {
            playback.timeline = timeline;
        }
    }

    /// The time typed is not gone to.
    pub fn time_refused(&mut self, reason: &str) {
        if let Some(editor) = self.editor.as_mut().filter(|editor| editor.is_time()) {
            editor.refuse(None, reason);
        }
    }

    /// How much earlier groups were counted than the sample of the record that is shown.
    pub(super) fn older_than_shown(&self, grouped: Option<&Grouped>) -> Option<Duration> {
        let time = self.playback.as_ref()?.time?;
        time.duration_since(grouped?.observation.time).ok()
    }

    /// The line over the whole record.
    pub(super) fn timeline_bar(&self) -> Option<TimelineBar<'_>> {
        self.playback.as_ref().map(|playback| TimelineBar {
            timeline: &playback.timeline,
            at: playback.at,
            state: self.selected,
        })
    }

    /// What is known of the record here.
    pub(super) fn playback_notices(&self) -> Vec<Notice> {
        let Some(playback) = &self.playback else {
            return Vec::new();
        };
        let of = |kind: NoticeKind, text: String| Notice { kind, text };
        let causes = playback.causes.iter().cloned();
        let causes = causes.map(|text| of(NoticeKind::Alarm, text));
        let part = playback.timeline.parts.get(playback.at.part);
        let damage = part.and_then(|part| part.ticks.as_ref()?.cut.as_ref());
        let damage = damage.filter(|_| playback.cut.is_none());
        let damage = damage.map(|why| format!("the samples from here on are damaged: {why}"));
        let cut = playback.cut.as_ref();
        let cut = cut.map(|why| format!("the record is not whole: {why}"));
        let ends = damage.into_iter().chain(cut);
        causes
            .chain(ends.map(|text| of(NoticeKind::Warning, text)))
            .collect()
    }
}
