//! The archive's index, `archive/index.html`: the one page there that changes. It is made from what a
//! version lists and nothing else, so that whoever makes it for one version makes the same bytes; what
//! befalls it undoes no night.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::civil::Date;

use crate::clock::RunId;
use crate::config::Config;
use crate::pipeline::{PipelineError, Templates};
use crate::report::{Archive, ArchivedFile, Edition, archive_page};
use crate::warehouse::{FileKind, Version, Warehouse};

const INDEX: &str = "archive/index.html";
const STUB: &str = ".erased.json";

/// Brings the index up to the newest version; what stands in the way, in words. The next run catches
/// up.
pub(in crate::pipeline) async fn index(config: &Config, warehouse: &Warehouse) -> Option<String> {
    let error = write(config, warehouse).await.err()?;
    let told = super::in_full(&error);
    Some(format!(
        "The archive's index is that of an earlier version: {told}"
    ))
}

async fn write(config: &Config, warehouse: &Warehouse) -> Result<(), PipelineError> {
    let Some(newest) = warehouse.latest().await? else {
        return Ok(());
    };
    let archive = Archive {
        company: config.company.clone(),
        as_of: newest.as_of,
        editions: editions(&newest),
    };
    let templates = Templates::load(&config.templates)?;
    let page = Bytes::from(archive_page(&archive, &templates)?);
    let store = warehouse.store();
    if store.find(INDEX).await?.as_ref() == Some(&page) {
        return Ok(());
    }
    match store.replace(INDEX, page.clone()).await {
        // The answer may be lost, and the page written all the same.
        Err(error) if store.find(INDEX).await?.as_ref() != Some(&page) => Err(error.into()),
        _ => Ok(()),
    }
}

/// What the paths of a version's pages, their stubs and its mails tell.
fn editions(version: &Version) -> Vec<Edition> {
    let mut editions: BTreeMap<(&str, &str), Edition> = BTreeMap::new();
    for file in version.files_of(FileKind::Archive) {
        let path = file.path.strip_prefix("archive/").unwrap_or(&file.path);
        let was = path.strip_suffix(STUB);
        // A stub lies below the run that erased.
        let place = was
            .and_then(|was| was.split_once('/'))
            .map_or(path, |(_, was)| was);
        let Some((run, report, label)) = parts(place) else {
            continue;
        };
        // A mail's stub lies there too.
        let is_page = label == "html";
        let Some(as_of) = day(run).filter(|_| is_page || was.is_none()) else {
            continue;
        };
        let edition = editions.entry((run, report)).or_insert_with(|| Edition {
            report: report.to_owned(),
            as_of,
            page: None,
            files: Vec::new(),
            mails: 0,
        });
        let archived = ArchivedFile {
            path: path.to_owned(),
            label: label.to_owned(),
            sha256: file.sha256.clone(),
        };
        match (was, is_page) {
            (Some(_), _) => {}
            (None, true) => edition.page = Some(archived),
            (None, false) => edition.files.push(archived),
        }
    }
    count_mails(version, &mut editions);
    editions.into_values().collect()
}

/// A mail's envelope is named `<as-of>-<report>-<hash>.json`.
fn count_mails<'a>(version: &'a Version, editions: &mut BTreeMap<(&'a str, &'a str), Edition>) {
    for file in version.files_of(FileKind::Outbox) {
        let place = file.path.strip_prefix("outbox/").unwrap_or(&file.path);
        let Some((run, id, "json")) = parts(place) else {
            continue;
        };
        let named = id.get(11..).and_then(|rest| rest.rsplit_once('-'));
        let edition = named.and_then(|(report, _)| editions.get_mut(&(run, report)));
        if let Some(edition) = edition {
            edition.mails += 1;
        }
    }
}

/// `<run>/<report>.<label>`; none of anything else.
fn parts(place: &str) -> Option<(&str, &str, &str)> {
    let (run, name) = place.split_once('/')?;
    let (report, label) = name.split_once('.')?;
    let is_own = RunId::begins(run) && !name.contains('/') && !is_of_some(label);
    is_own.then_some((run, report, label))
}

/// Whether a file is for those who do not see everything: between its name and its ending stands a hash.
/// Who finds the index need not find such.
fn is_of_some(label: &str) -> bool {
    let hash = label.split_once('.').map_or("", |(hash, _)| hash);
    hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The day that a run stands for.
fn day(run: &str) -> Option<Date> {
    run.get(..10)?.parse().ok()
}
