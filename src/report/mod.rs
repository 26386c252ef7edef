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
mod fit;
mod grid;
mod helpers;
mod limits;
mod own;
mod pictures;
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
pub(crate) use self::pictures::Pictures;
pub(crate) use self::templates::Templates;
use self::view::Drawing;
use crate::metrics::{MetricSet, Told};
use crate::problem::{Place, Problem, Problems};

const REPORTS: [&str; 5] = ["audit", "baseline", "daily", "definitions", "sla-weekly"];

/// The shipped reports, by name.
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
    #[error(
        "Report `{report}`: the query `{query}` has the name of something that every report has\n  \
         fix: call its file otherwise than `{query}.sql`"
    )]
    Taken { report: String, query: String },
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
    render_beside(set, templates, &Pictures::default())
}

/// The same beside other renderings: what `pictures` has is not drawn again.
pub(crate) fn render_beside(
    set: &MetricSet,
    templates: &Templates,
    pictures: &Pictures,
) -> Result<Rendered, ReportError> {
    words::in_locale(set.limits.locale, || {
        let prepared = prepare(set)?;
        let mut rendered = write(&set.report, &prepared.view, templates)?;
        rendered.told = prepared.told;
        for drawing in &prepared.drawings {
            rendered.images.push(Image {
                content_id: drawing.content_id.clone(),
                png: pictures.png(drawing)?,
            });
        }
        Ok(rendered)
    })
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

/// Finds what is wrong with a report of one's own; `set` has the columns of its queries, `place` is
/// its entry in the configuration. A shipped report has been checked already.
pub(crate) fn check_own(set: &MetricSet, place: &Place, templates: &Templates) -> Vec<Problem> {
    if REPORTS.contains(&set.report.as_str()) {
        return Vec::new();
    }
    own::check(set, place, templates)
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
    let mut prepared = match set.report.as_str() {
        "audit" => audit::prepare(set),
        "baseline" => baseline::prepare(set),
        "daily" => daily::prepare(set),
        "definitions" => definitions::prepare(set),
        "sla-weekly" => sla_weekly::prepare(set),
        _ => own::prepare(set),
    }?;
    limits::tell(&mut prepared.view, &set.limits);
    Ok(prepared)
}

fn write(
    report: &str,
    view: &serde_json::Value,
    templates: &Templates,
) -> Result<Rendered, ReportError> {
    let part = |part: &str| templates.render(&format!("{report}.{part}"), view);
    let own_subject = templates.has(&format!("{report}.subject.txt"));
    let subject = if own_subject { report } else { "parts/report" };
    let subject = templates.render(&format!("{subject}.subject.txt"), view)?;
    Ok(Rendered {
        report: report.to_owned(),
        subject: words::line(&subject),
        page: part("page.html")?,
        mail_html: fit::mail(report, view, templates)?,
        mail_text: words::wrapped(&part("mail.txt")?),
        images: Vec::new(),
        told: Vec::new(),
        attached: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
