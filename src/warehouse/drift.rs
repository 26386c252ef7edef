//! Columns that come, go and widen between a stream's extracts.

use super::gate::Check;
use super::log::version::{Version, stream_name};
use super::raw;
use super::schema::{Column, columns_of};
use crate::problem::nearest;
use crate::sources::Extract;

/// What an extract's columns are beside those of the stream's last complete extract.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    /// Not there any more.
    pub(crate) vanished: Vec<Column>,
    /// Not there before.
    pub(crate) added: Vec<Column>,
    /// Of a type that holds more than the one before.
    pub(crate) widened: Vec<Column>,
}

impl Drift {
    pub(crate) fn of(extract: &Extract, version: &Version) -> Self {
        let Some(state) = version.stream(&stream_name(extract)) else {
            return Self::default();
        };
        let names = raw::names(extract);
        let mut columns = columns_of("", &extract.schema).unwrap_or_default();
        for (column, name) in columns.iter_mut().zip(&names) {
            column.original.get_or_insert(column.name.clone());
            column.name.clone_from(name);
        }
        let Some(last) = state.before(extract.as_of) else {
            return Self::default();
        };
        let had = state.columns.iter().zip(state.present(last));
        let had: Vec<&str> = had
            .filter_map(|(column, had)| had.then_some(column.name.as_str()))
            .collect();
        let there = |column: &Column| had.contains(&column.name.as_str());
        let (known, added): (Vec<Column>, Vec<Column>) = columns.into_iter().partition(there);
        let vanished = state.columns.iter().filter(|old| there(old));
        Self {
            vanished: vanished
                .filter(|old| !names.contains(&old.name))
                .cloned()
                .collect(),
            added,
            widened: known
                .into_iter()
                .filter(|now| state.columns.iter().any(|old| widens(old, now)))
                .collect(),
        }
    }

    /// The new column as which a vanished one may go on: of its type, and of nearly its name.
    pub(crate) fn renamed(&self, gone: &Column) -> Option<&Column> {
        let alike = |new: &&Column| gone.blank || new.kind == gone.kind;
        let near = nearest(
            gone.original(),
            self.added.iter().filter(alike).map(Column::original),
        )?;
        self.added.iter().find(|new| new.original() == near)
    }

    /// One count a column.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let said = [
            ("vanished", &self.vanished),
            ("added", &self.added),
            ("widened", &self.widened),
        ];
        let check =
            |what, column: &Column| Check::counted(format!("{what}: {}", column.original()), 1);
        said.into_iter()
            .flat_map(|(what, columns)| columns.iter().map(move |column| check(what, column)))
            .collect()
    }
}

fn widens(old: &Column, now: &Column) -> bool {
    old.name == now.name && !old.blank && old.kind.widened(now.kind) != old.kind
}
