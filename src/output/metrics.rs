//! A page for monitoring systems as text: Prometheus text format 0.0.4, or OpenMetrics 1.0.
//!
//! The only user of prometheus-client, which escapes labels (since 0.25.2) but not the help of
//! OpenMetrics: that is made of constants that need no escapes.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::model::page::{Definition, Page, PageFormat, Series, Shape, Value};

/// The page as text.
///
/// # Errors
/// None: the encoder passes on those of its writer, and a string has none.
pub fn render_page(page: Arc<Page>, format: PageFormat) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(page)));
    let mut text = String::new();
    match format {
        PageFormat::Classic => prometheus_text::encode(&mut text, &registry)?,
        PageFormat::OpenMetrics => text::encode(&mut text, &registry)?,
    }
    Ok(text)
}

#[derive(Debug)]
struct Families(Arc<Page>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (family, name, series) in self.0.families() {
            let Definition { shape, help, .. } = family.definition();
            let (name, unit) = split_name(&name);
            let mut metric =
                encoder.encode_descriptor(name, help, unit.as_ref(), metric_type(shape))?;
            for one in series {
                encode_series(&mut metric, shape, one)?;
            }
        }
        Ok(())
    }
}

/// The name without the suffixes that the encoder adds, and the unit.
fn split_name(name: &str) -> (&str, Option<Unit>) {
    let units = [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)];
    let name = ["_total", "_info"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    let mut units = units.into_iter();
    let with_unit = units.find_map(|(suffix, unit)| Some((name.strip_suffix(suffix)?, Some(unit))));
    with_unit.unwrap_or((name, None))
}

fn metric_type(shape: Shape) -> MetricType {
    match shape {
        Shape::Gauge => MetricType::Gauge,
        Shape::Counter => MetricType::Counter,
        Shape::Info => MetricType::Info,
    }
}

fn encode_series(metric: &mut MetricEncoder<'_>, shape: Shape, series: &Series) -> fmt::Result {
    if shape == Shape::Info {
        return metric.encode_info(&series.labels);
    }
    let mut metric = metric.encode_family(&series.labels)?;
    match (shape, series.value) {
        (Shape::Counter, Value::Whole(number)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(&number, None)
        }
        (Shape::Counter, Value::Real(number)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(&number, None)
        }
        (_, Value::Whole(number)) => metric.encode_gauge(&number),
        (_, Value::Real(number)) => metric.encode_gauge(&number),
    }
}
