//! The walk over evidence in Parquet files, in ranges side by side, one for each processor at a time.
//!
//! The entries are written as they come, a row group for each range and in the order of persons. How
//! many processors there are changes nothing but the time: the same files give the same bytes. At no
//! time more is in memory than a chunk of evidence and a range of encoded entries for each processor,
//! and what waits for its turn.

mod chunks;
mod file;
mod group;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use jiff::tz::TimeZone;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use self::file::EvidenceFile;
use self::group::{Group, unwritten};
use super::evidence::EvidenceError;
use super::output;
use crate::config::Funnel;
use crate::fs;
use crate::funnel::FunnelError;

/// How much is taken at a time: rows, but for the last.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Of a range, at least: what its neighbour reads of it, one person's rows, is little beside it.
    range: u64,
    /// Walked at a time, at least.
    chunk: usize,
    /// Decoded at a time.
    batch: usize,
    /// How many ranges are walked side by side.
    workers: usize,
}

/// The columns by which a reader may leave row groups out: the others hold much the same in each.
const SOUGHT: [&str; 3] = ["person_id", "entered_at", "entered_on"];

/// What came of evidence in files.
#[derive(Debug, Default)]
pub(crate) struct WalkedFiles {
    pub(crate) entries: u64,
    /// What became of the rows of evidence, by fate; they sum to the rows read.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// Walks over evidence in Parquet files: the columns of the table `evidence`, sorted by `person_id`
/// (bytewise) within each file and from one file to the next. Writes the columns of `stage_entry` that
/// the walk makes, all but the attributes frozen at entry, to `out`, which is replaced once the new
/// file is whole. Entries of the deleted are there also where the definition drops them, which takes the
/// persons' versions. The definitions are those that came into force, in that order; at least one.
///
/// # Errors
/// A file cannot be read or written, or is no such evidence; nothing is written then. Nothing of a
/// person is ever in the error.
pub(crate) fn walk_files(
    files: &[PathBuf],
    out: &Path,
    funnels: &[&Funnel],
    zone: &TimeZone,
) -> Result<WalkedFiles, FunnelError> {
    let sizes = Sizes {
        range: 250_000,
        chunk: 16_384,
        batch: 8_192,
        workers: thread::available_parallelism().map_or(1, NonZero::get),
    };
    walk_sized(sizes, files, out, funnels, zone)
}

fn walk_sized(
    sizes: Sizes,
    files: &[PathBuf],
    out: &Path,
    funnels: &[&Funnel],
    zone: &TimeZone,
) -> Result<WalkedFiles, FunnelError> {
    let files = files.iter().map(|path| EvidenceFile::open(path, sizes));
    let files: Vec<EvidenceFile> = files.collect::<Result<_, _>>()?;
    let ranges = files.iter().flat_map(|file| {
        let ranges = file.ranges().into_iter();
        ranges.map(move |groups| Task { file, groups })
    });
    let tasks: Vec<Task<'_>> = ranges.collect();
    let mut file = fs::WholeFile::begin(out)?;
    let (mut writer, factory) = writer(&mut file)?;
    let work = Work {
        tasks: &tasks,
        next: AtomicUsize::new(0),
        factory,
        funnels,
        zone,
    };
    let walked = thread::scope(|scope| {
        let (sender, done) = channel();
        for _ in 0..sizes.workers.min(tasks.len()) {
            let (work, sender) = (&work, sender.clone());
            scope.spawn(move || work.go_on(&sender));
        }
        drop(sender);
        collect(&tasks, &done, &mut writer)
    })?;
    writer.close().map_err(unwritten)?;
    file.keep()?;
    Ok(walked)
}

type Done = (usize, Result<Group, FunnelError>);

/// A range of a file.
struct Task<'a> {
    file: &'a EvidenceFile,
    groups: Range<usize>,
}

struct Work<'a> {
    tasks: &'a [Task<'a>],
    next: AtomicUsize,
    factory: ArrowRowGroupWriterFactory,
    funnels: &'a [&'a Funnel],
    zone: &'a TimeZone,
}

impl Work<'_> {
    /// Takes one range after the other, until none is left or nobody asks any more.
    fn go_on(&self, sender: &Sender<Done>) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = self.tasks.get(number) else {
                return;
            };
            if sender.send((number, self.walk(number, task))).is_err() {
                return;
            }
        }
    }

    fn walk(&self, number: usize, task: &Task<'_>) -> Result<Group, FunnelError> {
        let writers = self.factory.create_column_writers(number);
        let writers = writers.map_err(unwritten)?;
        let walked = group::walked(task.file, &task.groups, writers, self.funnels, self.zone);
        walked.map_err(|error| match error {
            FunnelError::Evidence(source) => task.file.refused(source),
            other => other,
        })
    }
}

/// Appends the ranges' entries in the order of the ranges.
fn collect<W: Write + Send>(
    tasks: &[Task<'_>],
    done: &Receiver<Done>,
    writer: &mut SerializedFileWriter<W>,
) -> Result<WalkedFiles, FunnelError> {
    let mut walked = WalkedFiles::default();
    let mut waiting: BTreeMap<usize, Group> = BTreeMap::new();
    let mut turn = 0;
    let mut last: Option<String> = None;
    for (number, group) in done {
        waiting.insert(number, group?);
        while let Some(group) = waiting.remove(&turn) {
            if let Some((first, end)) = &group.persons {
                if last.is_some_and(|last| last >= *first) {
                    return Err(tasks[turn].file.refused(EvidenceError::Unsorted));
                }
                last = Some(end.clone());
            }
            turn += 1;
            append(group, &mut walked, writer)?;
        }
    }
    Ok(walked)
}

fn append<W: Write + Send>(
    group: Group,
    walked: &mut WalkedFiles,
    writer: &mut SerializedFileWriter<W>,
) -> Result<(), FunnelError> {
    walked.entries += group.entries;
    for (fate, count) in group.counts {
        *walked.counts.entry(fate).or_default() += count;
    }
    if group.entries == 0 {
        return Ok(());
    }
    let mut row_group = writer.next_row_group().map_err(unwritten)?;
    for column in group.columns {
        column
            .append_to_row_group(&mut row_group)
            .map_err(unwritten)?;
    }
    row_group.close().map_err(unwritten)?;
    Ok(())
}

fn writer<W: Write + Send>(
    out: W,
) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory), FunnelError> {
    let properties = properties().map_err(unwritten)?;
    let schema = output::schema().into();
    let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(unwritten)?;
    writer.into_serialized_writer().map_err(unwritten)
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::None)
        // A page is full by its bytes alone: to compress one costs much before its first byte.
        .set_data_page_row_count_limit(usize::MAX);
    for column in SOUGHT {
        let column = ColumnPath::from(column);
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk);
    }
    // Hardly two entries share an instant: a dictionary of them would be in vain.
    for column in ["entered_at", "exited_at", "confirmed_at"] {
        let column = ColumnPath::from(column);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}
