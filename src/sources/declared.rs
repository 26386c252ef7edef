//! The columns that a stream's configuration declares: all that is known of one that never arrived.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::names::sql_names;
use super::typed::data_type;
use crate::config::{ColumnType, Stream};

/// The declared columns under their SQL names; text where no type is declared.
pub(crate) fn declared_schema(stream: &Stream) -> SchemaRef {
    let originals: Vec<&str> = stream.columns.keys().map(String::as_str).collect();
    let types = stream
        .columns
        .values()
        .map(|column| column.kind.unwrap_or(ColumnType::String));
    let fields: Vec<Field> = sql_names(&originals, None)
        .into_iter()
        .zip(types)
        .map(|(name, kind)| Field::new(name, data_type(kind), true))
        .collect();
    Arc::new(Schema::new(fields))
}
