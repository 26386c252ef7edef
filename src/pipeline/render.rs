//! Reports of a run: which are due, what they say, and how they get into the outbox.

use jiff::Timestamp;
use jiff::civil::Date;

use super::summary::{ReportPage, RunSummary};
use super::{PipelineError, Session, Templates, Version, Warehouse, restate};
use crate::clock;
use crate::config::{Config, Schedule};
use crate::delivery::{self, DeliveryError, Envelope, Ledger, Outgoing};
use crate::metrics;
use crate::report::{self, Rendered};
use crate::warehouse::{Draft, FileKind};

/// Whether a report is due when the day `as_of` has ended.
fn is_due(schedule: Schedule, as_of: Date) -> bool {
    match schedule {
        Schedule::Daily => true,
        Schedule::Weekly(last_day) => as_of.weekday() == last_day,
    }
}

/// What the due reports of a night are made of.
pub(super) struct Due<'a> {
    pub(super) config: &'a Config,
    pub(super) session: &'a Session,
    pub(super) templates: &'a Templates,
    /// Whether recipients are mailed.
    pub(super) mails: bool,
}

impl Due<'_> {
    /// Renders every due report into the archive, and a mail for each recipient into the outbox; and
    /// records what was told.
    pub(super) async fn queue(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        let (config, as_of) = (self.config, summary.as_of);
        let reports = config.reports.iter();
        let mut told = Vec::new();
        for report in reports.filter(|report| is_due(report.schedule, as_of)) {
            let set = metrics::figures(self.session, config, &report.name, as_of).await?;
            let mut rendered = report::render(&set, self.templates)?;
            let page = rendered.page.clone().into_bytes().into();
            let path = draft
                .put(FileKind::Archive, &format!("{}.html", report.name), page)
                .await?;
            let made_of = (report, &set);
            self.attach(draft, summary, made_of, &mut rendered).await?;
            for recipient in report.recipients.iter().filter(|_| self.mails) {
                let dated = dated(as_of, config);
                let from = &config.delivery.from;
                let mail = delivery::compose(&rendered, recipient, from, as_of, dated)?;
                queue(draft, &mail).await?;
                summary.mails += 1;
            }
            summary.reports.push(ReportPage {
                name: report.name.clone(),
                path,
            });
            told.push((set, rendered.told));
        }
        let (schema, rows) = metrics::published(draft.run_id(), draft.commit_no(), &told)?;
        draft.append(restate::PUBLISHED, &schema, &[rows]).await?;
        Ok(())
    }
}

/// The `Date` of a day's mails: the instant at which the day had ended.
pub(super) fn dated(as_of: Date, config: &Config) -> Timestamp {
    clock::day_end(as_of, &config.time_zone)
}

async fn queue(draft: &mut Draft, mail: &Outgoing) -> Result<(), PipelineError> {
    let id = &mail.envelope.id;
    let envelope =
        serde_json::to_vec(&mail.envelope).map_err(|source| DeliveryError::Envelope {
            id: id.clone(),
            source,
        })?;
    draft
        .put(FileKind::Outbox, &format!("{id}.json"), envelope.into())
        .await?;
    draft
        .put(
            FileKind::Outbox,
            &format!("{id}.eml"),
            mail.message.clone().into(),
        )
        .await?;
    Ok(())
}

/// The mails in a version's outbox, whichever night queued them, that are not settled.
pub(super) async fn unsettled(
    warehouse: &Warehouse,
    version: &Version,
) -> Result<Vec<Outgoing>, PipelineError> {
    let settled = Ledger::new(warehouse.store()).settled().await?;
    let mut mails = Vec::new();
    for file in version.files_of(FileKind::Outbox) {
        let Some(stem) = file.path.strip_suffix(".json") else {
            continue;
        };
        let id = stem.rsplit('/').next().unwrap_or(stem);
        if settled.contains(id) {
            continue;
        }
        let bytes = warehouse.store().get(&file.path).await?;
        let envelope: Envelope =
            serde_json::from_slice(&bytes).map_err(|source| DeliveryError::Envelope {
                id: id.to_owned(),
                source,
            })?;
        let message = warehouse
            .store()
            .get(&format!("{stem}.eml"))
            .await?
            .to_vec();
        mails.push(Outgoing { envelope, message });
    }
    Ok(mails)
}

/// Renders one report from a published version; sends nothing and changes nothing. How many persons
/// were erased since comes with it, and why a file of the report is missing.
pub(crate) async fn render_one(
    config: &Config,
    name: &str,
    as_of: Option<Date>,
) -> Result<(Date, Rendered, usize, Option<String>), PipelineError> {
    let Some(report) = config.reports.iter().find(|report| report.name == name) else {
        let names: Vec<String> = config
            .reports
            .iter()
            .map(|report| format!("`{}`", report.name))
            .collect();
        let fix = format!("name one of {}", names.join(", "));
        return Err(PipelineError::NoReport {
            name: name.to_owned(),
            fix,
        });
    };
    let templates = Templates::load(&config.templates)?;
    let mut reader = super::reader(config, as_of).await?;
    let session = reader.with_all_tables().await?;
    let as_of = reader.as_of();
    let config = config.on(as_of);
    let set = metrics::figures(&session, &config, &report.name, as_of).await?;
    let mut rendered = report::render(&set, &templates)?;
    let why = super::attach::make(&config, report, &set, &mut rendered).await?;
    Ok((as_of, rendered, reader.erased_since(), why))
}
