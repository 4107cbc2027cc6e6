//! What is wrong: its number in one line, the pane that lists it, and the way to the sockets of a
//! finding and back.
//!
//! Receives findings; it applies no rule.

use super::levels::Kind;
use super::{Action, View};
use crate::model::screen::{FindingsPane, Notice, NoticeKind};
use crate::model::{Finding, Severity, counted};

/// The last findings.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Finding>,
    /// Whether there was an examination.
    is_examined: bool,
    /// The filter typed, while that of a finding is applied in its place.
    pub(super) typed: Option<String>,
}

impl Findings {
    /// Forgets what was found, of other sockets.
    pub(super) fn forget(&mut self) {
        *self = Findings {
            typed: self.typed.take(),
            ..Findings::default()
        };
    }
}

impl View {
    /// The rules were applied to the sockets of the filter with this number; `None` if they are not
    /// about such sockets.
    pub fn diagnosed(&mut self, filter: u64, found: Option<Vec<Finding>>) {
        if filter == self.filter && self.findings.typed.is_none() && self.frozen.is_none() {
            self.findings.is_examined = found.is_some();
            self.findings.found = found.unwrap_or_default();
        }
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
            not_examined: self.not_examined(),
            is_recorded: self.playback.is_some(),
            selected: self.cursor(),
        }
    }

    /// Why the rules were not applied, if they were not.
    fn not_examined(&self) -> Option<&'static str> {
        match &self.playback {
            _ if self.findings.is_examined => None,
            None => Some("not examined: these rules are about TCP"),
            Some(playback) if playback.has_sockets => Some("not examined yet"),
            Some(_) => Some("not examined: a sample has numbers, and no sockets (n, N: moments)"),
        }
    }

    /// Opens the findings, or leaves them; goes back to them from what was opened there.
    pub(super) fn show_findings(&mut self) -> Option<Action> {
        if let Some(Kind::Findings) = self.top() {
            return self.back();
        }
        let mut levels = self.levels.iter();
        match levels.position(|level| matches!(level.kind, Kind::Findings)) {
            Some(at) => self.levels.truncate(at + 1),
            None => self.open(Kind::Findings),
        }
        self.findings.typed.take().map(Action::Filter)
    }

    /// Lists the sockets of the selected finding, by its filter.
    pub(super) fn show_sockets_found(&mut self) -> Option<Action> {
        let finding = self.findings.found.get(self.cursor())?;
        let selection = finding.commands.first()?.selection();
        let filter = match &finding.netns {
            None => selection,
            Some(name) if selection.is_empty() => format!("netns = {name}"),
            Some(name) => format!("({selection}) and netns = {name}"),
        };
        self.findings.typed = Some(self.setup.filter.clone());
        self.selected = None;
        self.open_sockets(None, None);
        Some(Action::Filter(filter))
    }
}
