//! The index of the archive: every page that was made, by report and month, the newest first, with
//! links to the pages and the files beside them. It names no person.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{ReportError, Templates, words};

/// What is in the archive.
pub(crate) struct Archive {
    pub(crate) company: String,
    /// The newest day that is published.
    pub(crate) as_of: Date,
    pub(crate) editions: Vec<Edition>,
}

/// One report of one night.
pub(crate) struct Edition {
    pub(crate) report: String,
    pub(crate) as_of: Date,
    /// The page; none where it was erased.
    pub(crate) page: Option<ArchivedFile>,
    /// The files beside it.
    pub(crate) files: Vec<ArchivedFile>,
    /// Mails in the outbox.
    pub(crate) mails: usize,
}

#[derive(Clone, Serialize)]
pub(crate) struct ArchivedFile {
    /// Relative to the index.
    pub(crate) path: String,
    /// What follows the report's name.
    pub(crate) label: String,
    pub(crate) sha256: String,
}

#[derive(Serialize)]
struct View<'a> {
    title: &'static str,
    company: &'a str,
    as_of: Date,
    /// What every page has a place for: nothing is left out of this one.
    limits: [&'static str; 0],
    pages: String,
    reports: Vec<Shelf<'a>>,
}

/// All of one report.
#[derive(Serialize)]
struct Shelf<'a> {
    name: &'a str,
    pages: String,
    /// The first row, and where it is on the page.
    newest: Option<Row<'a>>,
    months: Vec<Month<'a>>,
}

#[derive(Serialize)]
struct Month<'a> {
    label: String,
    /// Whether it is shown without being asked for.
    open: bool,
    rows: Vec<Row<'a>>,
}

#[derive(Clone, Serialize)]
struct Row<'a> {
    id: String,
    as_of: Date,
    page: Option<&'a ArchivedFile>,
    /// The page's hash, cut to what is told apart at a glance.
    hash: Option<String>,
    files: &'a [ArchivedFile],
    mails: i64,
}

/// The index as one self-contained HTML file. The order of the editions does not count.
pub(crate) fn archive_page(
    archive: &Archive,
    templates: &Templates,
) -> Result<String, ReportError> {
    let mut by_report: BTreeMap<&str, Vec<&Edition>> = BTreeMap::new();
    for edition in &archive.editions {
        by_report.entry(&edition.report).or_default().push(edition);
    }
    let view = View {
        title: "Report archive",
        company: &archive.company,
        as_of: archive.as_of,
        limits: [],
        pages: pages(archive.editions.len()),
        reports: by_report
            .into_iter()
            .map(|(name, all)| shelf(name, all))
            .collect(),
    };
    templates.render("archive.html", &view)
}

fn shelf<'a>(name: &'a str, mut editions: Vec<&'a Edition>) -> Shelf<'a> {
    let path = |edition: &Edition| edition.page.as_ref().map(|page| page.path.clone());
    editions.sort_by_key(|edition| (edition.as_of, path(edition)));
    editions.reverse();
    let mut months: Vec<Month<'a>> = Vec::new();
    for edition in &editions {
        let label = edition.as_of.strftime("%B %Y").to_string();
        let row = row(edition);
        match months.last_mut().filter(|month| month.label == label) {
            Some(month) => month.rows.push(row),
            None => months.push(Month {
                label,
                open: months.is_empty(),
                rows: vec![row],
            }),
        }
    }
    Shelf {
        name,
        pages: pages(editions.len()),
        newest: editions
            .iter()
            .find(|edition| edition.page.is_some())
            .map(|it| row(it)),
        months,
    }
}

fn row(edition: &Edition) -> Row<'_> {
    let page = edition.page.as_ref();
    Row {
        id: format!("{}-{}", edition.report, edition.as_of),
        as_of: edition.as_of,
        page,
        hash: page.map(|page| page.sha256.chars().take(12).collect()),
        files: &edition.files,
        mails: count(edition.mails),
    }
}

fn pages(number: usize) -> String {
    words::counted(count(number), "page", "pages")
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
