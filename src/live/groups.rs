//! The order of groups, and what the keys do to them.

use std::cmp::Ordering;

use super::levels::Kind;
use super::{Answer, Below, Key, View};
use crate::model::{Group, Grouped, State};

/// By which column groups are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupColumn {
    Total,
    Change,
    Key,
    State(State),
}

/// Their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupSort {
    pub(super) column: GroupColumn,
    /// Whether the largest come first.
    pub(super) descending: bool,
}

impl Default for GroupSort {
    fn default() -> GroupSort {
        GroupSort::of(GroupColumn::Total)
    }
}

impl GroupSort {
    /// Numbers begin with the largest, keys with the smallest.
    fn of(column: GroupColumn) -> GroupSort {
        GroupSort {
            column,
            descending: column != GroupColumn::Key,
        }
    }

    /// `total:desc`.
    pub(super) fn text(self) -> String {
        let column = match self.column {
            GroupColumn::Total => "total".to_owned(),
            GroupColumn::Change => "change".to_owned(),
            GroupColumn::Key => "key".to_owned(),
            GroupColumn::State(state) => state.to_string(),
        };
        let order = if self.descending { ":desc" } else { "" };
        format!("{column}{order}")
    }

    fn compare(self, a: &Group, b: &Group) -> Ordering {
        let order = match self.column {
            GroupColumn::Total => a.counts.total().cmp(&b.counts.total()),
            GroupColumn::Change => a.change.cmp(&b.change),
            GroupColumn::Key => a.id.cmp(&b.id),
            GroupColumn::State(state) => a.counts.get(state).cmp(&b.counts.get(state)),
        };
        match self.descending {
            true => order.reverse(),
            false => order,
        }
    }
}

impl View {
    /// The numbers of the groups in the order in which they are shown. Equal ones stay as they are: the
    /// largest first.
    pub(super) fn group_order(&self, grouped: &Grouped) -> Vec<usize> {
        let mut order: Vec<usize> = (0..grouped.groups.len()).collect();
        let sort = self.group_sort;
        if sort != GroupSort::default() {
            let groups = &grouped.groups;
            order.sort_by(|a, b| match (groups.get(*a), groups.get(*b)) {
                (Some(a), Some(b)) => sort.compare(a, b),
                _ => Ordering::Equal,
            });
        }
        order
    }

    /// Whether the largest groups are not enough: others may be first in this order.
    pub(super) fn needs_all_groups(&self) -> bool {
        self.shows_all_groups || self.group_sort != GroupSort::default()
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other keys do what they do without a cursor in the groups"
    )]
    pub(super) fn press_in_groups(&mut self, key: Key) {
        match key {
            Key::Enter => match self.selected_group() {
                Some(group) => self.open_sockets(self.selected, Some(group)),
                None => self.shows_all_groups = self.grouped().is_some(),
            },
            Key::Tab => self.levels.clear(),
            Key::Char('s') => self.sort_groups(true),
            Key::Char('S') => self.sort_groups(false),
            Key::Char('o') => {
                let sort = self.group_sort;
                self.keep_cursor(|view| view.group_sort.descending = !sort.descending);
            }
            Key::Char('b') | Key::Right | Key::Char('l') => self.regroup(true),
            Key::Char('B') | Key::Left | Key::Char('h') => self.regroup(false),
            _ => {}
        }
    }

    /// Sorts by the next or the previous column: the sum, its change, the key, the states that occur.
    fn sort_groups(&mut self, forward: bool) {
        let states = self.grouped().into_iter().flat_map(|grouped| {
            let states = grouped.states();
            states.filter(|state| grouped.counts.get(*state) > 0)
        });
        let columns = [GroupColumn::Total, GroupColumn::Change, GroupColumn::Key];
        let columns = columns.into_iter().chain(states.map(GroupColumn::State));
        let columns: Vec<GroupColumn> = columns.collect();
        let current = self.group_sort.column;
        let at = columns.iter().position(|column| *column == current);
        let step = if forward { 1 } else { columns.len() - 1 };
        let next = columns.get((at.unwrap_or(0) + step) % columns.len());
        let sort = next.map_or(GroupSort::default(), |column| GroupSort::of(*column));
        self.keep_cursor(|view| view.group_sort = sort);
    }

    pub(super) fn regroup(&mut self, forward: bool) {
        let count = self.setup.groupings.len();
        let step = if forward { 1 } else { count.saturating_sub(1) };
        let mut others = (1..=count).map(|steps| (self.grouping + steps * step) % count);
        let fitting = others.find(|at| self.can_group_by(*at));
        self.grouping = fitting.unwrap_or(self.grouping);
        self.below = Below::Groups;
        self.shows_all_groups = false;
        self.group_sort = GroupSort::default();
        self.change(|data| data.groups = Answer::default());
        if let Some(level) = self.levels.last_mut()
            && matches!(level.kind, Kind::Groups)
        {
            level.at = 0;
        }
    }
}
