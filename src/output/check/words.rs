//! Judgements in words.

use crate::model::{
    Aspect, Breach, Field, JudgedQuantity, Judgement, Label, ListenPlace, Measure, Measurement,
    Scope, Side, Subject, Trust, Where, grouped, thousands,
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
        Subject::Quantity(quantity) => quantity.name().replace('-', " "),
    };
    let value = value(aspect, &judgement.measured);
    let breach = judgement.breach.iter();
    let breach = breach.map(|breach| broken(aspect, breach));
    let parts = judgement.measured.parts.iter();
    let parts = parts.map(|(part, whole)| format!("{} of {}", thousands(part), thousands(whole)));
    let behind: Vec<String> = breach.chain(parts).collect();
    if behind.is_empty() {
        return format!("{name} {value}");
    }
    format!("{name} {value} ({})", behind.join("; "))
}

/// Where a listener listens.
pub(super) fn place(place: &ListenPlace) -> String {
    match place {
        ListenPlace::Internet(address) => address.to_string(),
        ListenPlace::Unix(name) => escape::term(&escape::unix_name(name)).into_owned(),
    }
}

/// The judgement on a quantity, with what it is about:
/// `listen drops 93/s (> 0/s) in this network namespace`.
pub(super) fn quantity(one: &JudgedQuantity, place: &Where) -> Option<String> {
    let text = judgement(one.judgement.as_ref()?);
    let scope = one.thresholds.aspect.quantity()?.definition().scope;
    let (holder, is_sum) = (one.holder, scope == Scope::Selection);
    Some(match (holder, scope) {
        (Some(holder), _) if is_sum => format!("{text} mostly {holder}"),
        (Some(holder), _) => format!("{text} {holder}"),
        (None, Scope::Namespace) => format!("{text} in {place}"),
        (None, Scope::Host) => format!("{text} on the whole host"),
        (None, Scope::Socket | Scope::Listener | Scope::Selection | Scope::Destination) => text,
    })
}

fn value(aspect: Aspect, measured: &Measurement) -> String {
    let (value, low, high) = (measured.value, measured.low, measured.high);
    let measure = aspect.measure;
    let text = match measure {
        Measure::Count => one(aspect, value) + &spread(measured.spread),
        Measure::Share | Measure::Rate if low != high => {
            format!("{} to {}", one(aspect, low), one(aspect, high))
        }
        Measure::Share | Measure::Rate => one(aspect, value),
    };
    match (measure, measured.trust) {
        (_, Trust::Exact) => text,
        (Measure::Share | Measure::Rate, Trust::AtLeast) if aspect.quantity().is_none() => text,
        (_, Trust::AtLeast) => format!("at least {text}"),
        (_, Trust::Nothing) => format!("perhaps {text}"),
    }
}

fn unit(aspect: Aspect) -> &'static str {
    match aspect.measure {
        Measure::Count if aspect.is_in_bytes() => " bytes",
        Measure::Count => "",
        Measure::Share => "%",
        Measure::Rate => "/s",
    }
}

/// A value with its unit, and of what can decrease with its sign.
fn one(aspect: Aspect, value: f64) -> String {
    let sign = if aspect.bounds().0.is_none() && value > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{}{}", grouped(value, PLACES), unit(aspect))
}

/// ` ±12`, or nothing.
pub(super) fn spread(spread: u64) -> String {
    match spread {
        0 => String::new(),
        spread => format!(" ±{}", thousands(spread)),
    }
}

/// How a value breaks a range: `> 30,000`.
fn broken(aspect: Aspect, breach: &Breach) -> String {
    let (start, end) = (breach.range.start, breach.range.end);
    let text = |number: Option<f64>| {
        let number = number.map(|number| grouped(number, 6));
        number.unwrap_or_default() + unit(aspect)
    };
    let begins = start.is_some_and(|start| start != 0.0 || aspect.bounds().0.is_none());
    match breach.side {
        Side::Above => format!("> {}", text(end)),
        Side::Below => format!("< {}", text(start)),
        Side::Within if end.is_none() => format!(">= {}", text(start)),
        Side::Within if begins => format!("within {} to {}", text(start), text(end)),
        Side::Within => format!("<= {}", text(end)),
    }
}

/// The characters of a filter that are shown.
const FILTER: usize = 80;

/// ` selected by `:443``, or nothing without a filter; a long one is cut.
pub(super) fn selected(filter: &str) -> String {
    let filter = filter.split_whitespace().collect::<Vec<_>>().join(" ");
    match filter.char_indices().nth(FILTER) {
        None if filter.is_empty() => String::new(),
        None => format!(" selected by `{filter}`"),
        Some((end, _)) => format!(" selected by `{}...`", &filter[..end]),
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
