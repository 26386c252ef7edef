//! Reports of a run: which are due, what they say, and how they get into the outbox.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::gates::{self, Decided, Decision, Gate};
use super::summary::{ReportPage, RunSummary};
use super::{PipelineError, Session, Templates, restate};
use crate::clock;
use crate::config::{Config, Report, Schedule};
use crate::delivery::{self, DeliveryError, Outgoing};
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
    /// What was decided of reports before.
    pub(super) decided: &'a [Decided],
    /// The reports that are meant; none: all.
    pub(super) only: Option<&'a BTreeSet<String>>,
}

impl Due<'_> {
    /// Renders every due report into the archive, and a mail for each recipient into the outbox; and
    /// records what was told. A report whose gates are shut is held or, when its time is up, told to be
    /// not ready.
    pub(super) async fn queue(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        let as_of = summary.as_of;
        let reports = self.config.reports.iter();
        let meant = |name: &String| self.only.is_none_or(|only| only.contains(name));
        let due = reports.filter(|it| is_due(it.schedule, as_of) && meant(&it.name));
        let (mut told, mut decided) = (Vec::new(), Vec::new());
        for report in due {
            if let Some(withheld) = self.withhold(report, draft, summary).await? {
                decided.push(withheld);
                continue;
            }
            let set = metrics::figures(self.session, self.config, &report.name, as_of).await?;
            let rendered = report::render(&set, self.templates)?;
            let judged = gates::judge(report, &set, self.decided);
            if self.mails && gates::has_conditions(report) {
                decided.push(judged.decided(report, as_of));
            }
            match &judged.skip {
                Some(why) if self.mails => summary.skip(&report.name, why),
                _ => self.queue_mails(report, &rendered, draft, summary).await?,
            }
            let page = rendered.page.into_bytes().into();
            let path = draft
                .put(FileKind::Archive, &format!("{}.html", report.name), page)
                .await?;
            let name = report.name.clone();
            summary.reports.push(ReportPage { name, path });
            told.push((set, rendered.told));
        }
        gates::record(draft, &decided).await?;
        let (schema, rows) = metrics::published(draft.run_id(), draft.commit_no(), &told)?;
        draft.append(restate::PUBLISHED, &schema, &[rows]).await?;
        Ok(())
    }

    /// A mail for each recipient.
    async fn queue_mails(
        &self,
        report: &Report,
        rendered: &Rendered,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        let (config, as_of) = (self.config, summary.as_of);
        for recipient in report.recipients.iter().filter(|_| self.mails) {
            let from = &config.delivery.from;
            let dated = dated(as_of, config);
            let mail = delivery::compose(rendered, recipient, from, as_of, dated)?;
            queue(draft, &mail).await?;
            summary.mails += 1;
        }
        Ok(())
    }

    /// What is decided of a report whose data is not there; none where it is.
    async fn withhold(
        &self,
        report: &Report,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<Option<Decided>, PipelineError> {
        // What nobody is mailed need not wait.
        if !self.mails {
            return Ok(None);
        }
        let (config, as_of) = (self.config, summary.as_of);
        let version = draft.version();
        let gate = gates::gate(report, config, &version, as_of, clock::now());
        let (outcome, missing) = match gate {
            Gate::Open => return Ok(None),
            Gate::Held(missing) => (Decision::Held, missing),
            Gate::Late(missing) => (Decision::NotReady, missing),
        };
        summary.withhold(report, outcome, &missing);
        if outcome == Decision::NotReady {
            for recipient in &report.recipients {
                let from = &config.delivery.from;
                let name = &report.name;
                let dated = dated(as_of, config);
                let mail = delivery::not_ready(name, &missing, recipient, from, as_of, dated)?;
                queue(draft, &mail).await?;
                summary.mails += 1;
            }
        }
        Ok(Some(Decided {
            as_of,
            report: report.name.clone(),
            outcome,
            reason: Some(missing.join("; ")),
            sha256: None,
        }))
    }
}

/// The `Date` of a day's mails: the instant at which the day had ended.
fn dated(as_of: Date, config: &Config) -> Timestamp {
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

/// Renders one report from a published version; sends nothing and changes nothing. How many persons
/// were erased since comes with it.
pub(crate) async fn render_one(
    config: &Config,
    name: &str,
    as_of: Option<Date>,
) -> Result<(Date, Rendered, usize), PipelineError> {
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
    Ok((
        as_of,
        report::render(&set, &templates)?,
        reader.erased_since(),
    ))
}
