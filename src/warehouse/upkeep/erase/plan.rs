//! What an erasure takes out of a version, looked up before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use futures::stream::{self, StreamExt, TryStreamExt};
use ring::hmac;

use super::aside::{Cut, cut};
use super::matcher::{self, Matcher};
use super::sift::{Of, Sifted, sift};
use super::tombstone::{self, Tombstone, Went};
use super::{Erased, text};
use crate::clock::RunId;
use crate::fs::Store;
use crate::warehouse::Warehouse;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::log::version::Version;
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::upkeep::AT_ONCE;

/// What goes of a version's files.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) matcher: Matcher,
    pub(super) tombstone: Tombstone,
    /// Files with rows or cells that go.
    pub(super) tables: Vec<Arc<DataFile>>,
    /// Pages, mails and their envelopes that a stub will stand for.
    pub(super) papers: Vec<Arc<DataFile>>,
    pub(super) asides: Vec<(Arc<DataFile>, Cut)>,
}

impl Plan {
    /// What goes, by table or kind of file.
    pub(crate) fn went(&self) -> &BTreeMap<String, Went> {
        &self.tombstone.went
    }

    /// Refused files that go whole, since no row can be cut out of them.
    pub(crate) fn whole(&self) -> impl Iterator<Item = &str> {
        let whole = self.asides.iter().filter(|(_, cut)| *cut == Cut::Whole);
        whole.map(|(file, _)| file.path.as_str())
    }

    /// Mails in the outbox that go, by message.
    pub(crate) fn mails(&self) -> impl Iterator<Item = &str> {
        let envelopes = self.papers.iter().filter_map(|file| {
            let id = file.path.strip_suffix(".json")?;
            (file.kind == FileKind::Outbox).then_some(id)
        });
        envelopes.map(|id| id.rsplit('/').next().unwrap_or(id))
    }

    fn count(&mut self, what: &str, went: Went) {
        let before = self.tombstone.went.entry(what.to_owned()).or_default();
        before.add(went);
    }
}

impl Warehouse {
    /// What erasing these persons takes out of a version. Whoever only looks leaves no key behind.
    pub(crate) async fn plan_erasure(
        &self,
        version: &Version,
        erased: &Erased,
        run_id: &RunId,
        rehearsal: bool,
    ) -> Result<Plan, WarehouseError> {
        let store = &self.store;
        let key = match tombstone::key(store).await? {
            Some(key) => key,
            None if rehearsal => tombstone::passing_key(store)?,
            None => tombstone::make_key(store).await?,
        };
        let mut tombstone = Tombstone::new(run_id, version.commit_no + 1, version.as_of);
        tombstone.bury(&key, erased);
        let mut plan = Plan {
            matcher: Matcher::new(key, std::slice::from_ref(&tombstone)),
            tombstone,
            tables: Vec::new(),
            papers: Vec::new(),
            asides: Vec::new(),
        };
        plan.look_at_tables(store, version).await?;
        plan.look_at_papers(store, version, &erased.names).await?;
        plan.look_at_asides(store, version).await?;
        Ok(plan)
    }
}

impl Tombstone {
    fn bury(&mut self, key: &hmac::Key, erased: &Erased) {
        self.persons = erased.persons;
        self.streams.clone_from(&erased.streams);
        for address in &erased.addresses {
            self.addresses.insert(matcher::address(key, address));
        }
        for (table, id) in &erased.records {
            let source = table.split('.').next().unwrap_or(table);
            self.sources.insert(source.to_owned());
            self.lengths.insert(id.len());
            self.records.insert(matcher::record(key, table, id));
            self.ids.insert(matcher::id(key, source, id));
        }
    }
}

