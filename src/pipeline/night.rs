//! One run's work before the commit: what it pulls, and what follows from it.

use std::time::Instant;

use jiff::civil::Date;

use super::judge::Judge;
use super::pull::Pull;
use super::ready::Ready;
use super::record::{self, Record};
use super::summary::{Event, RunSummary, Watch};
use super::{Mails, PipelineError, gates, open_session, render, restate};
use crate::clock::RunId;
use crate::config::Config;
use crate::funnel::{self, Derived};
use crate::metrics;
use crate::warehouse::{Draft, Session, Version, Warehouse};

/// A run in the making. Its extracts stand for the summary's day; a night in its turn publishes that
/// day, any other run publishes the newest day again.
pub(super) struct Night<'a> {
    pub(super) config: &'a Config,
    pub(super) warehouse: &'a Warehouse,
    pub(super) ready: &'a Ready,
    /// The newest published version; none on the first night.
    pub(super) base: Option<&'a Version>,
    pub(super) run_id: &'a RunId,
    pub(super) mails: Mails,
    pub(super) watch: Watch<'a>,
}

impl Night<'_> {
    /// Pulls every stream that was not recorded for the day, and records what is sound.
    pub(super) async fn pull(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        self.step("pulling", summary.as_of);
        let pull = Pull {
            config: self.config,
            as_of: summary.as_of,
            judge: Judge {
                base: self.base,
                canonical: &self.ready.canonical,
                zone: &self.config.time_zone,
            },
            watch: self.watch,
        };
        summary.streams = pull.all(draft).await?;
        draft.merge_due().await?;
        judge_streams(summary)
    }

    /// What follows from the history: derived tables, measures and, on a night in its turn, reports
    /// and mails; and the run's own record.
    pub(super) async fn derive(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        let began = Instant::now();
        let as_of = draft.as_of();
        self.step("deriving", as_of);
        let (session, derived) = self.session(draft, summary).await?;
        let change = restate::compare(self, draft, &session).await?;
        draft
            .append(restate::CHANGES, &change.schema, &change.batches)
            .await?;
        self.step("measuring", as_of);
        let mut measured = metrics::measure(&session, self.config).await?;
        measured.extend(metrics::audit(&session, self.config, &derived.counts).await?);
        for table in derived.tables.iter().chain(&measured) {
            let rows = session.table(table).await?;
            draft.replace(table, &rows.schema, &rows.batches).await?;
        }
        if !summary.late {
            self.step("rendering", as_of);
            let templates = &self.ready.templates;
            let decided = match self.base {
                Some(base) => gates::decisions(self.warehouse, base).await?,
                None => Vec::new(),
            };
            let render = render::Due {
                config: self.config,
                session: &session,
                templates,
                mails: self.mails != Mails::Skip,
                decided: &decided,
                only: None,
            };
            render.queue(draft, summary).await?;
        }
        draft.retain(self.config.retention);
        summary.seconds += began.elapsed().as_secs_f64();
        // The audit is of the derivation alone, so that it can be made again; the change is the night's.
        let mut counts = derived.counts;
        counts.insert("changes_unexplained".to_owned(), change.unexplained);
        let record = Record {
            run_id: self.run_id,
            definition: &self.config.funnel.definition,
            summary,
            counts: &counts,
        };
        record::append(draft, &record).await
    }

    fn step(&self, name: &'static str, as_of: Date) {
        (self.watch)(&Event::Step { name, as_of });
    }

    /// The funnel over what the draft holds, in a session that has all that measures read.
    async fn session(
        &self,
        draft: &Draft,
        summary: &mut RunSummary,
    ) -> Result<(Session, Derived), PipelineError> {
        let Self {
            config,
            warehouse,
            base,
            run_id,
            ..
        } = *self;
        let canonical = &self.ready.canonical;
        let version = draft.version();
        let session =
            open_session(warehouse, Some(&version), config, draft.as_of(), canonical).await?;
        let extracts = record::extract_rows(run_id, summary);
        record::register_extracts(&session, warehouse, base, &extracts).await?;
        let derived = funnel::derive(
            &session,
            canonical,
            &config.definitions(),
            &config.time_zone,
        )
        .await?;
        let left_out = derived.left_out.iter().map(ToString::to_string);
        summary.problems.extend(left_out);
        if let Some(base) = base.filter(|base| base.tables().contains("baseline")) {
            let rows = warehouse.table(base, "baseline").await?;
            session.register_table("baseline", &rows)?;
        }
        Ok((session, derived))
    }
}

/// Streams that did not arrive are problems of the run; without any stream there is no run.
fn judge_streams(summary: &mut RunSummary) -> Result<(), PipelineError> {
    let failed: Vec<_> = summary
        .streams
        .iter()
        .filter(|stream| stream.outcome != "ok")
        .collect();
    let reasons: Vec<String> = failed
        .iter()
        .map(|stream| {
            let message = stream.message.as_deref().unwrap_or_default();
            format!(
                "`{}.{}` is {}: {message}",
                stream.source, stream.stream, stream.outcome
            )
        })
        .collect();
    let transient = failed.iter().all(|stream| stream.transient);
    if failed.len() == summary.streams.len() {
        let reasons = reasons.join("\n");
        return Err(PipelineError::NothingArrived {
            as_of: summary.as_of,
            reasons,
            transient,
        });
    }
    summary.problems.extend(reasons);
    Ok(())
}
