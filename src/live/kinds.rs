//! The kinds of sockets that are shown, chosen from a list of all, and what must fit them: columns, the
//! order of a list, groups, the selected state.
//!
//! Requests a choice; whether the filter fits it is decided where it is applied.

use super::choices::usual_sort;
use super::groups::GroupSort;
use super::levels::{Kind, Level};
use super::{Action, View};
use crate::model::{self, Field, GroupKey, KindSet, StateSet};

/// Whether it is by kind alone.
fn is_by_kind(keys: &[GroupKey]) -> bool {
    matches!(keys, [key] if key.field == Field::Kind)
}

impl View {
    /// Adds a kind to those chosen, or removes it; one stays at least.
    pub(super) fn toggle_kind(&mut self) {
        let Some(kind) = model::Kind::ALL.get(self.cursor()).copied() else {
            return;
        };
        if let Some(Level {
            kind: Kind::Kinds(chosen),
            ..
        }) = self.levels.last_mut()
        {
            let toggled = match chosen.contains(kind) {
                true => chosen.without(kind),
                false => chosen.with(kind),
            };
            if !toggled.is_empty() {
                *chosen = toggled;
            }
        }
    }

    /// Requests the kinds chosen in the list that was left.
    pub(super) fn choose(&self, left: &Kind) -> Option<Action> {
        let Kind::Kinds(chosen) = left else {
            return None;
        };
        (*chosen != self.setup.kinds).then_some(Action::Kinds(*chosen))
    }

    /// Sockets of these kinds are shown from now on.
    pub(super) fn take_kinds(&mut self, kinds: KindSet) {
        if self.setup.kinds == kinds {
            return;
        }
        self.setup.kinds = kinds;
        self.columns.retain(|field| field.is_of_any(kinds));
        if let Some(state) = self.selected
            && kinds.meant(StateSet::NONE.with(state)).is_empty()
        {
            self.selected = None;
        }
        // What no socket of these kinds is in.
        let is_foreign = |level: &Level| match &level.kind {
            Kind::Socket(id) => !kinds.contains(id.kind),
            Kind::Sockets(sockets) => {
                let mut keys = sockets.group.iter().flat_map(|group| &group.keys);
                keys.any(|key| !key.field.groups(kinds))
            }
            Kind::Groups | Kind::Findings | Kind::Columns | Kind::Kinds(_) | Kind::Help => false,
        };
        if let Some(first) = self.levels.iter().position(is_foreign) {
            self.levels.truncate(first);
        }
        for level in &mut self.levels {
            if let Kind::Sockets(sockets) = &mut level.kind {
                level.at = 0;
                if !sockets.sort.field.is_of_any(kinds) {
                    sockets.sort = usual_sort(self.selected, kinds);
                }
            }
        }
        self.findings.forget();
        self.regroup_for(kinds);
    }

    /// Groups by kind where there are several, else by the same keys as before where these kinds have
    /// them.
    fn regroup_for(&mut self, kinds: KindSet) {
        let all = &self.setup.groupings;
        let preferred = match kinds.only() {
            None => all.iter().position(|keys| is_by_kind(keys)),
            Some(_) => Some(self.grouping),
        };
        let fits = |at: &usize| self.can_group_by(*at);
        let first = || (0..all.len()).find(fits);
        self.grouping = preferred.filter(fits).or_else(first).unwrap_or(0);
        self.shows_all_groups = false;
        self.group_sort = GroupSort::default();
    }

    /// Whether the sockets shown have the groups at this place of the groupings. Those by kind are of
    /// several kinds.
    pub(super) fn can_group_by(&self, at: usize) -> bool {
        let kinds = self.setup.kinds;
        self.setup.groupings.get(at).is_some_and(|keys| {
            let is_one = kinds.only().is_some() && is_by_kind(keys);
            !is_one && keys.iter().all(|key| key.field.groups(kinds))
        })
    }
}
