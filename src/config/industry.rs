//! `industry_averages`: what others report, shown beside our own figures and never tested.

use super::IndustryAverage;
use super::reader::Reader;
use super::yaml::{Node, Value};

/// `- { from: mql, to: sal, conversion: 0.45, median_days: 3, source: "…" }`.
pub(super) fn read(reader: &Reader<'_>, list: &Node) -> Option<Vec<IndustryAverage>> {
    reader.list(list, |node| {
        let [from, to, conversion, median_days, source] = reader.fields(
            node,
            "an industry average",
            ["from", "to", "conversion", "median_days", "source"],
        )?;
        let from = from.required(|node| reader.identifier(node));
        let to = to.required(|node| reader.identifier(node));
        let conversion = conversion.optional(|node| reader.share(node));
        let median_days = median_days.optional(|node| days(reader, node));
        let source = source.required(|node| reader.text(node));
        Some(IndustryAverage {
            from: from?,
            to: to?,
            conversion: conversion?,
            median_days: median_days?,
            source: source?,
            place: node.place.clone(),
        })
    })
}

/// Days and parts of days.
fn days(reader: &Reader<'_>, node: &Node) -> Option<f64> {
    match node.value {
        Value::Integer(value) => i32::try_from(value).ok().map(f64::from),
        Value::Decimal(value) => Some(value),
        _ => None,
    }
    .filter(|value| *value >= 0.0)
    .or_else(|| {
        let fix = "Write it as `3` or `0.5`";
        reader.refuse(node, "Days are a number from 0 up", fix)
    })
}
