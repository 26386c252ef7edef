//! Reports of a run: which are due, what they say, and how they get into the outbox.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::gates::{self, Decided, Decision, Gate};
use super::record::{self, ScopeRow};
use super::summary::{ReportPage, RunSummary};
use super::{PipelineError, Session, Templates, recipients, restate};
use crate::clock;
use crate::config::{Config, Listed, Report, Scope, Sees, To};
use crate::delivery::{self, DeliveryError, Outgoing};
use crate::metrics::{self, Figures, Given, MetricSet, Reading, Told};
use crate::report::{self, Pictures, Rendered};
use crate::warehouse::{Draft, FileKind};

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

/// Readers who see alike: they get the same page.
struct Group {
    sees: Sees,
    readers: Vec<To>,
}

/// What a group gets, ready to be put.
struct Done {
    rendered: Rendered,
    set: MetricSet,
    given: Vec<Given>,
}

/// What a night's reports leave to be recorded.
#[derive(Default)]
struct Queued {
    /// By report and scope.
    told: BTreeMap<(String, Option<String>), (MetricSet, Vec<Told>)>,
    proof: Vec<ScopeRow>,
    decided: Vec<Decided>,
}

impl Queued {
    fn keep(&mut self, done: Done) {
        // Its rows are not needed any more, and those of all readers would not fit.
        let set = MetricSet {
            tables: BTreeMap::new(),
            ..done.set
        };
        let scope = (set.report.clone(), set.limits.scope.clone());
        self.told.entry(scope).or_insert((set, done.rendered.told));
    }
}

