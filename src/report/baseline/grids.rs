//! The tables of the baseline report: every stage, and every member of each dimension.

use std::collections::BTreeMap;

use super::Figures;
use super::rows::{Measured, Member, Stage};
use crate::report::grid::Grid;
use crate::report::rows::Verdict;
use crate::report::view::{Cell, mark};
use crate::report::words;

pub(super) fn volume(stage: &Stage) -> Cell {
    let note = stage
        .baseline_entered
        .map_or_else(String::new, |n| format!("baseline {}", words::rounded(n)));
    let says = ("more than the baseline", "fewer than the baseline");
    match stage.entered {
        _ if stage.volume == Some(Verdict::Few) => Cell::few(stage.entered),
        Some(n) => Cell::figure(words::integer(n), note).marked(mark(stage.volume, true, says)),
        None => Cell::words(words::NONE, note),
    }
}

fn rate(stage: &Stage) -> Cell {
    let range = stage
        .range
        .map(|(low, high)| format!("{} to {}", words::percent(low), words::percent(high)));
    let says = ("more than the baseline", "less than the baseline");
    measured(&stage.rate, range, words::percent, true, says)
}

fn days(stage: &Stage) -> Cell {
    let says = ("slower than the baseline", "faster than the baseline");
    measured(&stage.days, None, words::days, false, says)
}

fn measured(
    it: &Measured,
    range: Option<String>,
    write: fn(f64) -> String,
    more: bool,
    says: (&str, &str),
) -> Cell {
    if it.verdict == Some(Verdict::Few) {
        return Cell::few(it.n);
    }
    let n =
        it.n.filter(|_| it.value.is_some())
            .map(|n| format!("n\u{a0}{}", words::integer(n)));
    let baseline = it
        .baseline
        .map(|value| format!("baseline {}", write(value)));
    let industry = it
        .industry
        .map(|value| format!("industry {}", write(value)));
    let note: Vec<String> = [range, baseline, industry, n]
        .into_iter()
        .flatten()
        .collect();
    match it.value {
        Some(value) => {
            Cell::figure(write(value), note.join(", ")).marked(mark(it.verdict, more, says))
        }
        None => Cell::words(words::NONE, note.join(", ")),
    }
}

const HEADS: [&str; 4] = ["Stage", "In 28 days", "To next", "Median to next"];

pub(super) fn totals(figures: &Figures) -> Grid {
    let rows = figures
        .stages
        .iter()
        .map(|stage| row(stage.label.clone(), stage));
    let say =
        "▲▼ where the difference is more than chance, over all comparisons of the stages together.";
    Grid::new("stages", "Every stage", say, &HEADS, rows)
}

fn row(name: String, stage: &Stage) -> (String, String, Vec<Cell>) {
    let next = stage
        .next
        .as_ref()
        .map_or_else(String::new, |next| format!("to {next}"));
    (name, next, vec![volume(stage), rate(stage), days(stage)])
}

/// One table a dimension; the members of a stage stand together.
pub(super) fn members(figures: &Figures) -> Vec<Grid> {
    let mut by_dimension: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for it in &figures.members {
        by_dimension.entry(&it.dimension).or_default().push(it);
    }
    let grid = |(number, (dimension, all)): (usize, (&str, Vec<&Member>))| {
        let rows = all
            .iter()
            .map(|it| row(format!("{}, {}", member(it), it.stage.label), &it.stage));
        let say =
            "Conversion: ▲▼ where the difference is more than chance, over all members together.";
        let title = format!("By {}", plain(dimension));
        Grid::new(
            format!("by-{number}"),
            title,
            say,
            &["Member and stage", HEADS[1], HEADS[2], HEADS[3]],
            rows,
        )
    };
    (1..).zip(by_dimension).map(grid).collect()
}

pub(super) fn member(it: &Member) -> String {
    if it.member == "blank" {
        "(blank)".to_owned()
    } else {
        it.member.clone()
    }
}

/// `lead_source` as it is said.
pub(super) fn plain(dimension: &str) -> String {
    dimension.replace('_', " ")
}
