//! Canonical SQL, run: streams of each source become the rows of the canonical tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::FunnelError;
use super::shape::{Part, Shape};
use crate::warehouse::{Frame, Relation, Session};

/// The canonical SQL of one source.
#[derive(Debug, Clone)]
pub(crate) struct Canonical {
    pub(crate) source: String,
    pub(crate) relations: Vec<Relation>,
}

/// A canonical query that was left out, because a stream it reads has never arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Without {
    pub(crate) file: String,
    pub(crate) table: String,
}

/// Reads canonical tables; knows which streams are there.
pub(super) struct Reader<'a> {
    session: &'a Session,
    canonical: &'a [Canonical],
    tables: BTreeSet<String>,
    pub(super) without: Vec<Without>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(session: &'a Session, canonical: &'a [Canonical]) -> Self {
        Self {
            session,
            canonical,
            tables: session.tables(),
            without: Vec::new(),
        }
    }

    /// The rows of a canonical table, of all sources.
    pub(super) async fn rows(&mut self, shape: &Shape) -> Result<RecordBatch, FunnelError> {
        let mut parts = Vec::new();
        for (source, relation) in self.relations(shape.table) {
            let frame = self.session.run(relation).await?;
            parts.push(Part { source, frame });
        }
        shape.unite(&parts)
    }

    /// The columns of a canonical table, of all sources, without running anything.
    pub(super) async fn columns(&mut self, shape: &Shape) -> Result<SchemaRef, FunnelError> {
        let mut parts = Vec::new();
        for (source, relation) in self.relations(shape.table) {
            let frame = Frame {
                name: relation.file.clone(),
                schema: self.session.plan(relation).await?,
                batches: Vec::new(),
            };
            parts.push(Part { source, frame });
        }
        Ok(Arc::clone(shape.unite(&parts)?.schema_ref()))
    }

    fn relations(&mut self, table: &str) -> Vec<(String, &'a Relation)> {
        let mut there = Vec::new();
        for canonical in self.canonical {
            let named = canonical
                .relations
                .iter()
                .find(|relation| relation.name == table);
            let Some(relation) = named else {
                continue;
            };
            match relation.needs.difference(&self.tables).next() {
                None => there.push((canonical.source.clone(), relation)),
                Some(missing) => self.without.push(Without {
                    file: relation.file.clone(),
                    table: missing.clone(),
                }),
            }
        }
        there
    }
}
