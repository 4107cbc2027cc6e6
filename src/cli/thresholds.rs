//! `NAME=RANGE`, the words of `--warning` and `--critical`.
//!
//! Ranges are those of the Monitoring Plugins Development Guidelines, with a unit behind the
//! numbers: none, `%` or `/s`.

use crate::model::{Aspect, Measure, Quantity, Range, State, StateSet, Subject, Threshold, hint};

/// The name of all sockets.
const TOTAL: &str = "total";

/// The largest number; more sockets or bytes, and faster changes, are nowhere.
const MOST: f64 = 1e12;

/// Parses one threshold.
pub(super) fn parse_threshold(word: &str) -> Result<Threshold, String> {
    let word = word.trim();
    let Some((name, range)) = word.split_once('=') else {
        return Err("a threshold is NAME=RANGE, such as time-wait=10000 or close-wait=50%".into());
    };
    let subject = parse_subject(name.trim())?;
    let (range, unit) = parse_range(range.trim())?;
    let measure = unit.unwrap_or(Measure::Count);
    check(subject, measure, &range)?;
    Ok(Threshold {
        aspect: Aspect { subject, measure },
        range,
        word: word.to_owned(),
    })
}

fn parse_subject(name: &str) -> Result<Subject, String> {
    if let Some(state) = State::parse(name) {
        return Ok(Subject::State(state));
    }
    if name.eq_ignore_ascii_case(TOTAL) {
        return Ok(Subject::Total);
    }
    if let Some(quantity) = Quantity::parse(name) {
        return Ok(Subject::Quantity(quantity));
    }
    if StateSet::parse_word(name).is_some() {
        return Err(format!(
            "`{name}` names several states; select them with --state {name} and use total"
        ));
    }
    let names = names();
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(format!(
        "unknown name `{name}`; {}",
        hint(name, &words, "tcpstates-check(1)")
    ))
}

/// Every name that a threshold can have.
pub(super) fn names() -> Vec<String> {
    let quantities = Quantity::ALL
        .iter()
        .map(|quantity| quantity.name().to_owned());
    let states = State::words();
    states.chain([TOTAL.to_owned()]).chain(quantities).collect()
}

const NOTATION: &str =
    "allowed are 10, 10:, ~:10, 10:20 and @10:20, with % or /s behind the numbers";

/// A range, and its unit where it has one.
fn parse_range(word: &str) -> Result<(Range, Option<Measure>), String> {
    let (inside, ends) = match word.strip_prefix('@') {
        Some(ends) => (true, ends),
        None => (false, word),
    };
    let (start, end) = ends.split_once(':').unwrap_or(("0", ends));
    let no_range = || match word.trim() {
        "" => format!("the range is empty; {NOTATION}"),
        _ => format!("`{word}` is not a valid range; {NOTATION}"),
    };
    if ends.trim() == ":" {
        return Err(no_range());
    }
    let (start, start_unit) = match start.trim() {
        "~" => (None, None),
        "" => (Some(0.0), None),
        start => parse_end(start).ok_or_else(no_range)?,
    };
    let (end, end_unit) = match end.trim() {
        "" if ends.contains(':') => (None, None),
        end => parse_end(end).ok_or_else(no_range)?,
    };
    match (start, end) {
        (Some(_), Some(end)) if end < 0.0 && !ends.contains(':') => {
            return Err(format!(
                "a number alone means 0 to that number; write `{ends}:` for no less than it"
            ));
        }
        (Some(start), Some(end)) if start > end => {
            return Err(format!("{start} is more than {end}; a range is START:END"));
        }
        (None, None) => return Err(format!("`{word}` has no end; {NOTATION}")),
        (Some(_) | None, Some(_)) | (Some(_), None) => {}
    }
    let unit = match (start_unit, end_unit) {
        (Some(start), Some(end)) if start != end => {
            return Err("both ends of a range have the same unit".to_owned());
        }
        (start, end) => start.or(end),
    };
    let range = Range { inside, start, end };
    Ok((range, unit))
}

/// One end of a range, and its unit where it has one.
fn parse_end(word: &str) -> Option<(Option<f64>, Option<Measure>)> {
    let units = [("%", Measure::Share), ("/s", Measure::Rate)];
    let unit = units
        .into_iter()
        .find_map(|(mark, measure)| Some((word.strip_suffix(mark)?, Some(measure))));
    let (number, unit) = unit.unwrap_or((word, None));
    Some((Some(parse_number(number.trim_end())?), unit))
}

