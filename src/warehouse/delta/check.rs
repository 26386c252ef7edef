//! Whether the Delta logs are what the commit log makes of them.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::name::Name;
use super::table::Table;
use super::{AT_ONCE, all_of, checkpoint, entry, folder};
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::Commit;
use crate::warehouse::upkeep::verify::Fault;

/// What is wrong with the Delta logs. One that was never written, as before the first export, is no
/// fault, and neither are versions that are gone because nobody needs them any more.
pub(in crate::warehouse) async fn faults(
    store: &Store,
    commits: &[Commit],
) -> Result<Vec<Fault>, WarehouseError> {
    let mut faults = Vec::new();
    let tables = all_of(commits);
    let checks = tables.iter().map(|table| of_table(store, table));
    let mut checks = stream::iter(checks).buffered(AT_ONCE);
    while let Some(found) = checks.next().await {
        faults.extend(found?);
    }
    Ok(faults)
}

async fn of_table(store: &Store, table: &Table<'_>) -> Result<Vec<Fault>, WarehouseError> {
    let listed = store.list(&folder(table.folder)).await?;
    let newest = table.newest();
    let last = checkpoint::last(newest);
    let mut faults = Vec::new();
    let mut present = BTreeSet::new();
    for file in &listed {
        let name = Name::split(&file.path).and_then(|(_, name)| name);
        let is_ours = name.is_some_and(|name| match name {
            Name::Entry(_) => true,
            Name::Checkpoint(version) => checkpoint::is_due(version),
            Name::Hint => last > 0,
        });
        present.extend(name.filter(|_| is_ours));
        if !is_ours {
            let stated = "only this program writes there".to_owned();
            faults.push(fault(store, &file.path, "is none of its entries", stated));
        }
    }
    let mut check = Check {
        store,
        table,
        present,
        faults,
    };
    if !check.present.is_empty() {
        for version in 0..=newest {
            check.version(version, version == last).await?;
        }
    }
    Ok(check.faults)
}

struct Check<'a> {
    store: &'a Store,
    table: &'a Table<'a>,
    present: BTreeSet<Name>,
    faults: Vec<Fault>,
}

impl Check<'_> {
    async fn version(&mut self, version: u64, is_last: bool) -> Result<(), WarehouseError> {
        let bytes = entry::bytes(self.table, version);
        let needed = version >= checkpoint::last(self.table.derived_since());
        self.file(Name::Entry(version), &bytes, needed).await?;
        let name = Name::Checkpoint(version);
        if !checkpoint::is_due(version) || !needed && !self.present.contains(&name) {
            return Ok(());
        }
        let checkpoint = checkpoint::of(self.table, version)?;
        self.file(name, &checkpoint.bytes, needed).await?;
        if is_last {
            let hint = checkpoint::hint(version, &checkpoint);
            self.file(Name::Hint, &hint, true).await?;
        }
        Ok(())
    }

    async fn file(
        &mut self,
        name: Name,
        bytes: &Bytes,
        needed: bool,
    ) -> Result<(), WarehouseError> {
        let path = name.path(self.table.folder);
        if !self.present.contains(&name) {
            if needed {
                let stated = format!("the commit log goes to commit {}", self.table.newest());
                let fault = fault(self.store, &path, "is not there", stated);
                self.faults.push(fault);
            }
        } else if self.store.get(&path).await? != *bytes {
            let stated = "it follows from the commit log".to_owned();
            let fault = fault(self.store, &path, "says something else", stated);
            self.faults.push(fault);
        }
        Ok(())
    }
}

fn fault(store: &Store, path: &str, found: &str, stated: String) -> Fault {
    Fault {
        file: store.shown(path),
        found: found.to_owned(),
        stated,
        fix: "write the Delta logs anew with `leadgauge warehouse delta`, and let others only read",
    }
}
