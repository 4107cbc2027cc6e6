//! Judgements in words.

use crate::model::{
    Breach, Decimal, Field, Judgement, Label, Limits, Measure, Quantity, Reading, Side, Subject,
    Trust, thousands,
};

/// Decimal places of shares and rates, for people.
const PLACES: u32 = 2;

/// What was measured, and what it breaks: `TIME_WAIT 34,112 (> 30,000)`.
pub(super) fn judgement(judgement: &Judgement) -> String {
    let Judgement {
        limits,
        reading,
        breach,
        status: _,
    } = judgement;
    let Limits { aspect, .. } = limits;
    let name = match aspect.subject {
        Subject::State(state) => state.to_string(),
        Subject::Total => "total".to_owned(),
        Subject::AcceptQueue => "accept queue".to_owned(),
    };
    let value = value(aspect.measure, reading);
    let breach = breach.map(|breach| broken(aspect.measure, &breach));
    let parts = reading.parts.map(|(part, whole)| parts(part, whole));
    let behind: Vec<String> = breach.into_iter().chain(parts).collect();
    if behind.is_empty() {
        return format!("{name} {value}");
    }
    format!("{name} {value} ({})", behind.join("; "))
}

fn value(measure: Measure, reading: &Reading) -> String {
    let spread = spread(reading.spread);
    let (value, low, high) = (reading.value, reading.low, reading.high);
    let told = match measure {
        Measure::Count => format!("{}{spread}", value.rounded(0).grouped()),
        Measure::Share | Measure::Rate if low != high => {
            format!("{} to {}", one(measure, low), one(measure, high))
        }
        Measure::Share | Measure::Rate => one(measure, value),
    };
    match (measure, reading.trust) {
        (_, Trust::Exact) | (Measure::Share | Measure::Rate, Trust::AtLeast) => told,
        (Measure::Count, Trust::AtLeast) => format!("at least {told}"),
        (_, Trust::Nothing) => format!("perhaps {told}"),
    }
}

/// A value with its unit, and of changes with their sign.
fn one(measure: Measure, value: Quantity) -> String {
    let value = value.rounded(PLACES);
    match measure {
        Measure::Count => value.grouped(),
        Measure::Share => format!("{}%", value.grouped()),
        Measure::Rate if value > Decimal::ZERO => format!("+{}/s", value.grouped()),
        Measure::Rate => format!("{}/s", value.grouped()),
    }
}

/// ` ±12`, or nothing.
pub(super) fn spread(spread: u64) -> String {
    match spread {
        0 => String::new(),
        spread => format!(" ±{}", thousands(spread)),
    }
}

fn parts(part: u64, whole: u64) -> String {
    format!("{} of {}", thousands(part), thousands(whole))
}

/// How a value breaks a range: `> 30,000`.
fn broken(measure: Measure, breach: &Breach) -> String {
    let unit = match measure {
        Measure::Count => "",
        Measure::Share => "%",
        Measure::Rate => "/s",
    };
    let end = |end: Option<Decimal>| {
        let end = end.map_or_else(String::new, Decimal::grouped);
        format!("{end}{unit}")
    };
    let (start, stop) = (breach.range.start, breach.range.end);
    let floor = match measure {
        Measure::Count | Measure::Share => Some(Decimal::ZERO),
        Measure::Rate => None,
    };
    match breach.side {
        Side::Above => format!("> {}", end(stop)),
        Side::Below => format!("< {}", end(start)),
        Side::Within if stop.is_none() => format!(">= {}", end(start)),
        Side::Within if start == floor || start.is_none() => format!("<= {}", end(stop)),
        Side::Within => format!("within {} to {}", end(start), end(stop)),
    }
}

/// What a group is called: `local-port 443, user www-data`.
pub(super) fn group(fields: &[Field], key: &[Label]) -> String {
    let parts = fields.iter().zip(key).map(|(field, label)| {
        let label = match label {
            Label::None => "-".to_owned(),
            Label::Number(number) => number.to_string(),
            Label::Text(text) => text.clone(),
        };
        format!("{} {label}", field.name())
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return "no sockets".to_owned();
    }
    parts.join(", ")
}

/// What groups are grouped by: `local-port, user`.
pub(super) fn groups_by(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    names.join(", ")
}
