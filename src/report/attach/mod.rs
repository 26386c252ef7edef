//! The files that go with a report's mails: the rows of its queries as a workbook or as CSV, and its
//! page. Made once for a report, from the figures that the page was made from; same figures, same
//! bytes.

mod cell;
mod csv;
mod names;
mod note;
mod xlsx;

use bytes::Bytes;
use jiff::civil::Date;

pub(crate) use self::note::{Note, tell};
use super::{Rendered, ReportError};
use crate::config::Attach;
use crate::metrics::MetricSet;

/// A file that goes with a report's mails.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attachment {
    /// What follows the report's name: `xlsx`, `stages.csv`. ASCII, fit for any file system.
    pub(crate) suffix: String,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
}

impl Attachment {
    pub(crate) fn new(suffix: &str, media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self {
            suffix: suffix.to_owned(),
            media_type,
            bytes: bytes.into(),
        }
    }

    /// The name under which a reader saves it: report, day and suffix.
    pub(crate) fn file_name(&self, report: &str, as_of: Date) -> String {
        format!("{report}-{as_of}.{}", self.suffix)
    }
}

/// The files of these kinds, but for what only a browser can make.
pub(crate) fn attachments(
    set: &MetricSet,
    rendered: &Rendered,
    kinds: &[Attach],
) -> Result<Vec<Attachment>, ReportError> {
    let mut made = Vec::new();
    for kind in kinds {
        match kind {
            Attach::Xlsx => made.push(xlsx::workbook(set)?),
            Attach::Csv => made.extend(csv::files(set)?),
            Attach::Page => {
                let page = rendered.page.clone().into_bytes();
                made.push(Attachment::new("html", "text/html; charset=utf-8", page));
            }
            Attach::Pdf => {}
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests;