/// `12`, `-0.5`, `.25`: digits with at most one point and six places, and maybe a minus.
fn parse_number(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let places = digits.split_once('.').map_or("", |(_, places)| places);
    let is_decimal = digits
        .bytes()
        .all(|byte| byte == b'.' || byte.is_ascii_digit());
    let number: f64 = word.parse().ok()?;
    // 0 in place of -0.
    (is_decimal && places.len() <= 6 && number.abs() <= MOST).then_some(number + 0.0)
}

/// Whether the range fits what it is about.
fn check(subject: Subject, measure: Measure, range: &Range) -> Result<(), String> {
    let mut ends = range.start.iter().chain(&range.end);
    let quantity = match subject {
        Subject::Quantity(quantity) => Some(quantity),
        Subject::Total if measure == Measure::Share => {
            return Err("the total is always 100% of itself; use a state's share".into());
        }
        Subject::State(_) | Subject::Total => None,
    };
    if let Some(quantity) = quantity {
        if !quantity.has(measure) {
            return Err(needs(quantity));
        }
        if ends.clone().any(|end| *end < 0.0) {
            return Err(format!("{} is never less than 0", quantity.name()));
        }
    }
    match measure {
        Measure::Count if ends.clone().any(|end| *end < 0.0) => {
            Err("there are never fewer than 0 sockets; a change per second is -100/s".into())
        }
        Measure::Count if !ends.all(|end| end.fract() == 0.0) => Err(match quantity {
            Some(quantity) => format!("{} takes whole numbers", quantity.name()),
            None => {
                "sockets are counted in whole numbers; shares have %, changes per second /s".into()
            }
        }),
        Measure::Share if ends.any(|end| !(0.0..=100.0).contains(end)) => {
            Err("a share is 0% to 100%".into())
        }
        Measure::Count | Measure::Share | Measure::Rate => Ok(()),
    }
}

