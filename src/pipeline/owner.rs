//! What of a run its owner is told.

use jiff::civil::Date;

use super::summary::{Event, OF_MAIL, OF_REPORT, RunSummary, Watch};
use super::{Mails, PipelineError, Version, Warehouse, hand_over};
use crate::clock;
use crate::config::Config;
use crate::delivery::{self, Findings, Owner, Trouble};

/// The trouble that a night came to nothing.
const NIGHT: &str = "night";
/// The trouble that mails wait.
const MAILS: &str = "mails";
/// How the keys of other troubles begin.
const STREAM: &str = "stream ";
const RUN: &str = "run ";
/// Of a report that is held, before its name.
const REPORT: &str = "report ";
const HELD: &str = "` is held until ";

/// Writes the notice that a run calls for, if the deployment has an owner, and sends it unless mails
/// are to wait.
pub(super) async fn tell(
    config: &Config,
    as_of: Date,
    mails: Mails,
    ended: &mut Result<RunSummary, PipelineError>,
    watch: Watch<'_>,
) {
    if let Err(error) = tried(config, as_of, mails, ended, watch).await {
        let why =
            std::error::Error::source(&error).map_or_else(String::new, |why| format!(": {why}"));
        let what = format!("The owner could not be told: {error}{why}");
        watch(&Event::Note { what });
    }
}

async fn tried(
    config: &Config,
    as_of: Date,
    mails: Mails,
    ended: &mut Result<RunSummary, PipelineError>,
    watch: Watch<'_>,
) -> Result<(), PipelineError> {
    let Some(to) = &config.delivery.owner else {
        return Ok(());
    };
    let warehouse = Warehouse::open(&config.warehouse)?;
    let owner = Owner {
        company: &config.company,
        from: &config.delivery.from,
        to,
    };
    let newest = match ended {
        Ok(_) => warehouse.latest().await?,
        Err(_) => None,
    };
    let known = Known {
        config,
        as_of,
        newest: newest.filter(|newest| newest.as_of == as_of),
    };
    let judged = |key: &str| known.judges(key, ended);
    let findings = Findings {
        as_of,
        today: clock::today(&config.time_zone),
        troubles: known.troubles(ended),
        judged: &judged,
        ended: in_a_sentence(as_of, ended),
    };
    let notice = delivery::notice(warehouse.store(), &owner, &findings).await?;
    if let Some(notice) = notice.filter(|_| mails == Mails::Send) {
        let mut sending = RunSummary::new(as_of);
        hand_over(config, &warehouse, vec![notice], &mut sending).await;
        take_note(ended, sending, watch);
    }
    Ok(())
}

/// That the notice is not sent is a problem of the run; of one that failed there is no more to say.
fn take_note(ended: &mut Result<RunSummary, PipelineError>, sending: RunSummary, watch: Watch<'_>) {
    match ended {
        Ok(summary) if !sending.is_complete() => {
            summary.transient = sending.transient && (summary.transient || summary.is_complete());
            summary.problems.extend(sending.problems);
        }
        Ok(_) => {}
        Err(_) => {
            let problems = sending.problems.into_iter();
            problems.for_each(|what| watch(&Event::Note { what }));
        }
    }
}

/// What a run can speak of.
struct Known<'a> {
    config: &'a Config,
    as_of: Date,
    /// The version of the run's day, where that is the newest day.
    newest: Option<Version>,
}

impl Known<'_> {
    /// Whether a run that does not find a trouble knows that it is over.
    fn judges(&self, key: &str, ended: &Result<RunSummary, PipelineError>) -> bool {
        match ended {
            // Nothing is known but that it failed.
            Err(_) => false,
            Ok(_) if key == MAILS => true,
            // What only shows while a night is worked out is not over because it was not done again.
            Ok(summary) if key.starts_with(RUN) => {
                self.newest.is_some() && !summary.already_published
            }
            Ok(summary) if key.starts_with(REPORT) => {
                let says = |name: &str| key.strip_prefix(REPORT) == Some(name);
                let is_made = summary.reports.iter().any(|page| says(&page.name));
                let is_late = summary
                    .problems
                    .iter()
                    .any(|problem| of_report(problem).is_some_and(says) && !problem.contains(HELD));
                is_made || is_late || (self.newest.is_some() && !summary.already_published)
            }
            Ok(_) => self.newest.is_some(),
        }
    }

    fn troubles(&self, ended: &Result<RunSummary, PipelineError>) -> Vec<Trouble> {
        let summary = match ended {
            Ok(summary) => summary,
            Err(error) => {
                let why = std::error::Error::source(error);
                let why = why.map_or_else(String::new, |why| format!("\nwhy: {why}"));
                let what = format!(
                    "Nothing could be published for {}: {error}{why}",
                    self.as_of
                );
                return vec![trouble(NIGHT.to_owned(), what)];
            }
        };
        let mut troubles = self.streams(summary);
        let others = summary.problems.iter().filter(|problem| {
            let of_stream = |stream: &super::StreamResult| is_of(problem, &stream.table());
            !problem.starts_with(OF_MAIL) && !summary.streams.iter().any(of_stream)
        });
        troubles.extend(others.map(|problem| {
            let key = match of_report(problem).filter(|_| problem.contains(HELD)) {
                Some(report) => format!("{REPORT}{report}"),
                None => format!("{RUN}{}", problem.lines().next().unwrap_or_default()),
            };
            trouble(key, problem.clone())
        }));
        if let Some(first) = summary.waiting.first() {
            let others = summary.waiting.len() - 1;
            let others = (others > 0).then(|| format!("\nand {others} more wait"));
            let what = format!("{first}{}", others.unwrap_or_default());
            troubles.push(trouble(MAILS.to_owned(), what));
        }
        troubles
    }

    /// The streams that are not in the newest night, also where an earlier run published it.
    fn streams(&self, summary: &RunSummary) -> Vec<Trouble> {
        let Some(newest) = &self.newest else {
            return Vec::new();
        };
        let sources = self.config.sources.iter();
        let tables = sources.flat_map(|source| {
            let names = source.streams.iter().map(|stream| &stream.name);
            names.map(|name| format!("{}.{name}", source.name))
        });
        let absent = tables.filter(|table| {
            let state = newest.stream(table);
            !state.is_some_and(|state| state.has(newest.as_of))
        });
        let told = absent.map(|table| {
            let said = summary
                .problems
                .iter()
                .find(|problem| is_of(problem, &table));
            let what = said
                .cloned()
                .unwrap_or_else(|| format!("`{table}` is not in the night of {}", newest.as_of));
            trouble(format!("{STREAM}{table}"), what)
        });
        told.collect()
    }
}

/// Whether a problem is that of a stream.
fn is_of(problem: &str, table: &str) -> bool {
    problem.starts_with(&format!("`{table}` is "))
}

/// The report that a problem is of.
fn of_report(problem: &str) -> Option<&str> {
    problem.strip_prefix(OF_REPORT)?.split('`').next()
}

fn trouble(key: String, what: String) -> Trouble {
    Trouble { key, what }
}

fn in_a_sentence(as_of: Date, ended: &Result<RunSummary, PipelineError>) -> String {
    match ended {
        Err(_) => format!("The run for {as_of} failed, and nothing is published for that day."),
        Ok(summary) => match summary.commit_no {
            Some(number) => format!("{as_of} is published, as version {number}."),
            None => format!("{as_of} is not published."),
        },
    }
}
