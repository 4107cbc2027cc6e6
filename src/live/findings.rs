//! What is wrong: its number in one line, the pane that lists it, and the way to the sockets of a
//! finding and back.
//!
//! Receives findings; it applies no rule.

use super::choices::usual_sort;
use super::key::moved;
use super::{Action, Key, Sockets, View};
use crate::model::screen::{FindingsPane, Notice, NoticeKind};
use crate::model::{Finding, Severity, counted};

/// The last findings, and how they are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    is_open: bool,
    selected: usize,
    /// The filter typed, while that of a finding is applied in its place.
    typed: Option<String>,
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other keys do what they do elsewhere, or nothing"
)]
impl View {
    /// The rules were applied to the sockets of the filter with this number.
    pub fn diagnosed(&mut self, filter: u64, found: Vec<Finding>) {
        if filter == self.filter && self.findings.typed.is_none() && self.frozen.is_none() {
            let last = found.len().saturating_sub(1);
            self.findings.selected = self.findings.selected.min(last);
            self.findings.found = found;
        }
    }

    /// Whether the findings are shown.
    pub(super) fn shows_findings(&self) -> bool {
        self.findings.is_open && self.sockets.is_none()
    }

    /// The line `1 critical, 2 warnings (d)`; `None` where nothing is wrong.
    pub(super) fn findings_notice(&self) -> Option<Notice> {
        let of = |severity| {
            let found = self.findings.found.iter();
            found.filter(|one| one.severity == severity).count() as u64
        };
        let (critical, warnings) = (of(Severity::Critical), of(Severity::Warning));
        let warned = (warnings > 0).then(|| counted(warnings, "warning", "warnings"));
        let (kind, text) = match (critical, warned) {
            (0, None) => return None,
            (0, Some(warned)) => (NoticeKind::Warning, warned),
            (_, None) => (NoticeKind::Alarm, format!("{critical} critical")),
            (_, Some(warned)) => (NoticeKind::Alarm, format!("{critical} critical, {warned}")),
        };
        let text = format!("{text} (d)");
        Some(Notice { kind, text })
    }

    /// The pane that lists them.
    pub(super) fn findings_pane(&self) -> FindingsPane<'_> {
        FindingsPane {
            findings: &self.findings.found,
            selected: self.findings.selected,
        }
    }

    /// Acts upon a key that is about findings, and returns what to do; `None` if it is not.
    pub(super) fn press_in_findings(&mut self, key: Key) -> Option<Option<Action>> {
        if self.sockets.is_some() {
            let is_back = matches!(key, Key::Escape | Key::Backspace);
            let typed = self.findings.typed.take_if(|_| is_back)?;
            self.sockets = None;
            return Some(Some(Action::Filter(typed)));
        }
        if !self.findings.is_open {
            self.findings.is_open = key == Key::Char('d');
            return self.findings.is_open.then_some(None);
        }
        let (at, count) = (self.findings.selected, self.findings.found.len());
        if let Some(selected) = moved(key, at, count, count) {
            self.findings.selected = selected;
            return Some(None);
        }
        match key {
            Key::Escape | Key::Backspace | Key::Char('d') => self.findings.is_open = false,
            Key::Enter => return Some(self.show_sockets_found()),
            Key::Char('b' | 'B' | 'c' | 't' | 'r') | Key::Tab | Key::BackTab => {}
            _ => return None,
        }
        Some(None)
    }

    /// Lists the sockets of the selected finding, by its filter.
    fn show_sockets_found(&mut self) -> Option<Action> {
        let finding = self.findings.found.get(self.findings.selected)?;
        let filter = finding.commands.first()?.selection();
        self.findings.typed = Some(self.setup.filter.clone());
        self.selected = None;
        self.sockets = Some(Sockets {
            sort: usual_sort(None),
            selected: 0,
        });
        Some(Action::Filter(filter))
    }
}