impl Due<'_> {
    /// Renders every due report into the archive, and a mail for each recipient into the outbox; and
    /// records what was told, and who got which rows. A report whose gates are shut is held or, when its
    /// time is up, told to be not ready.
    pub(super) async fn queue(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<(), PipelineError> {
        let as_of = summary.as_of;
        let meant = |name: &String| self.only.is_none_or(|only| only.contains(name));
        let due = |report: &&Report| {
            report.schedule.is_due(as_of, &self.config.calendar) && meant(&report.name)
        };
        let mut queued = Queued::default();
        for report in self.config.reports.iter().filter(due) {
            if let Some(withheld) = self.withhold(report, draft, summary).await? {
                queued.decided.push(withheld);
                continue;
            }
            match self.groups(report, summary).await {
                Ok((figures, groups)) => {
                    let groups = self.wanted(report, &figures, groups, summary, &mut queued)?;
                    self.put(report, &figures, &groups, draft, summary, &mut queued)
                        .await?;
                }
                Err(error) => summary.problems.push(left_out(report, &error)),
            }
        }
        gates::record(draft, &queued.decided).await?;
        let told: Vec<_> = queued.told.into_values().collect();
        let (schema, rows) = metrics::published(draft.run_id(), draft.commit_no(), &told)?;
        draft.append(restate::PUBLISHED, &schema, &[rows]).await?;
        record::append_scopes(draft, &queued.proof).await
    }

    /// Who gets a report; what is wrong with others is told.
    async fn readers(
        &self,
        report: &Report,
        summary: &mut RunSummary,
    ) -> Result<Vec<Listed>, PipelineError> {
        let mut found = recipients::of_report(self.session, self.config, report).await?;
        summary.problems.append(&mut found.refused);
        let problems = found.problems.iter().map(ToString::to_string);
        summary.problems.extend(problems);
        Ok(found.listed)
    }

    /// The figures of a report, and its readers by what they see; first, with or without readers, those
    /// who see everything, whose page is the archive's.
    async fn groups(
        &self,
        report: &Report,
        summary: &mut RunSummary,
    ) -> Result<(Figures, Vec<Group>), PipelineError> {
        let readers = self.readers(report, summary).await?;
        let mut groups = vec![Group {
            sees: Sees::default(),
            readers: Vec::new(),
        }];
        for listed in readers.into_iter().filter(|_| self.mails) {
            match groups.iter_mut().find(|it| it.sees == listed.sees) {
                Some(group) => group.readers.push(listed.recipient),
                None => groups.push(Group {
                    sees: listed.sees,
                    readers: vec![listed.recipient],
                }),
            }
        }
        let (config, as_of) = (self.config, summary.as_of);
        let scopes = scopes(groups.iter().map(|group| &group.sees));
        let figures =
            metrics::figures_for(self.session, config, &report.name, as_of, &scopes).await?;
        let unknown = figures.unknown.iter();
        let notes = unknown.map(|it| {
            format!(
                "A recipient of `{}` has a scope without rows: {it}",
                report.name
            )
        });
        summary.notes.extend(notes);
        groups.retain(|group| {
            let told = group.sees.scope.is_everything() || figures.tells_apart(&group.sees.scope);
            if !told {
                let problem = recipients::nothing_told(report, &group.sees.scope);
                summary.problems.push(problem.to_string());
            }
            told
        });
        Ok((figures, groups))
    }

    /// The groups that are mailed, or read the archive: what a report's condition leaves of them.
    fn wanted(
        &self,
        report: &Report,
        figures: &Figures,
        mut groups: Vec<Group>,
        summary: &mut RunSummary,
        queued: &mut Queued,
    ) -> Result<Vec<Group>, PipelineError> {
        if !self.mails || !gates::has_conditions(report) {
            return Ok(groups);
        }
        let whole = figures.of(&Sees::default(), &self.config.delivery.privacy)?;
        let judged = gates::judge(report, &whole.set, self.decided);
        queued.decided.push(judged.decided(report, summary.as_of));
        if let Some(why) = &judged.skip {
            summary.skip(&report.name, why);
            groups.retain(|group| group.sees == Sees::default());
            for group in &mut groups {
                group.readers.clear();
            }
        }
        Ok(groups)
    }

    /// Renders a report for each group, into archive and outbox.
    async fn put(
        &self,
        report: &Report,
        figures: &Figures,
        groups: &[Group],
        draft: &mut Draft,
        summary: &mut RunSummary,
        queued: &mut Queued,
    ) -> Result<(), PipelineError> {
        let pictures = Pictures::default();
        // As many at once as are drawn side by side: the mails of all would not fit.
        for some in groups.chunks(side_by_side()) {
            let rendered = self.render(figures, some, &pictures);
            for (group, done) in some.iter().zip(rendered) {
                let mut done = match done {
                    Ok(done) => done,
                    Err(error) => {
                        summary.problems.push(left_out(report, &error));
                        continue;
                    }
                };
                let made = self.messages(report, group, &mut done, draft, summary);
                let messages = match made.await {
                    Ok(messages) => messages,
                    Err(error @ PipelineError::Report(_)) => {
                        summary.problems.push(left_out(report, &error));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                for message in &messages {
                    queue(draft, message).await?;
                    queued.proof.extend(proof(&done, message));
                }
                summary.mails += messages.len();
                queued.keep(done);
            }
        }
        Ok(())
    }

    /// What each of the groups gets, side by side.
    fn render(
        &self,
        figures: &Figures,
        groups: &[Group],
        pictures: &Pictures,
    ) -> Vec<Result<Done, PipelineError>> {
        let render = |group| self.render_group(figures, group, pictures);
        std::thread::scope(|scope| {
            let tasks: Vec<_> = groups
                .iter()
                .map(|group| scope.spawn(move || render(group)))
                .collect();
            let ended = tasks.into_iter().map(std::thread::ScopedJoinHandle::join);
            ended
                .map(|done| done.unwrap_or_else(|failed| std::panic::resume_unwind(failed)))
                .collect()
        })
    }

    fn render_group(
        &self,
        figures: &Figures,
        group: &Group,
        pictures: &Pictures,
    ) -> Result<Done, PipelineError> {
        let privacy = &self.config.delivery.privacy;
        let Reading { set, given } = figures.of(&group.sees, privacy)?;
        let rendered = report::render_beside(&set, self.templates, pictures)?;
        Ok(Done {
            rendered,
            set,
            given,
        })
    }

    /// Puts a group's page into the archive, beside it the files that go with its mails, and composes
    /// what its readers get.
    async fn messages(
        &self,
        report: &Report,
        group: &Group,
        done: &mut Done,
        draft: &mut Draft,
        summary: &mut RunSummary,
    ) -> Result<Vec<Outgoing>, PipelineError> {
        let html = done.rendered.page.clone().into_bytes().into();
        let stem = stem(&report.name, &group.sees);
        let page = draft
            .put(FileKind::Archive, &format!("{stem}.html"), html)
            .await?;
        if group.sees == Sees::default() {
            let (name, path) = (report.name.clone(), page.clone());
            summary.reports.push(ReportPage { name, path });
        }
        let readers = group.readers.iter();
        let (persons, channels): (Vec<&To>, Vec<&To>) =
            readers.partition(|to| matches!(to, To::Person(_)));
        // To a post nothing is attached, so it says nothing of files either.
        let mut messages = self.compose(&channels, done, &page)?;
        if !persons.is_empty() {
            let made_of = (report, &done.set, stem.as_str());
            self.attach(draft, summary, made_of, &mut done.rendered)
                .await?;
        }
        messages.extend(self.compose(&persons, done, &page)?);
        Ok(messages)
    }

    fn compose(
        &self,
        readers: &[&To],
        done: &Done,
        page: &str,
    ) -> Result<Vec<Outgoing>, DeliveryError> {
        let (from, as_of) = (&self.config.delivery.from, done.set.as_of);
        let dated = dated(as_of, self.config);
        let archive = self.config.delivery.attachments.archive_url.as_ref();
        let url = archive.and_then(|url| url.join(page.strip_prefix("archive/")?).ok());
        let rendered = &done.rendered;
        let compose = |reader: &&To| {
            let mut mail = match reader {
                To::Person(person) => delivery::compose(rendered, person, from, as_of, dated)?,
                To::Channel(channel) => {
                    delivery::compose_post(rendered, channel, from, as_of, url.as_ref())?
                }
            };
            mail.envelope.page = Some(page.to_owned());
            Ok(mail)
        };
        readers.iter().map(compose).collect()
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
            for listed in &self.readers(report, summary).await? {
                let from = &config.delivery.from;
                let (name, dated) = (&report.name, dated(as_of, config));
                let mail = match &listed.recipient {
                    To::Person(person) => {
                        delivery::not_ready(name, &missing, person, from, as_of, dated)?
                    }
                    To::Channel(channel) => {
                        delivery::post_not_ready(name, &missing, channel, from, as_of)?
                    }
                };
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

/// A mistake in one report, which `check` finds, does not cost the others their night.
fn left_out(report: &Report, error: &PipelineError) -> String {
    format!("The report `{}` was left out: {error}", report.name)
}

/// Each scope once, in the order of their first readers.
pub(super) fn scopes<'a>(sees: impl Iterator<Item = &'a Sees>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in sees.map(|sees| &sees.scope) {
        if !scope.is_everything() && !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

fn side_by_side() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Which rows of which query a mail holds.
fn proof(done: &Done, mail: &Outgoing) -> Vec<ScopeRow> {
    let of = |given: &Given| ScopeRow {
        report: done.set.report.clone(),
        message: mail.envelope.id.clone(),
        scope: done.set.limits.scope.clone(),
        aggregate: done.set.limits.aggregate,
        given: given.clone(),
    };
    done.given.iter().map(of).collect()
}

/// How the names of a group's files in a night's archive begin. Whoever sees otherwise has files of
/// another name, which does not tell what they see.
fn stem(report: &str, sees: &Sees) -> String {
    if *sees == Sees::default() {
        return report.to_owned();
    }
    let zone = sees.time_zone.as_ref().and_then(|zone| zone.iana_name());
    let (scope, locale) = (sees.scope.words(), sees.locale.as_str());
    let of = format!("{scope}\n{:?}\n{locale}\n{zone:?}", sees.detail);
    let hash = format!("{:x}", Sha256::digest(of));
    format!("{report}.{hash:.12}")
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
            &format!("{id}.{}", mail.envelope.ending()),
            mail.message.clone().into(),
        )
        .await?;
    Ok(())
}
