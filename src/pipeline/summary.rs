//! What a run did, as a value: nothing here is a global, and whoever runs the pipeline decides what
//! to say of it.

use jiff::civil::Date;
use serde::Serialize;

use super::PipelineError;
use super::gates::Decision;
use crate::config::Report;
use crate::delivery::{Outcome, Receipt};
use crate::warehouse::{Check, Recorded};

/// How the problems of mails begin.
pub(super) const OF_MAIL: &str = "The mail";

/// How the problems of reports begin, before the report's name.
pub(super) const OF_REPORT: &str = "Report `";

/// How one stream fared in a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StreamResult {
    pub(crate) source: String,
    pub(crate) stream: String,
    /// `ok`, `missing` or `quarantined`.
    pub(crate) outcome: &'static str,
    pub(crate) file: Option<String>,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<String>,
    pub(crate) recorded: Recorded,
    /// All that was judged before it was recorded.
    #[serde(skip)]
    pub(crate) checks: Vec<Check>,
    /// Where the warehouse keeps a refused file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    pub(crate) seconds: f64,
    /// What went wrong, with place and fix.
    pub(crate) message: Option<String>,
    #[serde(skip)]
    pub(crate) transient: bool,
}

/// A report of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReportPage {
    pub(crate) name: String,
    pub(crate) path: String,
}

/// What one run did.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RunSummary {
    pub(crate) as_of: Date,
    /// The commit that published; none when nothing was.
    pub(crate) commit_no: Option<u64>,
    /// The as-of date had been published before: nothing was pulled.
    pub(crate) already_published: bool,
    /// The day came late: its extracts joined the history, and nobody is mailed.
    pub(crate) late: bool,
    pub(crate) streams: Vec<StreamResult>,
    /// Reports rendered, and where in the warehouse their pages are.
    pub(crate) reports: Vec<ReportPage>,
    /// Mails put into the outbox.
    pub(crate) mails: usize,
    /// Mails handed over in this run.
    pub(crate) sent: usize,
    /// What failed or was withheld, in words.
    pub(crate) problems: Vec<String>,
    /// Of the problems, those of mails that wait.
    #[serde(skip)]
    pub(super) waiting: Vec<String>,
    /// What is worth knowing and is no failure, in words.
    pub(crate) notes: Vec<String>,
    /// Only passing failures stood in the way: trying again may help.
    pub(crate) transient: bool,
    pub(crate) seconds: f64,
}

impl StreamResult {
    /// `<source>.<stream>`.
    pub(super) fn table(&self) -> String {
        format!("{}.{}", self.source, self.stream)
    }
}

impl RunSummary {
    pub(super) fn new(as_of: Date) -> Self {
        Self {
            as_of,
            commit_no: None,
            already_published: false,
            late: false,
            streams: Vec::new(),
            reports: Vec::new(),
            mails: 0,
            sent: 0,
            problems: Vec::new(),
            waiting: Vec::new(),
            notes: Vec::new(),
            transient: false,
            seconds: 0.0,
        }
    }

    /// A day that came to nothing.
    pub(super) fn failed(as_of: Date, error: &PipelineError) -> Self {
        Self {
            problems: vec![error.to_string()],
            transient: error.is_transient(),
            ..Self::new(as_of)
        }
    }

    /// Takes note of what became of mails.
    pub(super) fn receive(&mut self, receipts: &[Receipt]) {
        let mut passing = 0;
        for receipt in receipts {
            let (told, waits, passes) = match &receipt.outcome {
                Outcome::Sent => {
                    self.sent += 1;
                    continue;
                }
                Outcome::Settled => continue,
                Outcome::Elsewhere => ("is being sent by another run".to_owned(), false, true),
                Outcome::Waits(why) => (format!("waits for the next run: {why}"), true, true),
                Outcome::Held(why) => (format!("waits until this is mended: {why}"), true, false),
                Outcome::Refused(why) => (format!("was refused: {why}"), false, false),
                Outcome::Unknown(why) => {
                    (format!("may or may not have arrived: {why}"), false, false)
                }
            };
            passing += usize::from(passes);
            // To whom it goes stands in the outbox; the log names no person.
            let problem = format!("{OF_MAIL} `{}` {told}", receipt.id);
            if waits {
                self.waiting.push(problem.clone());
            }
            self.problems.push(problem);
        }
        self.transient = passing > 0 && passing == self.problems.len();
    }

    /// Takes note of a report that is held or not ready.
    pub(super) fn withhold(&mut self, report: &Report, outcome: Decision, missing: &[String]) {
        let name = &report.name;
        let missing = missing.join("; ");
        let deadline = report.conditions.gates.as_ref().map(|gates| gates.deadline);
        let until = deadline.map_or_else(String::new, |time| time.strftime("%H:%M").to_string());
        self.problems.push(match outcome {
            Decision::NotReady => {
                format!("{OF_REPORT}{name}` is not ready, as its recipients are told: {missing}")
            }
            _ => format!("{OF_REPORT}{name}` is held until {until}: {missing}"),
        });
    }

    /// Takes note of a report of which there was nothing to say.
    pub(super) fn skip(&mut self, report: &str, why: &str) {
        self.notes
            .push(format!("{OF_REPORT}{report}` is not mailed: {why}"));
    }

    /// Takes note of mails that were not sent, since nobody may write to their recipients.
    pub(super) fn suppress(&mut self, ids: &[String]) {
        let told =
            |id| format!("{OF_MAIL} `{id}` is not sent: `delivery.suppress` names its recipient");
        self.notes.extend(ids.iter().map(told));
    }

    /// Whether everything asked for was done.
    pub(crate) fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What a run is doing now, for whoever watches.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A step of the run begins.
    Step {
        name: &'static str,
        as_of: Date,
    },
    Stream(Box<StreamResult>),
    /// Worth knowing, and no failure of the run's.
    Note {
        what: String,
    },
}

/// Told of every event, in order.
pub(crate) type Watch<'a> = &'a (dyn Fn(&Event) + Sync);
