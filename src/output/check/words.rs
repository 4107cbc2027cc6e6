//! Judgements in words.

use crate::model::{
    Breach, Field, Judgement, Label, Measure, Measurement, Side, Subject, Trust, grouped, thousands,
};
use crate::output::escape;
use crate::output::value::label_text;

/// Decimal places of shares and rates, for people.
const PLACES: u8 = 2;

/// What was measured, and what it breaks: `TIME_WAIT 34,112 (> 30,000)`.
pub(super) fn judgement(judgement: &Judgement) -> String {
    let aspect = judgement.thresholds.aspect;
    let name = match aspect.subject {
        Subject::State(state) => state.to_string(),
        Subject::Total => "total".to_owned(),
        Subject::AcceptQueue => "accept queue".to_owned(),
    };
    let value = value(aspect.measure, &judgement.measured);
    let breach = judgement.breach.iter();
    let breach = breach.map(|breach| broken(aspect.measure, breach));
    let parts = judgement.measured.parts.iter();
    let parts = parts.map(|(part, whole)| format!("{} of {}", thousands(part), thousands(whole)));
    let behind: Vec<String> = breach.chain(parts).collect();
    if behind.is_empty() {
        return format!("{name} {value}");
    }
    format!("{name} {value} ({})", behind.join("; "))
}

fn value(measure: Measure, measured: &Measurement) -> String {
    let (value, low, high) = (measured.value, measured.low, measured.high);
    let text = match measure {
        Measure::Count => one(measure, value) + &spread(measured.spread),
        Measure::Share | Measure::Rate if low != high => {
            format!("{} to {}", one(measure, low), one(measure, high))
        }
        Measure::Share | Measure::Rate => one(measure, value),
    };
    match (measure, measured.trust) {
        (_, Trust::Exact) | (Measure::Share | Measure::Rate, Trust::AtLeast) => text,
        (Measure::Count, Trust::AtLeast) => format!("at least {text}"),
        (_, Trust::Nothing) => format!("perhaps {text}"),
    }
}

fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Count => "",
        Measure::Share => "%",
        Measure::Rate => "/s",
    }
}

/// A value with its unit, and of changes with their sign.
fn one(measure: Measure, value: f64) -> String {
    let sign = if measure == Measure::Rate && value > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{}{}", grouped(value, PLACES), unit(measure))
}

/// ` ±12`, or nothing.
pub(super) fn spread(spread: u64) -> String {
    match spread {
        0 => String::new(),
        spread => format!(" ±{}", thousands(spread)),
    }
}

/// How a value breaks a range: `> 30,000`.
fn broken(measure: Measure, breach: &Breach) -> String {
    let (start, end) = (breach.range.start, breach.range.end);
    let text = |number: Option<f64>| {
        let number = number.map(|number| grouped(number, 6));
        number.unwrap_or_default() + unit(measure)
    };
    let begins = start.is_some_and(|start| start != 0.0 || measure == Measure::Rate);
    match breach.side {
        Side::Above => format!("> {}", text(end)),
        Side::Below => format!("< {}", text(start)),
        Side::Within if end.is_none() => format!(">= {}", text(start)),
        Side::Within if begins => format!("within {} to {}", text(start), text(end)),
        Side::Within => format!("<= {}", text(end)),
    }
}

/// The name of a group: `local-port 443, user www-data`.
pub(super) fn group(fields: &[Field], key: &[Label]) -> String {
    let parts = fields.iter().zip(key).map(|(field, label)| {
        let text = match label {
            Label::Text(text) => escape::term(text).into_owned(),
            Label::None | Label::Number(_) | Label::Flag(_) => label_text(label, "-"),
        };
        format!("{} {text}", field.name())
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return "no sockets".to_owned();
    }
    parts.join(", ")
}

/// The fields grouped by: `local-port, user`.
pub(super) fn groups_by(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    names.join(", ")
}
