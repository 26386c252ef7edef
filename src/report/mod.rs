//! Renders reports: figures in, one self-contained HTML page and one mail out.
//!
//! A report reads the rows of its queries into a typed view, and templates write the view. Same
//! figures, same templates, same bytes.

mod archive;
mod attach;
mod audit;
mod baseline;
mod chart;
mod check;
mod daily;
mod definitions;
mod example;
mod grid;
mod helpers;
mod plain;
mod rows;
mod sentence;
mod sla_weekly;
mod templates;
mod view;
mod words;

use serde::Serialize;

pub(crate) use self::archive::{Archive, ArchivedFile, Edition, archive_page};
pub(crate) use self::attach::{Attachment, Note, attachments, tell};
use self::chart::ChartError;
pub(crate) use self::templates::Templates;
use self::view::Drawing;
use crate::metrics::{MetricSet, Told};
use crate::problem::{Problem, Problems};

const REPORTS: [&str; 5] = ["audit", "baseline", "daily", "definitions", "sla-weekly"];

/// The reports that can be rendered, by name.
pub(crate) fn names() -> &'static [&'static str] {
    &REPORTS
}

/// A report, rendered. Depends on the figures and the templates alone: no render time, no run id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) report: String,
    pub(crate) subject: String,
    /// One self-contained HTML file, light and dark, no script.
    pub(crate) page: String,
    /// The mail's HTML part: tables and inline styles; refers to `images` by content id.
    pub(crate) mail_html: String,
    pub(crate) mail_text: String,
    pub(crate) images: Vec<Image>,
    /// The figures that stand in it.
    pub(crate) told: Vec<Told>,
    /// The files that go with its mails.
    pub(crate) attached: Vec<Attachment>,
}

/// A chart for the mail, PNG at twice its shown size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    pub(crate) content_id: String,
    pub(crate) png: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error("There is no report `{report}`; there are {}", quoted(&REPORTS))]
    Unknown { report: String },
    #[error("Report `{report}` needs the rows of `{file}`")]
    Query { report: String, file: String },
    #[error("Report `{report}`: `{file}` gave {rows} rows where one is expected")]
    OneRow {
        report: String,
        file: String,
        rows: usize,
    },
    #[error("Report `{report}`: `{file}`, row {row}, column `{column}`: expected {expected}")]
    Column {
        report: String,
        file: String,
        row: usize,
        column: String,
        expected: &'static str,
    },
    #[error("Template {file}:{line}:{column}: {what}")]
    Template {
        file: String,
        line: usize,
        column: usize,
        what: String,
    },
    #[error("Report `{report}`: `{what}` cannot be made: {why}")]
    Attachment {
        report: String,
        what: String,
        why: String,
    },
    #[error(transparent)]
    Chart(#[from] ChartError),
}

/// A report's view and the drawings of its mail, before any template has seen them.
struct Prepared {
    view: serde_json::Value,
    drawings: Vec<Drawing>,
    told: Vec<Told>,
}

impl Prepared {
    fn new(view: &impl Serialize, drawings: Vec<Drawing>) -> Self {
        Self {
            view: serde_json::to_value(view).expect("a view has text keys and finite numbers"),
            drawings,
            told: Vec::new(),
        }
    }

    /// Names the figures that the view shows.
    fn telling(self, told: Vec<Told>) -> Self {
        Self { told, ..self }
    }
}

/// Renders the report that `set` holds the figures of.
pub(crate) fn render(set: &MetricSet, templates: &Templates) -> Result<Rendered, ReportError> {
    let prepared = prepare(set)?;
    let mut rendered = write(&set.report, &prepared.view, templates)?;
    rendered.told = prepared.told;
    for drawing in &prepared.drawings {
        rendered.images.push(Image {
            content_id: drawing.content_id.clone(),
            png: drawing.png()?,
        });
    }
    Ok(rendered)
}

/// Renders every report from example figures (none, one row, full) and finds every variable that
/// a template names and its view does not have.
pub(crate) fn check(templates: &Templates) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for report in REPORTS {
        problems.extend(check_report(report, templates));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

fn check_report(report: &str, templates: &Templates) -> Vec<Problem> {
    let unreadable = |error: ReportError| vec![Problem::new(error.to_string())];
    let full = match prepare(&example::full(report)) {
        Ok(full) => full.view,
        Err(error) => return unreadable(error),
    };
    let mut problems: Vec<Problem> = Vec::new();
    for problem in PARTS
        .iter()
        .flat_map(|part| check::unknown_variables(templates, &format!("{report}.{part}"), &full))
    {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    for set in [
        example::empty(report),
        example::one_row(report),
        example::full(report),
    ] {
        let written = prepare(&set).and_then(|it| write(report, &it.view, templates));
        if let Err(error) = written {
            return unreadable(error);
        }
    }
    problems
}

/// What is written of each report, by the end of its template's name.
const PARTS: [&str; 4] = ["subject.txt", "page.html", "mail.html", "mail.txt"];

fn prepare(set: &MetricSet) -> Result<Prepared, ReportError> {
    match set.report.as_str() {
        "audit" => audit::prepare(set),
        "baseline" => baseline::prepare(set),
        "daily" => daily::prepare(set),
        "definitions" => definitions::prepare(set),
        "sla-weekly" => sla_weekly::prepare(set),
        _ => Err(ReportError::Unknown {
            report: set.report.clone(),
        }),
    }
}

fn write(
    report: &str,
    view: &serde_json::Value,
    templates: &Templates,
) -> Result<Rendered, ReportError> {
    let part = |part: &str| templates.render(&format!("{report}.{part}"), view);
    Ok(Rendered {
        report: report.to_owned(),
        subject: words::line(&part("subject.txt")?),
        page: part("page.html")?,
        mail_html: part("mail.html")?,
        mail_text: words::wrapped(&part("mail.txt")?),
        images: Vec::new(),
        told: Vec::new(),
        attached: Vec::new(),
    })
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests;
