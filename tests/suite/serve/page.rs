//! Reads a page of the program. Knows as much of the text formats as the page uses.

use std::collections::BTreeMap;

use crate::program::Ran;

/// The series of a page, by name and labels as they are written.
#[derive(Debug)]
pub(crate) struct Page(BTreeMap<String, String>);

impl Page {
    /// The page that a run printed.
    #[track_caller]
    pub(crate) fn of(ran: &Ran) -> Page {
        Page::parse(&ran.stdout)
    }

    #[track_caller]
    pub(crate) fn parse(text: &str) -> Page {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.to_owned())
        });
        let series: Vec<_> = series.collect();
        let page = Page(series.iter().cloned().collect());
        assert_eq!(
            page.0.len(),
            series.len(),
            "a series is there twice: {text}"
        );
        assert!(!page.0.is_empty(), "{text}");
        page
    }

    /// A number; `None` where there is no such series.
    pub(crate) fn number(&self, series: &str) -> Option<f64> {
        self.0.get(series).map(|value| value.parse().unwrap())
    }

    /// The number of sockets in each state that has any, by its label.
    pub(crate) fn states(&self) -> BTreeMap<String, usize> {
        let prefix = "tcpstates_sockets{state=\"";
        let series = self.0.iter();
        let states = series.filter_map(|(series, value)| {
            let state = series.strip_prefix(prefix)?.strip_suffix("\"}")?;
            Some((state.to_owned(), value.parse().unwrap()))
        });
        states.filter(|(_, number)| *number > 0).collect()
    }

    /// Whether each of the parts is complete, in their order by name.
    pub(crate) fn complete(&self) -> [Option<f64>; 3] {
        ["kernel", "listeners", "sockets"]
            .map(|part| self.number(&format!("tcpstates_complete{{part=\"{part}\"}}")))
    }

    /// The series of a family that has labels, with these.
    pub(crate) fn series(&self, family: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let series = self.0.iter().filter_map(|(series, value)| {
            let labels = series.strip_prefix(family)?.strip_prefix('{')?;
            let labels = labels.strip_suffix("\"}")?.split("\",");
            let labels = labels.filter_map(|label| label.split_once("=\""));
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            Some((labels.collect(), value.parse().unwrap()))
        });
        series.collect()
    }

    /// Whether a series begins so.
    pub(crate) fn has(&self, start: &str) -> bool {
        self.0.keys().any(|series| series.starts_with(start))
    }
}
