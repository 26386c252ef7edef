//! The truth: what a faultless program would say of the demo's company. Counted from what the
//! simulation made happen, never from the exports or with the program's SQL.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::calendar::{At, Calendar, DAY, MINUTE, civil, date_text, marketo_instant, weekday};
use super::company::World;
use super::faults::Fault;
use super::passage::{Entry, Outcome, Passage, passage};
use super::person::{Person, Touch, TouchKind};
use super::shapes::Kind;
use super::sign::{Sign, Stage, What};
use super::{DemoError, Plan};
use crate::fs;

pub(super) struct Truth<'w> {
    world: &'w World,
    path: PathBuf,
    csv: BufWriter<std::fs::File>,
    stages: [StageTruth; 8],
    /// Of the step from each stage to the next.
    steps: [Step; 7],
    /// From the start of an opportunity's work to its being won.
    days_to_won: Vec<i64>,
    /// Counted MQLs by the Monday of their week.
    weeks: BTreeMap<i64, u64>,
    quarters: BTreeMap<String, Quarter>,
    people: BTreeMap<&'static str, u64>,
    dirt: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
struct StageTruth {
    entries: u64,
    implied: u64,
    net_new: u64,
    months: BTreeMap<String, u64>,
    stock: u64,
    stock_direct: u64,
    outcomes: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
struct Step {
    n: u64,
    converted: u64,
    converted_within_90_days: u64,
    seconds: Vec<i64>,
}

#[derive(Default)]
struct Quarter {
    counted: u64,
    entries: u64,
    accepted: u64,
    rejected: u64,
    pending: u64,
    first_touch: BTreeMap<&'static str, u64>,
}

const HEADER: &str = "person_id,opportunity_id,cycle,stage,stage_order,entered_at,entered_on,\
    implied,confirmed_at,net_new,customer,outcome,exited_at,direct\n";

/// A lead handed in again sooner than this is counted once.
const RESUBMISSION: i64 = 14 * DAY;

impl<'w> Truth<'w> {
    pub(super) fn create(folder: &Path, world: &'w World) -> Result<Self, DemoError> {
        let path = folder.join("truth.csv");
        let mut truth = Self {
            world,
            csv: BufWriter::new(fs::create(&path)?),
            path,
            stages: Default::default(),
            steps: Default::default(),
            days_to_won: Vec::new(),
            weeks: BTreeMap::new(),
            quarters: BTreeMap::new(),
            people: BTreeMap::new(),
            dirt: BTreeMap::new(),
        };
        truth.line(HEADER)?;
        Ok(truth)
    }

    /// Adds a person's way through the funnel.
    pub(super) fn person(&mut self, person: &Person<'_>) -> Result<(), DemoError> {
        *self.people.entry("people").or_default() += 1;
        for dirt in &person.dirt {
            *self.dirt.entry(dirt).or_default() += 1;
        }
        if person.company.internal {
            *self.people.entry("excluded").or_default() += 1;
            return Ok(());
        }
        let named = person
            .signs
            .iter()
            .any(|sign| matches!(sign.what, What::Enter(stage) if stage > Stage::Anonymous));
        let kind = if named { "known" } else { "anonymous" };
        *self.people.entry(kind).or_default() += 1;
        let told = passage(&self.world.calendar, person.signs.clone(), false);
        self.count(&person_id(person), &told, false)?;
        self.mqls(&told, &person.touches);
        if let Some(stage) = told.stock {
            self.stages[stage as usize].stock += 1;
        }
        Ok(())
    }

    /// Adds an opportunity that names nobody.
    pub(super) fn direct(&mut self, id: &str, signs: &[Sign]) -> Result<(), DemoError> {
        *self.dirt.entry("opportunity without a person").or_default() += 1;
        let told = passage(&self.world.calendar, signs.to_vec(), true);
        if let Some(stage) = told.stock {
            self.stages[stage as usize].stock_direct += 1;
        }
        self.count(&format!("opportunity:{id}"), &told, true)
    }

