//! Canonical SQL, run: streams of each source become the rows of the canonical tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use arrow::array::RecordBatch;

use super::FunnelError;
use super::shape::{Part, Shape};
use crate::warehouse::{Relation, Session};

/// Reads canonical tables; knows which streams are there.
pub(super) struct Reader<'a> {
    session: &'a Session,
    canonical: &'a BTreeMap<String, Vec<Relation>>,
    tables: BTreeSet<String>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A canonical query that was left out, because a table it reads has never arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) file: String,
    pub(crate) table: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is left out: `{}` has never arrived",
            self.file, self.table
        )
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        session: &'a Session,
        canonical: &'a BTreeMap<String, Vec<Relation>>,
    ) -> Self {
        Self {
            session,
            canonical,
            tables: session.tables(),
            left_out: Vec::new(),
        }
    }

    /// The rows of a canonical table, of all sources that give it.
    pub(super) async fn rows(&mut self, shape: &Shape) -> Result<RecordBatch, FunnelError> {
        let mut parts = Vec::new();
        for (source, relations) in self.canonical {
            let mut named = relations
                .iter()
                .filter(|relation| relation.name == shape.table);
            let Some(relation) = named.next() else {
                continue;
            };
            if let Some(table) = relation.needs.difference(&self.tables).next() {
                self.left_out.push(LeftOut {
                    file: relation.file.clone(),
                    table: table.clone(),
                });
                continue;
            }
            parts.push(Part {
                source: source.clone(),
                frame: self.session.run(relation).await?,
            });
        }
        shape.unite(&parts)
    }
}
