//! One range walked: its entries, encoded as a row group of their own.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use jiff::tz::TimeZone;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::errors::ParquetError;

use super::chunks::{Chunks, id_of};
use super::file::EvidenceFile;
use crate::config::Funnel;
use crate::funnel::FunnelError;
use crate::funnel::walk::evidence::EvidenceError;
use crate::funnel::walk::{Walked, walk};

/// The entries of a range.
pub(super) struct Group {
    pub(super) columns: Vec<ArrowColumnChunk>,
    pub(super) entries: u64,
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// The first and the last person; none where the range begins nobody.
    pub(super) persons: Option<(String, String)>,
}

/// Walks over a range.
pub(super) fn walked(
    file: &EvidenceFile,
    groups: &Range<usize>,
    writers: Vec<ArrowColumnWriter>,
    funnels: &[&Funnel],
    zone: &TimeZone,
) -> Result<Group, FunnelError> {
    let mut group = Growing {
        writers,
        entries: 0,
        counts: BTreeMap::new(),
        persons: None,
    };
    let mut chunks = Chunks::of(file, groups)?;
    while let Some(chunk) = chunks.next()? {
        group.follow(&chunk)?;
        group.take(&walk(&chunk, funnels, zone)?)?;
    }
    group.done()
}

struct Growing {
    writers: Vec<ArrowColumnWriter>,
    entries: u64,
    counts: BTreeMap<&'static str, u64>,
    persons: Option<(String, String)>,
}

impl Growing {
    /// Whoever a chunk begins with comes after all of the chunks before.
    fn follow(&mut self, chunk: &[RecordBatch]) -> Result<(), FunnelError> {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
            return Ok(());
        };
        let first = id_of(first, 0)?;
        let last = id_of(last, last.num_rows().saturating_sub(1))?;
        self.persons = Some(match self.persons.take() {
            None => (first, last),
            Some((_, before)) if before >= first => {
                return Err(EvidenceError::Unsorted.into());
            }
            Some((start, _)) => (start, last),
        });
        Ok(())
    }

    fn take(&mut self, walked: &Walked) -> Result<(), FunnelError> {
        let entries = &walked.entries;
        let schema = entries.schema();
        let columns = schema.fields().iter().zip(entries.columns());
        for ((field, column), writer) in columns.zip(&mut self.writers) {
            for leaf in compute_leaves(field, column).map_err(unwritten)? {
                writer.write(&leaf).map_err(unwritten)?;
            }
        }
        self.entries += entries.num_rows() as u64;
        for (fate, count) in &walked.counts {
            *self.counts.entry(fate).or_default() += count;
        }
        Ok(())
    }

    fn done(self) -> Result<Group, FunnelError> {
        let columns = self.writers.into_iter().map(ArrowColumnWriter::close);
        Ok(Group {
            columns: columns.collect::<Result<_, _>>().map_err(unwritten)?,
            entries: self.entries,
            counts: self.counts,
            persons: self.persons,
        })
    }
}

pub(super) fn unwritten(source: ParquetError) -> FunnelError {
    FunnelError::Arrow {
        doing: "writing entries",
        source: source.into(),
    }
}
