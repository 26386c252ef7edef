//! One data file: its bytes, and the rows that its bytes hold.

use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use sha2::{Digest, Sha256};

use super::order::commits;
use super::{Fault, Named, PUT_BACK};
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{COMMIT_NO, Reading};
use crate::warehouse::history::{self, events};
use crate::warehouse::log::{DataFile, FileKind};

/// Bytes that are read at a time.
const PART: u64 = 8 << 20;

/// All that is wrong with a file. What has not the right bytes is not looked into.
pub(super) async fn check(store: &Store, named: &Named) -> Vec<Fault> {
    match bytes(store, named).await {
        Ok(None) => {}
        Ok(Some(fault)) => return vec![fault],
        Err(error) => return vec![unreadable(store, named, &error.into())],
    }
    match rows(store, named).await {
        Ok(faults) => faults,
        Err(error) => vec![unreadable(store, named, &error)],
    }
}

fn unreadable(store: &Store, named: &Named, error: &WarehouseError) -> Fault {
    Fault::unreadable(store, &named.file.path, named.by, error)
}

fn fault(store: &Store, named: &Named, found: String, stated: &str) -> Fault {
    Fault {
        file: store.shown(&named.file.path),
        found,
        stated: format!("commit {} states {stated}", named.by),
        fix: PUT_BACK,
    }
}

async fn bytes(store: &Store, named: &Named) -> Result<Option<Fault>, StoreError> {
    let file = &named.file;
    let Some(found) = store.size(&file.path).await? else {
        let stated = format!("its {} bytes", file.bytes);
        return Ok(Some(fault(
            store,
            named,
            "is not there".to_owned(),
            &stated,
        )));
    };
    if found != file.bytes {
        let found = format!("has {found} bytes");
        return Ok(Some(fault(store, named, found, &file.bytes.to_string())));
    }
    let found = sha256(store, file).await?;
    if found != file.sha256 {
        let found = format!("has the SHA-256 {found}");
        return Ok(Some(fault(store, named, found, &file.sha256)));
    }
    Ok(None)
}

async fn sha256(store: &Store, file: &DataFile) -> Result<String, StoreError> {
    let mut hash = Sha256::new();
    let mut start = 0;
    while start < file.bytes {
        let end = file.bytes.min(start + PART);
        for part in store.ranges(&file.path, &[start..end]).await? {
            hash.update(&part);
        }
        start = end;
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// What is wrong with a table's rows.
async fn rows(store: &Store, named: &Named) -> Result<Vec<Fault>, WarehouseError> {
    let file = &named.file;
    let keys: &[&str] = match file.kind {
        FileKind::History => &history::ORDER,
        FileKind::Events => &events::ORDER,
        FileKind::Append => &[COMMIT_NO],
        FileKind::Derived => &[],
        FileKind::Archive | FileKind::Outbox | FileKind::Quarantine => return Ok(Vec::new()),
    };
    let reading = Reading::open(store, file).await?;
    let mut faults = Vec::new();
    let found = reading.rows() as u64;
    if found != file.rows {
        let found = format!("holds {found} rows");
        faults.push(fault(store, named, found, &file.rows.to_string()));
    }
    if keys.is_empty() {
        return Ok(faults);
    }
    let mut batches = reading.stream(Some(keys), None)?;
    let mut walk = Walk::default();
    while let Some(batch) = batches.next().await? {
        walk.take(&batch, file);
    }
    faults.extend(walk.faults(store, named, keys));
    Ok(faults)
}

/// What is seen of a file's rows, one after the other; rows are counted from 1.
#[derive(Default)]
struct Walk {
    row: u64,
    last: Option<(String, i64, i64)>,
    lacks_keys: bool,
    /// The first row that should stand before the one before it.
    unordered: Option<u64>,
    /// The first row of a commit that is not among the file's, and that commit.
    stray: Option<(u64, i64)>,
}

/// The columns that order a batch.
struct Keys<'a> {
    ids: Option<&'a StringArray>,
    from: Option<&'a TimestampMicrosecondArray>,
    commits: &'a Int64Array,
}

impl Walk {
    /// What is wrong with the rows that were seen.
    fn faults(&self, store: &Store, named: &Named, keys: &[&str]) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.lacks_keys {
            let found = format!("lacks one of the columns {}", keys.join(", "));
            faults.push(fault(store, named, found, "rows that have them"));
        }
        if let Some(row) = self.unordered {
            let found = format!("is out of order at row {row}");
            let stated = format!("rows in the order of {}", keys.join(", "));
            faults.push(fault(store, named, found, &stated));
        }
        if let Some((row, commit)) = self.stray {
            let found = format!("holds a row of commit {commit}, row {row}");
            faults.push(fault(store, named, found, &commits(&named.file)));
        }
        faults
    }

    fn take(&mut self, batch: &RecordBatch, file: &DataFile) {
        let Some(keys) = Keys::of(batch, file.kind) else {
            self.lacks_keys = true;
            return;
        };
        let [first, last] = file.commits.map(u64::cast_signed);
        let mut before = self.last.take();
        for row in 0..batch.num_rows() {
            self.row += 1;
            let (id, from, commit) = keys.at(row);
            let falls = match (&before, row.checked_sub(1)) {
                (Some((last_id, last_from, last_commit)), None) => {
                    (last_id.as_str(), *last_from, *last_commit) > (id, from, commit)
                }
                (_, Some(row)) => keys.at(row) > (id, from, commit),
                (None, None) => false,
            };
            if falls {
                self.unordered.get_or_insert(self.row);
            }
            if !(first..=last).contains(&commit) {
                self.stray.get_or_insert((self.row, commit));
            }
        }
        if let Some(row) = batch.num_rows().checked_sub(1) {
            let (id, from, commit) = keys.at(row);
            before = Some((id.to_owned(), from, commit));
        }
        self.last = before;
    }
}

impl<'a> Keys<'a> {
    /// None if a column is not there or of another type.
    fn of(batch: &'a RecordBatch, kind: FileKind) -> Option<Self> {
        let ids = || batch.column_by_name("record_id")?.as_string_opt::<i32>();
        let from = || {
            let from = batch.column_by_name("valid_from")?;
            from.as_primitive_opt::<TimestampMicrosecondType>()
        };
        let commits = if kind == FileKind::Append {
            COMMIT_NO
        } else {
            "commit_no"
        };
        let commits = batch.column_by_name(commits)?;
        Some(Self {
            ids: match kind {
                FileKind::History | FileKind::Events => Some(ids()?),
                _ => None,
            },
            from: match kind {
                FileKind::History => Some(from()?),
                _ => None,
            },
            commits: commits.as_primitive_opt::<Int64Type>()?,
        })
    }

    fn at(&self, row: usize) -> (&'a str, i64, i64) {
        let id = self.ids.map_or("", |ids| ids.value(row));
        let from = self.from.map_or(0, |from| from.value(row));
        (id, from, self.commits.value(row))
    }
}
