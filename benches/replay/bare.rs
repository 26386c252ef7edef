//! What nobody who replays can do without: decoding the columns and writing the entries, on two threads.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

const FEW_VALUES: [&str; 3] = ["kind", "via", "reason"];
/// What no entry tells: the stage is told by its number, and nobody asks for the record.
const UNUSED: [&str; 3] = ["stage", "source", "record_id"];

/// Seconds for decoding the columns of the evidence that entries come of.
pub(crate) fn decode(evidence: &Path) -> f64 {
    let file = File::open(evidence).unwrap();
    let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
    let field = |field: &FieldRef| -> FieldRef {
        let few = FEW_VALUES.contains(&field.name().as_str());
        let as_read = match field.data_type() {
            DataType::Utf8 if few => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            DataType::Utf8 => DataType::Utf8View,
            other => other.clone(),
        };
        Arc::new(Field::new(field.name(), as_read, field.is_nullable()))
    };
    let fields: Vec<FieldRef> = found.schema().fields().iter().map(field).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).unwrap();
    let began = Instant::now();
    halves(metadata.metadata().num_row_groups(), |groups| {
        let rows: usize = reader(evidence, &metadata, groups, |name| !UNUSED.contains(&name))
            .map(|batch| batch.unwrap().num_rows())
            .sum();
        assert!(rows > 0);
    });
    began.elapsed().as_secs_f64()
}

/// Seconds for writing entries as they are in a file, from memory.
pub(crate) fn write(entries: &Path, folder: &Path) -> f64 {
    let file = File::open(entries).unwrap();
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
    let groups = 0..metadata.metadata().num_row_groups();
    let read = |group| -> Vec<RecordBatch> {
        let batches = reader(entries, &metadata, vec![group], |_| true);
        batches.map(Result::unwrap).collect()
    };
    let groups: Vec<Vec<RecordBatch>> = groups.map(read).collect();
    let began = Instant::now();
    halves(groups.len(), |mine| {
        let file = File::create(folder.join(format!("bare-{}.parquet", mine[0]))).unwrap();
        let schema = groups[mine[0]][0].schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties())).unwrap();
        for group in mine {
            groups[group]
                .iter()
                .for_each(|batch| writer.write(batch).unwrap());
            writer.flush().unwrap();
        }
        writer.close().unwrap();
    });
    began.elapsed().as_secs_f64()
}

/// What the program writes with, which is faster than what `parquet` would do of itself.
fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(usize::MAX);
    for column in ["entered_at", "exited_at", "confirmed_at"] {
        properties = properties
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

fn reader(
    path: &Path,
    metadata: &ArrowReaderMetadata,
    groups: Vec<usize>,
    wanted: impl Fn(&str) -> bool,
) -> ParquetRecordBatchReader {
    let file = File::open(path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
    let schema = metadata.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.filter(|it| wanted(it)));
    let builder = builder.with_projection(mask).with_row_groups(groups);
    builder.with_batch_size(8_192).build().unwrap()
}

/// Half of the row groups for each of two threads.
fn halves(groups: usize, work: impl Fn(Vec<usize>) + Sync) {
    thread::scope(|scope| {
        for mine in [0..groups / 2, groups / 2..groups] {
            let work = &work;
            scope.spawn(move || work(mine.collect()));
        }
    });
}
