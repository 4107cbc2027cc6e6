//! The page that a monitoring system reads: families of series as values, in the order in which they are
//! shown. What is unknown has no series, and a family without series is not on the page.
//!
//! Knows no text format; `output::metrics` encodes it.

mod family;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use family::{Definition, Family, Shape};

/// The format of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageFormat {
    /// Prometheus text format 0.0.4.
    #[default]
    Classic,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
}

/// The value of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// A time in seconds.
    Real(f64),
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Whole(number)
    }
}

impl From<bool> for Value {
    fn from(is_true: bool) -> Value {
        Value::Whole(is_true.into())
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Value {
        Value::Real(time.as_secs_f64())
    }
}

/// In seconds since 1970; 0 for a time before that.
impl From<SystemTime> for Value {
    fn from(time: SystemTime) -> Value {
        time.duration_since(UNIX_EPOCH).unwrap_or_default().into()
    }
}

/// A label: its name and its value.
pub type Label = (Cow<'static, str>, Cow<'static, str>);

/// One series of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels, in the order of the family's; those of an `info` family are all that it says.
    pub labels: Vec<Label>,
    /// Its value.
    pub value: Value,
}

/// What one sample found, as families of series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// By the family, and by the keys of a family that has some in its name.
    families: BTreeMap<(Family, String), Vec<Series>>,
}

impl Page {
    /// Adds a series with these values of the family's labels; none if its value is unknown.
    pub fn add<const N: usize>(
        &mut self,
        family: Family,
        labels: [&str; N],
        value: Option<impl Into<Value>>,
    ) {
        self.add_some(family, labels.map(Some), value);
    }

    /// The same without the labels that have no value on this page.
    pub fn add_some<const N: usize>(
        &mut self,
        family: Family,
        labels: [Option<&str>; N],
        value: Option<impl Into<Value>>,
    ) {
        let Some(value) = value else {
            return;
        };
        let names = family.definition().labels.iter();
        let labels = names.zip(labels).filter_map(|(name, value)| {
            let value = Cow::Owned(value?.to_owned());
            Some(((*name).into(), value))
        });
        self.push((family, String::new()), labels.collect(), value.into());
    }

    /// Adds a series of [`Family::SocketsBy`], whose name has these keys, with these labels.
    pub fn add_group(&mut self, keys: &str, labels: Vec<(String, String)>, sockets: u64) {
        let labels = labels
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let family = (Family::SocketsBy, keys.to_owned());
        self.push(family, labels.collect(), sockets.into());
    }

    fn push(&mut self, family: (Family, String), labels: Vec<Label>, value: Value) {
        let series = self.families.entry(family).or_default();
        series.push(Series { labels, value });
    }

    /// The families that have series, in the order of the page, each with its name.
    pub fn families(&self) -> impl Iterator<Item = (Family, Cow<'static, str>, &[Series])> {
        self.families.iter().map(|((family, keys), series)| {
            let name = family.definition().name;
            let name = match keys.as_str() {
                "" => name.into(),
                keys => name.replace("KEYS", keys).into(),
            };
            (*family, name, series.as_slice())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_has_no_series_and_no_family() {
        let mut page = Page::default();
        page.add(Family::Orphans, [], None::<u64>);
        page.add(Family::SocketsSpread, ["established"], Some(3));
        page.add(Family::Complete, ["sockets"], Some(true));
        let families: Vec<Family> = page.families().map(|(family, ..)| family).collect();
        assert_eq!(families, [Family::Complete, Family::SocketsSpread]);
        let series: Vec<&[Series]> = page.families().map(|(.., series)| series).collect();
        assert_eq!(
            series[1][0].labels,
            [("state".into(), "established".into())]
        );
        assert_eq!((series[1].len(), series[1][0].value), (1, Value::Whole(3)));
    }

    #[test]
    fn every_family_has_a_help_of_one_line_that_needs_no_escapes() {
        for family in Family::ALL {
            let Definition {
                name,
                help,
                shape,
                labels,
            } = family.definition();
            assert!(!help.is_empty() && !help.ends_with('.'), "{name}: {help}");
            assert!(
                help.bytes()
                    .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), shape == Shape::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), shape == Shape::Info, "{name}");
            let reserved = [
                "job",
                "instance",
                "service",
                "pod",
                "container",
                "namespace",
            ];
            assert!(
                !labels.iter().any(|label| reserved.contains(label)),
                "{name}"
            );
        }
    }
}
