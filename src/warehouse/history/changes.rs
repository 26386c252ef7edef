//! The rows of a field-history extract, by the record they belong to.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, StringArray};
use jiff::tz::TimeZone;

use crate::config::StreamKind;
use crate::sources::Extract;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::raw::Raw;
use crate::warehouse::schema::Column;

/// One changed field of one record.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) at: i64,
    /// The index of the snapshot's column.
    pub(super) column: usize,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

#[derive(Debug, Default)]
pub(in crate::warehouse) struct Changes {
    /// In the order of their instants; at one instant, in the order of the file.
    by_record: HashMap<String, Vec<Change>>,
    /// Rows whose field is no column of the snapshot.
    pub(super) unknown_fields: u64,
    /// Rows without a record, a field or an instant.
    pub(super) unreadable: u64,
}

impl Changes {
    /// `columns` are those of the snapshot stream. A key that comes twice counts once.
    pub(in crate::warehouse) fn read(
        extract: &Extract,
        columns: &[Column],
        zone: &TimeZone,
    ) -> Result<Self, WarehouseError> {
        let mut changes = Self::default();
        let StreamKind::FieldHistory {
            key,
            record,
            field,
            old,
            new,
            at,
            ..
        } = &extract.kind
        else {
            return Ok(changes);
        };
        let raw = Raw::of(extract)?;
        let instants = raw.instants(at, zone).ok_or_else(|| no_instant(&raw, at))?;
        let (keys, records, fields) = (raw.texts(key)?, raw.texts(record)?, raw.texts(field)?);
        let (old, new) = (raw.texts(old)?, raw.texts(new)?);
        let named = Names::of(columns);
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for batch in 0..raw.batches.len() {
            let [keys, records, fields] = [&keys, &records, &fields].map(|texts| &texts[batch]);
            for (row, at) in instants[batch].iter().enumerate() {
                if value(keys, row).is_some_and(|key| !seen.insert(key)) {
                    continue;
                }
                let (Some(at), Some(record), Some(field)) =
                    (at, value(records, row), value(fields, row))
                else {
                    changes.unreadable += 1;
                    continue;
                };
                let Some(column) = named.find(field) else {
                    changes.unknown_fields += 1;
                    continue;
                };
                let change = Change {
                    at,
                    column,
                    old: value(&old[batch], row).map(str::to_owned),
                    new: value(&new[batch], row).map(str::to_owned),
                };
                found.push((record.to_owned(), change));
            }
        }
        // Stable, so that the file's order stands at one instant.
        found.sort_by_key(|(_, change)| change.at);
        for (record, change) in found {
            let of_record = changes.by_record.entry(record);
            of_record.or_default().push(change);
        }
        Ok(changes)
    }

    /// A record's changes in `after < at <= until`.
    pub(super) fn between(&self, record: &str, after: Option<i64>, until: i64) -> &[Change] {
        let Some(changes) = self.by_record.get(record) else {
            return &[];
        };
        let start = changes.partition_point(|change| after.is_some_and(|after| change.at <= after));
        let end = changes.partition_point(|change| change.at <= until);
        changes.get(start..end).unwrap_or_default()
    }
}

/// The snapshot's columns by every name that a source may use for them, in lower case.
struct Names(HashMap<String, usize>);

impl Names {
    fn of(columns: &[Column]) -> Self {
        let mut names = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            names.insert(column.name.to_lowercase(), index);
        }
        for (index, column) in columns.iter().enumerate() {
            if let Some(original) = &column.original {
                names.entry(original.to_lowercase()).or_insert(index);
            }
        }
        Self(names)
    }

    fn find(&self, field: &str) -> Option<usize> {
        self.0.get(&field.to_lowercase()).copied()
    }
}

fn value(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn no_instant(raw: &Raw, column: &str) -> WarehouseError {
    match raw.require(column) {
        Ok(index) => WarehouseError::NoInstant {
            table: raw.table.clone(),
            column: column.to_owned(),
            kind: raw.batches[0].column(index).data_type().to_string(),
        },
        Err(missing) => missing,
    }
}
