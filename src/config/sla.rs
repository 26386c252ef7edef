//! `sla.yaml`: what marketing and sales promised each other.

use jiff::civil::Date;

use super::calendar::quarter_days;
use super::reader::Reader;
use super::yaml::Node;
use super::{Commitment, Sla, Split};

/// What a commitment is read against.
pub(super) struct Terms<'a> {
    /// The funnel's stages, where they are known.
    pub(super) stages: Option<Vec<&'a str>>,
    pub(super) fiscal_year_starts: i8,
}

pub(super) fn read(reader: &Reader<'_>, root: &Node, terms: &Terms<'_>) -> Option<Sla> {
    let [marketing, recycling] = reader.fields(root, "sla.yaml", ["marketing", "recycling"])?;
    let minimum_days = recycling.or(0, |node| {
        let [days] = reader.fields(node, "`recycling`", ["minimum_days_before_resubmission"])?;
        days.required(|node| reader.whole(node, 0..=3660))
    });
    let commitments = marketing.or(Vec::new(), |list| {
        let promised = list.items().iter().filter_map(|item| {
            let quarter = item.get("quarter")?;
            let stage = item.get("stage")?.as_text()?;
            Some((format!("{stage} {}", quarter.as_text()?), &quarter.place))
        });
        reader.tell_repeated(promised, "commitment");
        reader.list(list, |item| {
            read_commitment(reader, item, terms, minimum_days)
        })
    });
    minimum_days?;
    Some(Sla {
        commitments: commitments?,
    })
}

fn read_commitment(
    reader: &Reader<'_>,
    node: &Node,
    terms: &Terms<'_>,
    minimum_days: Option<u32>,
) -> Option<Commitment> {
    let [quarter, stage, commitment, split] = reader.fields(
        node,
        "a commitment",
        ["quarter", "stage", "commitment", "split"],
    )?;
    let quarter = quarter.required(|node| read_quarter(reader, node, terms.fiscal_year_starts));
    let stage = stage.required(|node| match &terms.stages {
        Some(stages) => reader.one_of(node, "stage of the funnel", stages),
        None => reader.identifier(node),
    });
    let commitment = commitment.required(|node| reader.whole(node, 1..=1_000_000_000));
    let splits = [("working_days", Split::WorkingDays), ("even", Split::Even)];
    let split = split.or(Split::WorkingDays, |node| {
        reader.choice(node, "split", &splits)
    });
    let (quarter, first_day, last_day) = quarter?;
    Some(Commitment {
        quarter,
        first_day,
        last_day,
        stage: stage?,
        commitment: commitment?,
        split: split?,
        minimum_days_before_resubmission: minimum_days?,
    })
}

/// `2026-Q4`, with its first and last day.
fn read_quarter(
    reader: &Reader<'_>,
    node: &Node,
    fiscal_year_starts: i8,
) -> Option<(String, Date, Date)> {
    let text = reader.text(node)?;
    let days = text.split_once("-Q").and_then(|(year, quarter)| {
        let year = Some(year).filter(|year| year.len() == 4)?.parse().ok()?;
        let quarter = quarter
            .parse()
            .ok()
            .filter(|quarter| (1..=4).contains(quarter))?;
        quarter_days(year, quarter, fiscal_year_starts)
    });
    let Some((first_day, last_day)) = days else {
        let what = format!("`{text}` is no fiscal quarter");
        return reader.refuse(node, what, "Write it as `2026-Q4`");
    };
    Some((text, first_day, last_day))
}
