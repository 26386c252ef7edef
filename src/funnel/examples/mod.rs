//! The examples of a definition: made-up persons go through the same evidence and the same walk as
//! real ones, and what comes out is held against what is expected.

mod rows;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::FunnelError;
use super::derive::Past;
use crate::config::{Entered, Example, Expected, Funnel};
use crate::problem::{Problem, Problems};
use crate::warehouse::Session;

/// An entry that came out.
#[derive(Debug, Deserialize)]
struct Came {
    stage: String,
    entered_at: Timestamp,
    entered_on: Date,
    implied: bool,
}

/// Runs every example of a definition over the columns of `past`; gives what came out otherwise than
/// expected, at its place in the file.
///
/// # Errors
/// `Definition` tells every line of an example that does not fit the deployment's columns.
pub(crate) async fn failures(
    past: &Past,
    funnel: &Funnel,
    zone: &TimeZone,
) -> Result<Vec<Problem>, FunnelError> {
    let mut problems = Vec::new();
    let mut failures = Vec::new();
    for example in &funnel.examples {
        match rows::tables(past, example, zone) {
            Err(more) => problems.extend(more),
            Ok(mut rows) => {
                let session = Session::new(example.as_of, zone);
                let made = past.with_rows(&session, &mut rows, funnel, zone)?;
                made.walk(&session, &[funnel], zone)?;
                let came = session.query("entries", ENTRIES).await?.rows()?;
                failures.extend(judge(example, &came, zone));
            }
        }
    }
    if problems.is_empty() {
        Ok(failures)
    } else {
        Err(FunnelError::Definition(Problems(problems)))
    }
}

const ENTRIES: &str = "select stage, entered_at, entered_on, implied from stage_entry
    where not carried order by entered_at, cycle, stage_order";

/// Where an example came out otherwise.
fn judge(example: &Example, came: &[Came], zone: &TimeZone) -> Vec<Problem> {
    let differs = |expected: &&Expected| {
        let own: Vec<&Came> = came
            .iter()
            .filter(|it| it.stage == expected.stage)
            .collect();
        let same = own.len() == expected.entries.len();
        !same
            || !own
                .iter()
                .zip(&expected.entries)
                .all(|(it, entered)| it.is(entered, zone))
    };
    let failed = example.expected.iter().filter(differs);
    failed
        .map(|expected| {
            let own = came.iter().filter(|it| it.stage == expected.stage);
            let timed = expected
                .entries
                .iter()
                .any(|entered| entered.time.is_some());
            let own: Vec<String> = own.map(|it| it.shown(timed, zone)).collect();
            let wanted: Vec<String> = expected.entries.iter().map(shown).collect();
            Problem::new(format!(
                "{}: `{}` is {}, and {} is expected",
                example.name,
                expected.stage,
                entered(&own),
                if wanted.is_empty() {
                    "never".to_owned()
                } else {
                    wanted.join(", then ")
                },
            ))
            .at(expected.place.clone())
        })
        .collect()
}

fn entered(entries: &[String]) -> String {
    match entries {
        [] => "never entered".to_owned(),
        entries => format!("entered {}", entries.join(", then ")),
    }
}

impl Came {
    fn is(&self, expected: &Entered, zone: &TimeZone) -> bool {
        let local = self.entered_at.to_zoned(zone.clone()).datetime();
        let at = expected
            .time
            .is_none_or(|time| local == expected.day.to_datetime(time));
        at && self.entered_on == expected.day && self.implied == expected.implied
    }

    /// As it would be written under `expect`.
    fn shown(&self, timed: bool, zone: &TimeZone) -> String {
        let local = self.entered_at.to_zoned(zone.clone());
        let form = if timed { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
        let implied = if self.implied { " implied" } else { "" };
        format!("{}{implied}", local.strftime(form))
    }
}

fn shown(entered: &Entered) -> String {
    let time = entered.time.map(|time| time.strftime(" %H:%M").to_string());
    let implied = if entered.implied { " implied" } else { "" };
    format!("{}{}{implied}", entered.day, time.unwrap_or_default())
}
