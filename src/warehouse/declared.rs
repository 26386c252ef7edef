//! The tables of a source's streams before any of them arrived: no rows, the declared columns and the
//! history's own.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::config::{Source, Stream, StreamKind};
use crate::sources::declared_schema;
use crate::warehouse::history::{self, events};
use crate::warehouse::schema::{Column, Kind, schema_of};

/// Every table that a source's streams will have, with its columns.
pub(crate) fn declared_tables(source: &Source) -> Vec<(String, SchemaRef)> {
    source
        .streams
        .iter()
        .flat_map(|stream| tables(&source.name, stream))
        .collect()
}

fn tables(source: &str, stream: &Stream) -> Vec<(String, SchemaRef)> {
    let raw = declared_schema(stream);
    let name = format!("{source}.{}", stream.name);
    match stream.kind {
        StreamKind::Snapshot { .. } | StreamKind::Changes { .. } => {
            let mut own = history::own_columns();
            let now = (name.clone(), joined(&raw, &own));
            own.push(Column::new("valid_to", Kind::Timestamp));
            vec![now, (format!("{name}_history"), joined(&raw, &own))]
        }
        StreamKind::Events { .. } | StreamKind::FieldHistory { .. } => {
            vec![(name, joined(&raw, &events::own_columns()))]
        }
    }
}

fn joined(raw: &SchemaRef, own: &[Column]) -> SchemaRef {
    let own = schema_of(own);
    let fields: Vec<Arc<Field>> = raw.fields().iter().chain(own.fields()).cloned().collect();
    Arc::new(Schema::new(fields))
}
