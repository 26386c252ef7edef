//! Questions about messages, and what is done with them on purpose: list, retry, resend, preview.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::{Value, json};

use super::gates::{self, Decided, Decision};
use super::outbox::{self, Stored};
use super::{PipelineError, RunSummary, deliver, hand_over};
use crate::config::ColumnType::{Bigint, Date as Day, String as Text, Timestamp};
use crate::config::{ColumnType, Config};
use crate::delivery::{self, Entry, Envelope, Ledger, State, Tried};
use crate::fs::{self, StoreError};
use crate::problem::nearest;
use crate::warehouse::{FileKind, Frame, Version, Warehouse, batch_of, schema_of};

const COLUMNS: [(&str, ColumnType); 8] = [
    ("as_of", Day),
    ("report", Text),
    ("recipient", Text),
    ("state", Text),
    ("attempts", Bigint),
    ("at", Timestamp),
    ("reason", Text),
    ("message", Text),
];

/// Which messages are meant; what is not named is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Which {
    pub(crate) as_of: Option<Date>,
    pub(crate) report: Option<String>,
    pub(crate) to: Option<String>,
}

impl Which {
    fn takes(&self, envelope: &Envelope) -> bool {
        let day = self.as_of.is_none_or(|day| envelope.as_of == day);
        let report = self.report.as_ref();
        let to = self.to.as_ref();
        day && report.is_none_or(|report| envelope.report == *report)
            && to.is_none_or(|to| envelope.to.eq_ignore_ascii_case(to))
    }

    fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// Messages with what became of them, newest day first. Where nothing is named: those of the newest
/// published day, and whatever is not settled.
pub(crate) async fn list(config: &Config, which: &Which) -> Result<Frame, PipelineError> {
    let (warehouse, version) = newest(config).await?;
    let ledger = Ledger::new(warehouse.store());
    let states = ledger.states().await?;
    let tries = delivery::tries(warehouse.store()).await?;
    let is_open = |id: &str| states.get(id).is_none_or(|known| !known.state.is_final());
    let mut rows = Vec::new();
    for stored in outbox::all(&warehouse, &version).await? {
        let is_old = |day: Date| which.is_everything() && day < version.as_of;
        if stored.day.is_some_and(is_old) && !is_open(&stored.id) {
            continue;
        }
        let envelope = stored.envelope(&warehouse).await?;
        if is_old(envelope.as_of) && !is_open(&stored.id) {
            continue;
        }
        if which.takes(&envelope) {
            let entry = match states.get(&envelope.id) {
                Some(_) => ledger.newest(&envelope.id).await?,
                None => None,
            };
            let claims = states.get(&envelope.id).map_or(0, |known| known.claims);
            rows.push(row(
                &envelope,
                entry.as_ref(),
                tries.get(&envelope.id),
                claims,
            ));
        }
    }
    rows.reverse();
    rows.extend(unsent(&warehouse, &version, which).await?);
    frame(&rows)
}

/// The reports that are held, or of which there was nothing to say, newest day first.
async fn unsent(
    warehouse: &Warehouse,
    version: &Version,
    which: &Which,
) -> Result<Vec<Value>, PipelineError> {
    let mut newest = BTreeMap::new();
    for decided in gates::decisions(warehouse, version).await? {
        newest.insert((decided.as_of, decided.report.clone()), decided);
    }
    let asked = |decided: &&Decided| {
        let day = if which.is_everything() {
            Some(version.as_of)
        } else {
            which.as_of
        };
        let report = which.report.as_ref();
        which.to.is_none()
            && day.is_none_or(|day| decided.as_of == day)
            && report.is_none_or(|report| *report == decided.report)
    };
    let rows = newest.values().rev().filter(asked).filter_map(|decided| {
        let state = match decided.outcome {
            Decision::Held => "held",
            Decision::Skipped => "skipped",
            Decision::Queued | Decision::NotReady => return None,
        };
        let (as_of, report, reason) = (decided.as_of, &decided.report, &decided.reason);
        Some(json!({"as_of": as_of, "report": report, "state": state, "attempts": 0, "reason": reason}))
    });
    Ok(rows.collect())
}

/// One message: what its newest record says or, where a run tried it later, that run.
fn row(envelope: &Envelope, entry: Option<&Entry>, tried: Option<&Tried>, claims: u32) -> Value {
    let state = entry.map_or(State::Queued, |entry| entry.state);
    let later = tried.filter(|tried| entry.is_none_or(|entry| entry.at < tried.at));
    let (at, reason) = match (later, entry) {
        (Some(tried), _) if !state.is_final() => (Some(tried.at), tried.reason.as_str()),
        (_, Some(entry)) => (Some(entry.at), entry.reason.as_str()),
        _ => (None, ""),
    };
    // A run that was never put off keeps no tries: its one try is the claim.
    let attempts = match tried {
        Some(tried) => tried.attempts + u32::from(later.is_none() && state.is_final()),
        None if reason == delivery::SUPPRESSED => claims,
        None => claims.max(u32::from(state == State::Refused)),
    };
    json!({
        "as_of": envelope.as_of,
        "report": envelope.report,
        "recipient": envelope.to,
        "state": state.as_str(),
        "attempts": attempts,
        "at": at,
        "reason": (!reason.is_empty()).then_some(reason),
        "message": envelope.id,
    })
}

fn frame(rows: &[Value]) -> Result<Frame, PipelineError> {
    let schema = schema_of(&COLUMNS);
    let batch = batch_of(&schema, rows).map_err(super::record::shape)?;
    Ok(Frame {
        name: "deliveries".to_owned(),
        schema,
        batches: vec![batch],
    })
}

/// Tries what waits or is held, now.
pub(crate) async fn retry(config: &Config) -> Result<RunSummary, PipelineError> {
    let (warehouse, version) = newest(config).await?;
    let mut summary = RunSummary::new(version.as_of);
    deliver(config, &warehouse, &version, &mut summary).await?;
    Ok(summary)
}

/// Sends again, on purpose, a message of which nothing was left to do. `who` asks; the ledger keeps it.
pub(crate) async fn resend(
    config: &Config,
    id: &str,
    who: &str,
) -> Result<RunSummary, PipelineError> {
    let (warehouse, version) = newest(config).await?;
    let stored = outbox::all(&warehouse, &version).await?;
    let Some(message) = stored.iter().find(|stored| stored.id == id) else {
        return Err(no_message(id, &stored));
    };
    let mail = message.read(&warehouse).await?;
    let ledger = Ledger::new(warehouse.store());
    let newest = ledger.newest(id).await?;
    let state = newest.as_ref().map_or(State::Queued, |entry| entry.state);
    let settled = newest.filter(|_| state.is_final());
    let asked = match &settled {
        Some(entry) => {
            ledger
                .requeue(entry, &format!("asked for by {who}"))
                .await?
        }
        None => false,
    };
    if !asked {
        return Err(PipelineError::NotSettled {
            id: id.to_owned(),
            state: state.as_str(),
        });
    }
    let mut summary = RunSummary::new(version.as_of);
    hand_over(config, &warehouse, vec![mail], &mut summary).await;
    Ok(summary)
}

fn no_message(id: &str, stored: &[Stored]) -> PipelineError {
    let near = nearest(id, stored.iter().map(|stored| stored.id.as_str()));
    let near = near.map(|near| format!("did you mean `{near}`? "));
    PipelineError::NoMessage {
        id: id.to_owned(),
        fix: near.unwrap_or_default() + "`leadgauge deliver list` shows the messages there are",
    }
}

/// Writes messages as they would be sent, and their recipients' own pages, into a folder. Where nothing
/// is named: those that wait. Changes nothing else.
pub(crate) async fn preview(
    config: &Config,
    which: &Which,
    out: &Path,
) -> Result<Vec<PathBuf>, PipelineError> {
    let (warehouse, version) = newest(config).await?;
    let settled = Ledger::new(warehouse.store()).settled().await?;
    let mut pages = BTreeSet::new();
    let mut written = Vec::new();
    for stored in outbox::all(&warehouse, &version).await? {
        if which.is_everything() && settled.contains(&stored.id) {
            continue;
        }
        let envelope = stored.envelope(&warehouse).await?;
        if !which.takes(&envelope) {
            continue;
        }
        let mail = stored.read(&warehouse).await?;
        // A post is JSON; in the outbox the envelope is what is called so.
        let ending = envelope.channel.map_or("eml", |_| "json");
        written.push(save(
            out,
            &format!("{}.{ending}", envelope.id),
            &mail.message,
        )?);
        pages.extend(envelope.page.map(|page| (page, envelope.as_of)));
    }
    let archived = version.files_of(FileKind::Archive);
    let archived: BTreeSet<&str> = archived.map(|file| file.path.as_str()).collect();
    for (page, as_of) in pages {
        // One that was erased is there no more.
        if archived.contains(page.as_str()) {
            let bytes = warehouse.store().get(&page).await?;
            written.push(save(out, &page_name(&page, as_of), &bytes)?);
        }
    }
    Ok(written)
}

/// `archive/<run>/daily.html` as `daily-2026-11-19.html`.
fn page_name(path: &str, as_of: Date) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".html").unwrap_or(name);
    format!("{stem}-{as_of}.html")
}

fn save(out: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    let path = out.join(name);
    fs::write(&path, bytes)?;
    Ok(path)
}

async fn newest(config: &Config) -> Result<(Warehouse, Version), PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let version = warehouse.latest().await?.ok_or(PipelineError::Empty)?;
    Ok((warehouse, version))
}
