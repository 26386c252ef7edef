//! Canonical SQL, run: streams of each source become the rows of the canonical tables.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::FunnelError;
use super::shape::{Part, Shape};
use crate::warehouse::{Relation, Session};

/// Reads canonical tables; knows which streams are there.
pub(super) struct Reader<'a> {
    session: &'a Session,
    canonical: &'a BTreeMap<String, Vec<Relation>>,
    tables: BTreeSet<String>,
    /// The files of the queries that were left out, because a stream they read has never arrived.
    pub(super) left_out: Vec<String>,
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
            if !relation.needs.is_subset(&self.tables) {
                self.left_out.push(relation.file.clone());
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
