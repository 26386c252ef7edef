//! Definitions side by side, as text.

use serde::Deserialize;

use super::table;
use crate::pipeline::contract::{Promise, Swept, Tried};

/// A row of `queries/contract/contrast.sql`.
#[derive(Deserialize)]
pub(super) struct StageRow {
    stage: String,
    entered_before: Option<i64>,
    entered_after: Option<i64>,
    next_rate_before: Option<f64>,
    next_rate_after: Option<f64>,
    close_rate_before: Option<f64>,
    close_rate_after: Option<f64>,
    median_days_before: Option<f64>,
    median_days_after: Option<f64>,
    enter: i64,
    leave: i64,
    other_day: i64,
}

pub(super) fn side_by_side(stages: &[StageRow]) -> String {
    let head = [
        "stage",
        "entries",
        "to the next",
        "to a won close",
        "median days",
        "persons in",
        "out",
        "other day",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let number = |n: i64| n.to_string();
    let percent = |rate: f64| format!("{:.1} %", rate * 100.0);
    let days = |days: f64| format!("{days:.1}");
    for it in stages {
        rows.push(vec![
            it.stage.clone(),
            pair(it.entered_before, it.entered_after, number),
            pair(it.next_rate_before, it.next_rate_after, percent),
            pair(it.close_rate_before, it.close_rate_after, percent),
            pair(it.median_days_before, it.median_days_after, days),
            it.enter.to_string(),
            it.leave.to_string(),
            it.other_day.to_string(),
        ]);
    }
    table::text(&rows)
}

/// `6 > 4`; a dash for what is not there.
fn pair<T>(before: Option<T>, after: Option<T>, shown: impl Fn(T) -> String) -> String {
    let [before, after] = [before, after].map(|it| it.map_or_else(dash, &shown));
    format!("{before} > {after}")
}

/// Three tables: months, later stages and commitments down, values across.
pub(super) fn swept(swept: &Swept) -> String {
    let Some(today) = swept.tried.first() else {
        return String::new();
    };
    let mut months = vec![head("month", swept)];
    for (index, month) in today.months.iter().enumerate() {
        let shown = month.month.strftime("%Y-%m").to_string();
        let n = |it: &Tried| it.months.get(index).map(|it| it.n.to_string());
        months.push(across(&shown, swept, n));
    }
    let mut reach = vec![head("to", swept)];
    for (index, later) in today.reach.iter().enumerate() {
        let share = |it: &Tried| it.reach.get(index).map(|it| share(it.reached, it.n));
        reach.push(across(&later.to_stage, swept, share));
    }
    let mut parts = vec![format!(
        "Entries into `{}` a month, up to {}\n{}\nOf these, over the whole history, reached\n{}",
        swept.stage,
        swept.as_of,
        table::text(&months),
        table::text(&reach)
    )];
    let promises = (0..today.promises.len()).map(|index| promise(swept, index));
    parts.extend(promises);
    parts.join("\n")
}

/// One commitment under every value.
fn promise(swept: &Swept, index: usize) -> String {
    let row = |name: &str, figure: fn(&Promise) -> String| {
        across(name, swept, |it| it.promises.get(index).map(figure))
    };
    let rows = [
        head("", swept),
        row("commitment", |it| it.commitment.to_string()),
        row("attained", |it| it.attained.to_string()),
        row("a week, lately", |it| format!("{:.1}", it.weekly)),
        row("a week, needed", |it| {
            it.needed_weekly
                .map_or_else(dash, |needed| format!("{needed:.1}"))
        }),
        row("enough", |it| {
            if it.reachable { "yes" } else { "no" }.to_owned()
        }),
    ];
    let of = swept
        .tried
        .first()
        .and_then(|today| today.promises.get(index));
    let of = of.map(|it| format!("`{}` in {}", it.stage, it.quarter));
    format!(
        "The commitment for {}\n{}",
        of.unwrap_or_default(),
        table::text(&rows)
    )
}

fn head(first: &str, swept: &Swept) -> Vec<String> {
    across(first, swept, |it| {
        Some(it.value.clone().unwrap_or_else(|| "today".to_owned()))
    })
}

/// A row: a cell for each value, a dash where there is none.
fn across(first: &str, swept: &Swept, cell: impl Fn(&Tried) -> Option<String>) -> Vec<String> {
    let cells = swept.tried.iter().map(|it| cell(it).unwrap_or_else(dash));
    std::iter::once(first.to_owned()).chain(cells).collect()
}

fn dash() -> String {
    "-".to_owned()
}

/// `61 of 100, 61.0 %`.
fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return dash();
    }
    let permille = (part * 2000 + whole) / (whole * 2);
    format!("{part} of {whole}, {}.{} %", permille / 10, permille % 10)
}