/// In which units a quantity is compared.
fn needs(quantity: Quantity) -> String {
    let definition = quantity.definition();
    let units = definition.measures.iter().map(|measure| match measure {
        Measure::Count if definition.bytes => "a number of bytes",
        Measure::Count => "a number",
        Measure::Share => "a percentage",
        Measure::Rate => "a number per second",
    });
    let units: Vec<&str> = units.collect();
    let (name, example) = (definition.name, definition.example);
    format!(
        "{name} is compared with {}, as in {example}",
        units.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSE_WAIT: Subject = Subject::State(State::CloseWait);

    #[test]
    fn a_threshold_is_a_name_and_a_range_and_maybe_a_unit() {
        for (word, subject, measure, range) in [
            ("close-wait=10", CLOSE_WAIT, Measure::Count, "10"),
            ("CLOSE_WAIT=0:10", CLOSE_WAIT, Measure::Count, "10"),
            ("close-wait=:10", CLOSE_WAIT, Measure::Count, "10"),
            ("close-wait=10:", CLOSE_WAIT, Measure::Count, "10:"),
            ("close-wait=~:10", CLOSE_WAIT, Measure::Count, "~:10"),
            ("close-wait=10:20", CLOSE_WAIT, Measure::Count, "10:20"),
            ("close-wait=@10:20", CLOSE_WAIT, Measure::Count, "@10:20"),
            ("close-wait=@10", CLOSE_WAIT, Measure::Count, "@10"),
            ("CloseWait=50%", CLOSE_WAIT, Measure::Share, "50"),
            (
                "close-wait=@0.5%:20%",
                CLOSE_WAIT,
                Measure::Share,
                "@0.5:20",
            ),
            ("close-wait=10:20%", CLOSE_WAIT, Measure::Share, "10:20"),
            ("total=-100/s:", Subject::Total, Measure::Rate, "-100:"),
            (" total = ~:0.5/s ", Subject::Total, Measure::Rate, "~:0.5"),
            (
                "accept_queue=80%",
                Subject::Quantity(Quantity::AcceptQueue),
                Measure::Share,
                "80",
            ),
            (
                "Listen-Drops=0/s",
                Subject::Quantity(Quantity::ListenDrops),
                Measure::Rate,
                "0",
            ),
            (
                "memory=0.5%",
                Subject::Quantity(Quantity::Memory),
                Measure::Share,
                "0.5",
            ),
            (
                "receive_queue=@1000000:",
                Subject::Quantity(Quantity::ReceiveQueue),
                Measure::Count,
                "@1000000:",
            ),
            (
                "estab=1:",
                Subject::State(State::Established),
                Measure::Count,
                "1:",
            ),
        ] {
            let parsed = parse_threshold(word).unwrap();
            assert_eq!(parsed.aspect, Aspect { subject, measure }, "{word}");
            assert_eq!(parsed.range.to_string(), range, "{word}");
            assert_eq!(parsed.word, word.trim());
        }
    }

    #[test]
    fn an_invalid_threshold_is_refused_with_what_is_allowed() {
        for (word, expected) in [
            ("", "NAME=RANGE"),
            ("10000", "NAME=RANGE"),
            ("tim-wait=10", "did you mean time-wait? Allowed are listen,"),
            ("xyzzy=10", "allowed are listen,"),
            ("acceptqueue=10%", "did you mean accept-queue?"),
            ("connected=10", "--state connected and use total"),
            ("total=", "the range is empty; allowed are 10,"),
            ("total=:", "`:`"),
            ("total=~:", "`~:` has no end"),
            ("total=~", "is not a valid range"),
            (
                "total=ten",
                "`ten` is not a valid range; allowed are 10, 10:,",
            ),
            ("total=20:10", "20 is more than 10"),
            ("total=1:2:3", "is not a valid range"),
            ("total=-5/s", "write `-5/s:` for no less"),
            ("total=-5:5", "never fewer than 0"),
            ("total=1.5", "whole numbers"),
            ("total=50%", "always 100%"),
            ("total=1e3", "is not a valid range"),
            ("close-wait=101%", "0% to 100%"),
            ("close-wait=-1%:", "0% to 100%"),
            ("close-wait=10%:20/s", "the same unit"),
            ("accept-queue=10", "accept-queue=80%"),
            ("accept-queue=10/s", "accept-queue=80%"),
            ("accept-queue=150%", "0% to 100%"),
            ("listen-drop=1/s", "did you mean listen-drops?"),
            ("retransmisson=1%", "did you mean retransmission?"),
            ("recv-queue=1", "did you mean receive-queue?"),
            ("ephemeral-port=1%", "did you mean ephemeral-ports?"),
            ("orphan=1", "did you mean orphans?"),
            (
                "listen-drops=1",
                "listen-drops is compared with a number per second, as in listen-drops=0/s",
            ),
            ("drops=1%", "as in drops=0/s"),
            ("drops=-1/s:", "drops is never less than 0"),
            ("retransmission=1", "a percentage, as in retransmission=1%"),
            ("retransmission=1/s", "as in retransmission=1%"),
            ("receive-queue=101%", "0% to 100%"),
            ("receive-queue=1/s", "a number of bytes or a percentage"),
            ("send-queue=1.5", "send-queue takes whole numbers"),
            ("send-queue=1/s", "a number of bytes, as in"),
            ("orphans=1/s", "a number or a percentage, as in orphans=50%"),
            (
                "memory=1/s",
                "a number of bytes or a percentage, as in memory=50%",
            ),
            ("memory=101%", "0% to 100%"),
            ("ephemeral-ports=-1:", "never less than 0"),
            ("total=10/m", "is not a valid range"),
        ] {
            let error = parse_threshold(word).unwrap_err();
            assert!(error.contains(expected), "{word}: {error}");
        }
    }

    #[test]
    fn a_number_is_digits_with_at_most_six_places() {
        for (word, number) in [
            ("0", 0.0),
            ("10", 10.0),
            ("007", 7.0),
            ("-100", -100.0),
            ("0.5", 0.5),
            (".25", 0.25),
            ("12.500000", 12.5),
            ("-0.000001", -0.000_001),
            ("1000000000000", 1e12),
        ] {
            assert_eq!(parse_number(word), Some(number), "{word}");
        }
        assert_eq!(parse_number("-0").map(f64::is_sign_negative), Some(false));
        for word in [
            "",
            "-",
            ".",
            "+1",
            "1e3",
            "0.0000001",
            "1.2.3",
            "nan",
            "1_0",
            "1000000000001",
            "--1",
        ] {
            assert_eq!(parse_number(word), None, "{word}");
        }
    }
}
