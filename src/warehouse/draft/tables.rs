//! The files of a draft: tables, pages, mails and refused files.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Draft;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::{COMMIT_NO, Writer};
use crate::warehouse::log::{DataFile, FileKind};
use crate::warehouse::schema::{Column, aligned, columns_of, schema_of, with_commit};
use crate::warehouse::upkeep::erase;

/// A data file that is begun.
pub(super) struct Begun {
    pub(super) kind: FileKind,
    pub(super) table: String,
    pub(super) path: String,
    /// What the log states; an internal column is not among them.
    pub(super) columns: Vec<Column>,
    pub(super) writer: Writer,
}

impl Draft {
    /// Puts rows in place of all that a derived table held.
    pub(crate) async fn replace(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let mut added = self.pending.added.iter();
        if added.any(|file| file.kind == FileKind::Derived && file.table == table) {
            return Err(WarehouseError::Twice {
                table: table.to_owned(),
            });
        }
        let old = self.files(FileKind::Derived, table);
        self.store_table(FileKind::Derived, table, schema, batches)
            .await?;
        let old = old.iter().map(|file| file.path.clone());
        self.pending.removed.extend(old);
        Ok(())
    }

    /// Adds rows to a table that only grows.
    pub(crate) async fn append(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        // An empty file tells that the table is there; a second one tells nothing.
        if rows == 0 && !self.files(FileKind::Append, table).is_empty() {
            return Ok(());
        }
        self.store_table(FileKind::Append, table, schema, batches)
            .await
    }

    /// Adds a file to the archive or the outbox; the answer is the path at which it is stored.
    pub(crate) async fn put(
        &mut self,
        kind: FileKind,
        path: &str,
        bytes: Bytes,
    ) -> Result<String, WarehouseError> {
        let folder = if kind == FileKind::Outbox {
            "outbox"
        } else {
            "archive"
        };
        let path = format!("{folder}/{}/{path}", self.run_id());
        self.create(
            DataFile {
                table: String::new(),
                path: path.clone(),
                kind,
                rows: 0,
                bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
                commits: [self.pending.commit_no; 2],
                schema: Vec::new(),
            },
            bytes,
        )
        .await?;
        Ok(path)
    }

    /// Keeps a refused file of the stream `<source>.<stream>` as it came, in a folder of its source
    /// below which its path is that in the source; the answer is the path at which it is stored. Rows
    /// that name somebody erased are cut out of it; where they cannot be, it is not kept.
    pub(crate) async fn put_aside(
        &mut self,
        stream: &str,
        path: &str,
        bytes: Bytes,
    ) -> Result<Option<String>, WarehouseError> {
        let Some(bytes) = erase::kept(self.erased().await?, stream, bytes) else {
            return Ok(None);
        };
        let source = stream.split('.').next().unwrap_or_default();
        let path = format!("quarantine/{}/{source}/{path}", self.run_id());
        // Two streams may be read from one file.
        if self.pending.added.iter().all(|file| file.path != path) {
            let entry = DataFile {
                table: stream.to_owned(),
                path: path.clone(),
                kind: FileKind::Quarantine,
                rows: 0,
                bytes: bytes.len() as u64,
                sha256: sha256(&bytes),
                commits: [self.pending.commit_no; 2],
                schema: Vec::new(),
            };
            self.create(entry, bytes).await?;
        }
        Ok(Some(path))
    }

    async fn store_table(
        &mut self,
        kind: FileKind,
        table: &str,
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<(), WarehouseError> {
        let columns = columns_of(table, schema)?;
        let stored = if kind == FileKind::Append {
            with_commit(&columns)
        } else {
            schema_of(&columns)
        };
        let mut begun = self.begin((kind, table, columns), &stored, &[])?;
        let commit_no = self.commit_no();
        for batch in batches {
            let batch = stamped(batch, &stored, commit_no).map_err(WarehouseError::of(table))?;
            begun.writer.write(&batch).await?;
        }
        self.end(begun, true).await.map(|_| ())
    }

    pub(super) fn begin(
        &mut self,
        (kind, table, columns): (FileKind, &str, Vec<Column>),
        stored: &SchemaRef,
        sorted_by: &[&str],
    ) -> Result<Begun, WarehouseError> {
        let folder = match kind {
            FileKind::History => "history",
            FileKind::Events => "events",
            FileKind::Derived => "derived",
            _ => "tables",
        };
        self.serial += 1;
        let name = table.replace('.', "/");
        let path = format!("{folder}/{name}/{}-{}.parquet", self.run_id(), self.serial);
        Ok(Begun {
            writer: Writer::begin(&self.store, &path, stored, sorted_by)?,
            kind,
            table: table.to_owned(),
            path,
            columns,
        })
    }

    /// Finishes a file and adds it; its bytes. Without rows it is dropped, unless an empty one tells
    /// that the table is there.
    pub(super) async fn end(
        &mut self,
        begun: Begun,
        even_empty: bool,
    ) -> Result<u64, WarehouseError> {
        if begun.writer.rows() == 0 && !even_empty {
            return Ok(0);
        }
        let written = begun.writer.finish().await?;
        self.pending.added.push(DataFile {
            table: begun.table,
            path: begun.path,
            kind: begun.kind,
            rows: written.rows,
            bytes: written.bytes,
            sha256: written.sha256,
            commits: [self.pending.commit_no; 2],
            schema: begun.columns,
        });
        Ok(written.bytes)
    }

    pub(super) async fn create(
        &mut self,
        entry: DataFile,
        bytes: Bytes,
    ) -> Result<(), WarehouseError> {
        self.store.create(&entry.path, bytes).await?;
        self.pending.added.push(entry);
        Ok(())
    }
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn stamped(
    batch: &RecordBatch,
    stored: &SchemaRef,
    commit_no: u64,
) -> Result<RecordBatch, ArrowError> {
    let aligned = aligned(batch, stored)?;
    let Ok(index) = stored.index_of(COMMIT_NO) else {
        return Ok(aligned);
    };
    let mut columns = aligned.columns().to_vec();
    columns[index] = Arc::new(Int64Array::from(vec![
        commit_no.cast_signed();
        batch.num_rows()
    ]));
    RecordBatch::try_new(Arc::clone(stored), columns)
}