    fn count(&mut self, id: &str, told: &Passage, direct: bool) -> Result<(), DemoError> {
        for entry in &told.entries {
            self.entry(entry);
            let text = csv(id, entry, direct);
            self.line(&text)?;
            self.step(entry, &told.entries);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) {
        let stage = &mut self.stages[entry.stage as usize];
        *stage.outcomes.entry(entry.outcome.name()).or_default() += 1;
        if entry.implied {
            stage.implied += 1;
            return;
        }
        stage.entries += 1;
        stage.net_new += u64::from(entry.net_new);
        let mut month = date_text(entry.on);
        month.truncate(7);
        *stage.months.entry(month).or_default() += 1;
    }

    /// What followed an observed entry in its cycle.
    fn step(&mut self, entry: &Entry, all: &[Entry]) {
        let place = entry.stage as usize;
        if entry.implied || place >= self.steps.len() {
            return;
        }
        let step = &mut self.steps[place];
        step.n += 1;
        let next = all.iter().find(|next| {
            next.cycle == entry.cycle && next.stage as usize == place + 1 && next.at >= entry.at
        });
        let Some(next) = next else {
            return;
        };
        let won = next.outcome == Outcome::Won;
        if next.stage != Stage::Closed || won {
            step.converted += 1;
            step.converted_within_90_days += u64::from(next.at - entry.at <= 90 * DAY);
        }
        if !next.implied && is_prompt(entry) && is_prompt(next) {
            step.seconds.push(next.at - entry.at);
            if won {
                self.days_to_won.push(next.at - entry.at);
            }
        }
    }

    fn mqls(&mut self, told: &Passage, touches: &[Touch]) {
        let mut counted: Option<At> = None;
        let mqls = told.entries.iter();
        for mql in mqls.filter(|entry| entry.stage == Stage::Mql && !entry.implied) {
            let quarter = self.quarters.entry(quarter(mql.on)).or_default();
            quarter.entries += 1;
            if mql.customer || counted.is_some_and(|last| mql.at - last < RESUBMISSION) {
                continue;
            }
            counted = Some(mql.at);
            quarter.counted += 1;
            *self.weeks.entry(mql.on - weekday(mql.on)).or_default() += 1;
            let of_cycle = told.entries.iter();
            let mut of_cycle = of_cycle.filter(|entry| entry.cycle == mql.cycle);
            if of_cycle.any(|entry| entry.stage >= Stage::Sal) {
                quarter.accepted += 1;
            } else if mql.outcome == Outcome::Open {
                quarter.pending += 1;
            } else {
                quarter.rejected += 1;
            }
            let outcome = first_touch(mql, touches);
            *quarter.first_touch.entry(outcome).or_default() += 1;
        }
    }

    fn line(&mut self, text: &str) -> Result<(), DemoError> {
        let written = self.csv.write_all(text.as_bytes());
        written.map_err(|source| DemoError::Write {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes `truth.json` and ends `truth.csv`.
    pub(super) fn finish(
        mut self,
        folder: &Path,
        plan: &Plan,
        faults: &[Fault],
    ) -> Result<(), DemoError> {
        self.csv.flush().map_err(|source| DemoError::Write {
            path: self.path.clone(),
            source,
        })?;
        let told = json!({
            "plan": plan,
            "zone": "America/New_York",
            "people": self.people,
            "stages": self.stage_list(),
            "steps": self.step_list(),
            "days_to_won": days(&mut self.days_to_won),
            "mql_weeks": recent_weeks(&self.world.calendar, &self.weeks),
            "mql_quarters": quarter_list(&self.quarters),
            "dirt": self.dirt,
            "faults": faults,
        });
        let text = format!("{told:#}\n");
        fs::write(&folder.join("truth.json"), text.as_bytes())?;
        Ok(())
    }

    fn stage_list(&self) -> Vec<Value> {
        let stages = Stage::ALL.into_iter().zip(&self.stages);
        let list = stages.map(|(stage, truth)| {
            json!({
                "stage": stage.id(),
                "entries": truth.entries,
                "implied": truth.implied,
                "net_new": truth.net_new,
                "re_entries": truth.entries - truth.net_new,
                "stock": truth.stock,
                "stock_direct": truth.stock_direct,
                "months": truth.months,
                "outcomes": truth.outcomes,
            })
        });
        list.collect()
    }

    fn step_list(&mut self) -> Vec<Value> {
        let steps = Stage::ALL.into_iter().zip(Stage::ALL.into_iter().skip(1));
        let list = steps.zip(&mut self.steps).map(|((from, to), step)| {
            json!({
                "from": from.id(),
                "to": to.id(),
                "n": step.n,
                "converted": step.converted,
                "converted_within_90_days": step.converted_within_90_days,
                "velocity": days(&mut step.seconds),
            })
        });
        list.collect()
    }
}

/// An entry that was confirmed more than a day after it was implied has no time of its own.
fn is_prompt(entry: &Entry) -> bool {
    entry.confirmed_at.is_none_or(|at| at - entry.at <= DAY)
}

/// The first touch by a person's rep at or after the MQL, by elapsed time.
fn first_touch(mql: &Entry, touches: &[Touch]) -> &'static str {
    let mut real = touches.iter().filter(|touch| {
        let counts = !matches!(touch.kind, TouchKind::Automated | TouchKind::Note);
        counts && touch.at >= mql.at
    });
    let touched = real.next().map(|touch| touch.at);
    let ended = match mql.outcome {
        Outcome::Recycled | Outcome::Disqualified => mql.exited_at,
        _ => None,
    };
    match (touched, ended) {
        (Some(at), Some(end)) if at > end => "rejected before a touch",
        (None, Some(_)) => "rejected before a touch",
        (None, None) => "none yet",
        (Some(at), _) if at - mql.at <= 30 * MINUTE => "within 30 minutes",
        (Some(at), _) if at - mql.at <= DAY => "within 1 day",
        (Some(_), _) => "later",
    }
}

/// The earliest-created record; of two of the same second the one whose key sorts first.
fn person_id(person: &Person<'_>) -> String {
    let keys = person.records().map(|(kind, created, id)| {
        let stream = match kind {
            Kind::MarketoLead => "marketo.lead",
            Kind::Contact => "salesforce.contact",
            _ => "salesforce.lead",
        };
        (created, format!("{stream}:{id}"))
    });
    keys.min().map(|(_, key)| key).unwrap_or_default()
}

fn csv(id: &str, entry: &Entry, direct: bool) -> String {
    let instant = |at: Option<At>| at.map(marketo_instant).unwrap_or_default();
    format!(
        "{id},{},{},{},{},{},{},{},{},{},{},{},{},{direct}\n",
        entry.opportunity,
        entry.cycle,
        entry.stage.id(),
        entry.stage as usize + 1,
        marketo_instant(entry.at),
        date_text(entry.on),
        entry.implied,
        instant(entry.confirmed_at),
        entry.net_new,
        entry.customer,
        entry.outcome.name(),
        instant(entry.exited_at),
    )
}

/// `2026-Q4`
fn quarter(day: i64) -> String {
    let (year, month, _) = civil(day);
    format!("{year}-Q{}", (month + 2) / 3)
}

fn quarter_list(quarters: &BTreeMap<String, Quarter>) -> Vec<Value> {
    let list = quarters.iter().map(|(name, truth)| {
        json!({
            "quarter": name,
            "counted": truth.counted,
            "entries": truth.entries,
            "accepted": truth.accepted,
            "rejected": truth.rejected,
            "pending": truth.pending,
            "first_touch": truth.first_touch,
        })
    });
    list.collect()
}

/// The weeks of the last two quarters.
fn recent_weeks(calendar: &Calendar, weeks: &BTreeMap<i64, u64>) -> Vec<Value> {
    let last = calendar.last();
    let recent = weeks.range(last - 26 * 7..);
    recent
        .map(|(week, n)| json!({ "week_start": date_text(*week), "n": n }))
        .collect()
}

/// Durations in days: exact type-7 quantiles of whole seconds, divided once.
fn days(seconds: &mut [i64]) -> Value {
    seconds.sort_unstable();
    let sum: i64 = seconds.iter().sum();
    let n = i64::try_from(seconds.len()).unwrap_or(i64::MAX);
    let mean = (n > 0).then(|| ratio(sum, n * DAY));
    json!({
        "n": n,
        "mean_days": mean,
        "median_days": quantile(seconds, 5),
        "p90_days": quantile(seconds, 9),
    })
}

/// The quantile of so many tenths.
fn quantile(sorted: &[i64], tenths: i64) -> Option<f64> {
    let last = i64::try_from(sorted.len()).ok()? - 1;
    let position = last * tenths;
    let place = usize::try_from(position / 10).ok()?;
    let low = *sorted.get(place)?;
    let high = sorted.get(place + 1).copied().unwrap_or(low);
    Some(ratio(low * 10 + (high - low) * (position % 10), 10 * DAY))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums of seconds stay far below 2^53"
)]
fn ratio(above: i64, below: i64) -> f64 {
    above as f64 / below as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    // Type 7 interpolates between the neighbours; of nothing there is no median.
    #[test]
    fn quantiles_are_of_type_7() {
        let sorted = [DAY, 2 * DAY, 4 * DAY, 8 * DAY];
        assert_eq!(quantile(&sorted, 5), Some(3.0));
        assert_eq!(quantile(&sorted, 9), Some(6.8));
        assert_eq!(quantile(&[], 5), None);
    }
}
