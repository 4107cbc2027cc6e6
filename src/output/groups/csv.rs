//! Groups as CSV (RFC 4180): a row a group, and one for the others.

use std::io::{self, Write};

use super::{numbers, states_of};
use crate::model::{Counts, Grouped, Label};
use crate::output::{escape, utc_stamp};

/// Writes the rows of one sample, after a header where it is the first. The column `row` tells
/// groups from the others; what a group's sockets have none of is empty.
///
/// # Errors
/// The writer's.
pub fn write_groups_csv(out: &mut impl Write, grouped: &Grouped, header: bool) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    let states = states_of(grouped);
    if header {
        let fixed = ["time", "source", "complete", "row"].map(str::to_owned);
        let keys = grouped.fields.iter().map(|field| field.json_key());
        let names = states.iter().map(ToString::to_string);
        let columns = fixed.into_iter().chain(keys).chain(["total".to_owned()]);
        rows.write_record(columns.chain(names))?;
    }
    let observation = &grouped.observation;
    let mut write = |row: &str, key: Vec<String>, counts: &Counts| {
        let fixed = [
            utc_stamp(observation.time),
            observation.source.name().to_owned(),
            observation.completeness.is_complete().to_string(),
            row.to_owned(),
        ];
        let total = [counts.total().to_string()];
        let states = numbers(&states, counts).map(|number| number.to_string());
        rows.write_record(fixed.into_iter().chain(key).chain(total).chain(states))
    };
    for group in &grouped.groups {
        write("group", group.key.iter().map(cell).collect(), &group.counts)?;
    }
    if let Some(other) = &grouped.other {
        let nothing = vec![String::new(); grouped.fields.len()];
        write("other", nothing, &other.counts)?;
    }
    rows.flush()
}

fn cell(label: &Label) -> String {
    match label {
        Label::None => String::new(),
        Label::Number(number) => number.to_string(),
        Label::Text(text) => escape::line(text),
    }
}
