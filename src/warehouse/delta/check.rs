//! Whether the Delta logs are what the commit log makes of them.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};

use super::table::{Table, tables_of};
use super::{AT_ONCE, FOLDER, entry, number, path};
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::Commit;
use crate::warehouse::upkeep::verify::Fault;

/// What is wrong with the Delta logs. One that was never written, as before the first export, is no
/// fault.
pub(in crate::warehouse) async fn faults(
    store: &Store,
    commits: &[Commit],
) -> Result<Vec<Fault>, WarehouseError> {
    let mut faults = Vec::new();
    let tables = tables_of(commits);
    let checks = tables.iter().map(|table| of_table(store, table));
    let mut checks = stream::iter(checks).buffered(AT_ONCE);
    while let Some(found) = checks.next().await {
        faults.extend(found?);
    }
    Ok(faults)
}

async fn of_table(store: &Store, table: &Table<'_>) -> Result<Vec<Fault>, WarehouseError> {
    let folder = format!("{}/{FOLDER}", table.folder);
    let listed = store.list(&folder).await?;
    let number = |path: &str| number(path.strip_prefix(&folder)?);
    let mut faults = Vec::new();
    let mut present = BTreeSet::new();
    for file in &listed {
        if let Some(version) = number(&file.path) {
            present.insert(version);
        } else {
            let stated = "only this program writes there".to_owned();
            faults.push(fault(store, &file.path, "is none of its entries", stated));
        }
    }
    if present.is_empty() {
        return Ok(faults);
    }
    let newest = table.newest();
    for version in 0..=newest {
        let path = path(&folder, version);
        if !present.contains(&version) {
            let stated = format!("the commit log goes to commit {newest}");
            faults.push(fault(store, &path, "is not there", stated));
        } else if store.get(&path).await? != entry::bytes(table, version) {
            let stated = "it follows from the commit log".to_owned();
            faults.push(fault(store, &path, "says something else", stated));
        }
    }
    Ok(faults)
}

fn fault(store: &Store, path: &str, found: &str, stated: String) -> Fault {
    Fault {
        file: store.shown(path),
        found: found.to_owned(),
        stated,
        fix: "write the Delta logs anew with `leadgauge warehouse delta`, and let others only read",
    }
}
