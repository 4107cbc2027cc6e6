//! An answer by groups: as a table, as JSON, as CSV.

mod csv;
mod json;
mod table;
#[cfg(test)]
mod tests;

pub use csv::write_groups_csv;
pub use json::write_groups_json;
pub(in crate::output) use json::{KeyLine, Value};
pub use table::{GroupRows, write_groups_table};

use crate::model::{Counts, Grouped, State};

/// Numbers by the names of states, for an answer's states.
fn states_of(grouped: &Grouped) -> Vec<State> {
    grouped.states().collect()
}

/// The numbers of some states, in their order.
fn numbers<'a>(states: &'a [State], counts: &'a Counts) -> impl Iterator<Item = u64> + 'a {
    states.iter().map(|state| counts.get(*state))
}
