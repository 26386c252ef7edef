//! What goes with a report's mails, and what bounds it: the keys `attach`, `max_size`, `archive_url`
//! and `pdf`.

use std::path::{Path, PathBuf};

use url::Url;

use super::reader::{Field, Reader};
use super::yaml::Node;

/// What is attached to the mails of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attach {
    /// One workbook, a sheet for each query.
    Xlsx,
    /// A file for each query.
    Csv,
    /// The whole HTML page.
    Page,
    /// The page as a browser prints it.
    Pdf,
}

/// What bounds attachments, and where they are made and found.
#[derive(Debug, Clone)]
pub(crate) struct Attachments {
    /// The largest message, encoded, in bytes.
    pub(crate) max_size: u64,
    /// Where readers find the warehouse's folder `archive`; ends in `/`.
    pub(crate) archive_url: Option<Url>,
    /// The browser that prints; none: the one in the program's path.
    pub(crate) chromium: Option<PathBuf>,
}

impl Default for Attachments {
    fn default() -> Self {
        Self {
            max_size: MAX_SIZE,
            archive_url: None,
            chromium: None,
        }
    }
}

/// What most servers take.
const MAX_SIZE: u64 = 10_000_000;
/// Under this, hardly a mail without attachments would pass.
const LEAST_SIZE: u64 = 100_000;

const WORDS: [(&str, Attach); 4] = [
    ("xlsx", Attach::Xlsx),
    ("csv", Attach::Csv),
    ("page", Attach::Page),
    ("pdf", Attach::Pdf),
];

/// The list `attach` of a report: the page unless told.
pub(super) fn read(reader: &Reader<'_>, attach: &Field<'_>) -> Option<Vec<Attach>> {
    attach.or(vec![Attach::Page], |list| {
        reader.tell_repeated(list.items().iter().filter_map(Node::named), "attachment");
        reader.list(list, |item| reader.choice(item, "attachment", &WORDS))
    })
}

/// The keys of `delivery` about attachments.
pub(super) fn read_bounds(
    reader: &Reader<'_>,
    [max_size, archive_url, pdf]: [&Field<'_>; 3],
    folder: &Path,
) -> Option<Attachments> {
    let max_size = max_size.or(MAX_SIZE, |node| size(reader, node));
    let archive_url = archive_url.optional(|node| url(reader, node));
    let chromium = pdf.optional(|node| {
        let [chromium] = reader.fields(node, "`pdf`", ["chromium"])?;
        chromium.required(|node| reader.text(node).map(|text| folder.join(text)))
    });
    Some(Attachments {
        max_size: max_size?,
        archive_url: archive_url?,
        chromium: chromium?,
    })
}

/// `10 MB`: a thousand thousand bytes to the megabyte.
fn size(reader: &Reader<'_>, node: &Node) -> Option<u64> {
    let text = reader.quantity(node)?;
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let of_unit = match unit.trim() {
        "MB" => 1_000_000,
        "kB" => 1_000,
        _ => 0,
    };
    let bytes = number
        .parse()
        .ok()
        .map(|number: u32| u64::from(number) * of_unit);
    let bytes = bytes.filter(|bytes| *bytes >= LEAST_SIZE);
    bytes.or_else(|| {
        let what = format!("`{text}` is no size of a mail");
        reader.refuse(
            node,
            what,
            "Write it as `10 MB` or `500 kB`, of at least 100 kB",
        )
    })
}

/// A web address, without anything secret in it.
fn url(reader: &Reader<'_>, node: &Node) -> Option<Url> {
    let mut text = reader.text(node)?;
    if !text.ends_with('/') {
        text.push('/');
    }
    let plain = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    Url::parse(&text).ok().filter(plain).or_else(|| {
        let what = "This is no web address that a mail may show";
        let fix =
            "Write it as `https://reports.example.com/archive`, without a password or a query";
        reader.refuse(node, what, fix)
    })
}
