//! The rows of a query, and the forms in which they leave the program.

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvWriter;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, JsonFormat, LineDelimited};
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use parquet::arrow::ArrowWriter;
use serde::de::DeserializeOwned;

use super::query::session::QueryError;

/// The rows of a query.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// How rows are written. Instants are RFC 3339 in UTC, dates `YYYY-MM-DD`, in all but Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameFormat {
    /// For reading on a terminal; null is empty.
    Table,
    /// With a header; null is the empty field.
    Csv,
    /// One array of objects; null is written.
    Json,
    /// One object a line.
    Ndjson,
    Parquet,
}

impl Frame {
    pub(crate) fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as values of a type of ours. Dates are `YYYY-MM-DD`, instants RFC 3339.
    pub(crate) fn rows<T: DeserializeOwned>(&self) -> Result<Vec<T>, QueryError> {
        let bytes = self.bytes(FrameFormat::Json)?;
        serde_json::from_slice(&bytes).map_err(|error| self.shape(&error))
    }

    /// The rows in one of the forms.
    pub(crate) fn bytes(&self, format: FrameFormat) -> Result<Vec<u8>, QueryError> {
        let written = match format {
            FrameFormat::Table => self.table(),
            FrameFormat::Csv => self.csv(),
            FrameFormat::Json => self.json::<JsonArray>("[]"),
            FrameFormat::Ndjson => self.json::<LineDelimited>(""),
            FrameFormat::Parquet => self.parquet(),
        };
        written.map_err(|error| self.shape(&error))
    }

    fn shape(&self, reason: &impl ToString) -> QueryError {
        QueryError::Shape {
            name: self.name.clone(),
            reason: reason.to_string(),
        }
    }

    fn table(&self) -> Result<Vec<u8>, ArrowError> {
        let options = FormatOptions::default().with_display_error(true);
        if self.batches.is_empty() {
            let empty = RecordBatch::new_empty(self.schema.clone());
            return Ok(format!(
                "{}\n",
                pretty_format_batches_with_options(&[empty], &options)?
            )
            .into_bytes());
        }
        Ok(format!(
            "{}\n",
            pretty_format_batches_with_options(&self.batches, &options)?
        )
        .into_bytes())
    }

    fn csv(&self) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = Vec::new();
        let mut writer = CsvWriter::new().with_header(true).build(&mut bytes);
        if self.batches.is_empty() {
            writer.write(&RecordBatch::new_empty(self.schema.clone()))?;
        }
        for batch in &self.batches {
            writer.write(batch)?;
        }
        drop(writer);
        Ok(bytes)
    }

    fn json<F: JsonFormat>(&self, empty: &str) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = Vec::new();
        let mut writer = arrow::json::WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, F>(&mut bytes);
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        drop(writer);
        Ok(if bytes.is_empty() {
            empty.as_bytes().to_vec()
        } else {
            bytes
        })
    }

    fn parquet(&self) -> Result<Vec<u8>, ArrowError> {
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, self.schema.clone(), None)?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.close()?;
        Ok(bytes)
    }
}