impl Plan {
    async fn look_at_tables(
        &mut self,
        store: &Store,
        version: &Version,
    ) -> Result<(), WarehouseError> {
        for file in version.files.iter().filter(|file| file.kind.grows()) {
            let mut went = Went::default();
            let mut batches = Reading::open(store, file).await?.stream(None, None)?;
            while let Some(batch) = batches.next().await? {
                let found = sift_stored(&self.matcher, file, &batch)?;
                went.add(found.map(|found| found.went).unwrap_or_default());
            }
            if went != Went::default() {
                went.files = 1;
                self.count(&file.table, went);
                self.tables.push(Arc::clone(file));
            }
        }
        Ok(())
    }

    /// A mail and its envelope go together, and so do a page, the files beside it, and the mails that
    /// carry it in a form that cannot be looked into.
    async fn look_at_papers(
        &mut self,
        store: &Store,
        version: &Version,
        names: &BTreeSet<String>,
    ) -> Result<(), WarehouseError> {
        let is_paper = |file: &&Arc<DataFile>| {
            let kept = matches!(file.kind, FileKind::Archive | FileKind::Outbox);
            kept && !is_stub(&file.path)
        };
        let papers: Vec<Arc<DataFile>> = version.files.iter().filter(is_paper).cloned().collect();
        let looks = papers.iter().map(|file| async {
            let bytes = store.get(&file.path).await?;
            let names = text::names(&self.matcher, names, &file.path, &bytes);
            let opaque = text::is_opaque(&bytes);
            Ok::<_, WarehouseError>((file.path.as_str(), names, opaque))
        });
        let looked: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let naming = looked.iter().filter(|(_, names, _)| *names);
        let mut named: BTreeSet<&str> = naming.map(|(path, ..)| stem(path)).collect();
        let opaque = looked.iter().filter(|(path, _, opaque)| {
            let page = text::page_of(path);
            *opaque && page.is_some_and(|page| named.contains(stem(&page)))
        });
        let opaque: Vec<&str> = opaque.map(|(path, ..)| stem(path)).collect();
        named.extend(opaque);
        let gone = papers
            .iter()
            .filter(|file| named.contains(stem(&file.path)));
        let gone: Vec<Arc<DataFile>> = gone.cloned().collect();
        for file in &gone {
            let went = Went {
                files: 1,
                ..Went::default()
            };
            self.count(folder_of(&file.path), went);
        }
        self.papers = gone;
        Ok(())
    }

    async fn look_at_asides(
        &mut self,
        store: &Store,
        version: &Version,
    ) -> Result<(), WarehouseError> {
        let is_aside = |file: &&Arc<DataFile>| file.kind == FileKind::Quarantine;
        for file in version.files.iter().filter(is_aside) {
            let bytes = store.get(&file.path).await?;
            let rows = match cut(&self.matcher, &file.table, &bytes) {
                Cut::Stays => continue,
                Cut::Whole => {
                    self.asides.push((Arc::clone(file), Cut::Whole));
                    0
                }
                Cut::Rows(left, rows) => {
                    self.asides.push((Arc::clone(file), Cut::Rows(left, rows)));
                    rows
                }
            };
            let went = Went {
                rows,
                cells: 0,
                files: 1,
            };
            self.count(folder_of(&file.path), went);
        }
        Ok(())
    }
}

/// The rows of a stored batch that stay, if any go or change.
pub(super) fn sift_stored(
    matcher: &Matcher,
    file: &DataFile,
    batch: &RecordBatch,
) -> Result<Option<Sifted>, WarehouseError> {
    let ids = batch.column_by_name("record_id");
    let ids = ids.and_then(|ids| ids.as_string_opt::<i32>());
    let found = sift(matcher, Of::new(&file.table, file.kind), batch, ids);
    found.map_err(WarehouseError::of(&file.table))
}

/// What stands for a page or a mail names nobody, and stays.
pub(super) fn is_stub(path: &str) -> bool {
    path.ends_with(super::work::STUB)
}

/// What the files of one report, or of one mail, have in common: neither has a dot in its name.
fn stem(path: &str) -> &str {
    path.split_once('.').map_or(path, |(stem, _)| stem)
}

fn folder_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}
