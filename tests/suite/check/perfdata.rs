//! A parser of performance data, strictly by the Monitoring Plugins Development Guidelines.
//!
//! Must not share code with the program that writes it.

/// One item: `'label'=value[UOM];[warn];[crit];[min];[max]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Datum {
    pub(super) label: String,
    /// `None` for `U`: undetermined.
    pub(super) value: Option<f64>,
    pub(super) unit: String,
    pub(super) warning: String,
    pub(super) critical: String,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

/// Every item of a line.
///
/// # Panics
/// Where it violates a rule.
#[track_caller]
pub(super) fn parse(line: &str) -> Vec<Datum> {
    let mut rest = line.trim_matches(' ');
    let mut data: Vec<Datum> = Vec::new();
    while !rest.is_empty() {
        let (label, behind) = label(rest);
        let end = behind.find(' ').unwrap_or(behind.len());
        let (item, behind) = behind.split_at(end);
        assert!(data.iter().all(|datum| datum.label != label), "{label}");
        data.push(datum(label, item));
        rest = behind.trim_start_matches(' ');
    }
    data
}

/// A label, and the text after its `=`. A label with blanks is quoted; a quote inside is doubled.
fn label(text: &str) -> (String, &str) {
    let (label, rest) = match text.strip_prefix('\'') {
        None => {
            let end = text.find('=').expect("a label ends with =");
            (text[..end].to_owned(), &text[end..])
        }
        Some(mut quoted) => {
            let mut label = String::new();
            loop {
                let end = quoted.find('\'').expect("a quote is closed");
                label.push_str(&quoted[..end]);
                quoted = &quoted[end + 1..];
                match quoted.strip_prefix('\'') {
                    Some(more) => {
                        label.push('\'');
                        quoted = more;
                    }
                    None => break (label, quoted),
                }
            }
        }
    };
    assert!(!label.is_empty() && !label.contains('='), "{label:?}");
    assert!(label.contains(|c: char| !c.is_ascii_digit()), "{label:?}");
    (label, rest.strip_prefix('=').expect("= follows a label"))
}

fn datum(label: String, item: &str) -> Datum {
    let mut fields = item.split(';');
    let measured = fields.next().unwrap();
    let mut next = || fields.next().unwrap_or_default();
    let (warning, critical, least, most) = (next(), next(), next(), next());
    assert_eq!(fields.next(), None, "{item}");
    let (value, unit) = if measured == "U" {
        (None, "")
    } else {
        let is_numeric = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
        let end = measured.find(|c| !is_numeric(c));
        let (number, unit) = measured.split_at(end.unwrap_or(measured.len()));
        (Some(number.parse().expect(item)), unit)
    };
    assert!(
        ["", "s", "us", "ms", "%", "B", "c"].contains(&unit),
        "{item}"
    );
    for range in [warning, critical] {
        assert!(is_range(range), "{item}");
    }
    let bound = |word: &str| (!word.is_empty()).then(|| word.parse().expect(item));
    Datum {
        label,
        value,
        unit: unit.to_owned(),
        warning: warning.to_owned(),
        critical: critical.to_owned(),
        least: bound(least),
        most: bound(most),
    }
}

/// `[@]start:end`, where `start` may be `~` or absent with its colon, and `end` may be empty.
fn is_range(word: &str) -> bool {
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let ends = word.strip_prefix('@').unwrap_or(word);
    match ends.split_once(':') {
        None => ends.is_empty() || is_number(ends),
        Some((start, end)) => {
            (start == "~" || is_number(start)) && (end.is_empty() || is_number(end))
        }
    }
}

/// The item of this label.
#[track_caller]
pub(super) fn of<'a>(data: &'a [Datum], label: &str) -> &'a Datum {
    let found = data.iter().find(|datum| datum.label == label);
    found.unwrap_or_else(|| panic!("no {label} in {data:?}"))
}

#[test]
fn the_perfdata_parser_accepts_the_guideline_examples() {
    let data = parse("/=2643MB;5948;5958;0;5968".replace("MB", "B").as_str());
    assert_eq!((data[0].value, data[0].most), (Some(2643.0), Some(5968.0)));
    let data = parse("'it''s a label'=U;@10:20;~:5 b=-0.5%");
    assert_eq!(data[0].label, "it's a label");
    assert_eq!((data[0].value, data[1].value), (None, Some(-0.5)));
    assert_eq!((&*data[0].critical, &*data[1].unit), ("~:5", "%"));
}
