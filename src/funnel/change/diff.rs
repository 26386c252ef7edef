//! The rows in which two tables differ that are sorted by one key: gone through side by side, key by
//! key, so that neither is held and only what differs is kept.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};

use crate::funnel::FunnelError;
use crate::warehouse::Stored;

/// Rows looked at together.
const CHUNK: usize = 8192;

/// The rows that only one of two tables has; a row that one has more often, as often as that.
pub(super) struct Differing {
    pub(super) was: RecordBatch,
    pub(super) is: RecordBatch,
}

/// Makes of a batch the rows that are compared. The first column is the key, a text.
pub(super) type Prepare<'a> = dyn Fn(&RecordBatch) -> Result<RecordBatch, ArrowError> + 'a;

enum Source {
    Stored(Box<Stored>),
    /// The rows not looked at yet.
    Held(RecordBatch),
}

/// One of the two tables.
struct Side<'a> {
    source: Source,
    prepare: &'a Prepare<'a>,
    converter: RowConverter,
    chunk: Option<(StringArray, Rows)>,
    at: usize,
}

/// All rows of one key, encoded.
#[derive(Default)]
struct Group {
    key: String,
    rows: Vec<Box<[u8]>>,
}

/// Compares a stored table with one that is held; `schema` is that of the prepared rows.
pub(super) async fn diff(
    stored: Stored,
    held: RecordBatch,
    schema: &SchemaRef,
    prepare: &Prepare<'_>,
) -> Result<Differing, FunnelError> {
    let mut was = Side::new(Source::Stored(Box::new(stored)), schema, prepare)?;
    let mut is = Side::new(Source::Held(held), schema, prepare)?;
    let (mut old, mut new) = (was.group().await?, is.group().await?);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    loop {
        let order = match (&old, &new) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.key.cmp(&new.key),
        };
        let take = |group: Option<Group>| group.map(|group| group.rows).unwrap_or_default();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        if order.is_le() {
            before = take(old);
            old = was.group().await?;
        }
        if order.is_ge() {
            after = take(new);
            new = is.group().await?;
        }
        if before != after {
            only_one_has(before, after, &mut gone, &mut come);
        }
    }
    Ok(Differing {
        was: was.decoded(&gone, schema)?,
        is: is.decoded(&come, schema)?,
    })
}

/// Of two lists the members that have no equal in the other.
fn only_one_has(
    mut before: Vec<Box<[u8]>>,
    mut after: Vec<Box<[u8]>>,
    gone: &mut Vec<Box<[u8]>>,
    come: &mut Vec<Box<[u8]>>,
) {
    before.sort_unstable();
    after.sort_unstable();
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        match order {
            Ordering::Less => gone.extend(before.next()),
            Ordering::Greater => come.extend(after.next()),
            Ordering::Equal => drop((before.next(), after.next())),
        }
    }
}

impl<'a> Side<'a> {
    fn new(
        source: Source,
        schema: &SchemaRef,
        prepare: &'a Prepare<'a>,
    ) -> Result<Self, FunnelError> {
        let fields = schema.fields().iter();
        let fields = fields.map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect()).map_err(failed)?;
        Ok(Self {
            source,
            prepare,
            converter,
            chunk: None,
            at: 0,
        })
    }

    /// The rows of the next key.
    async fn group(&mut self) -> Result<Option<Group>, FunnelError> {
        let mut group: Option<Group> = None;
        while self.fill().await? {
            let Some((keys, rows)) = &self.chunk else {
                break;
            };
            let key = keys.value(self.at);
            let group = group.get_or_insert_with(|| Group {
                key: key.to_owned(),
                rows: Vec::new(),
            });
            if group.key != key {
                break;
            }
            group.rows.push(rows.row(self.at).data().into());
            self.at += 1;
        }
        Ok(group)
    }

    /// Sees that a row lies at hand; false at the end.
    async fn fill(&mut self) -> Result<bool, FunnelError> {
        while self
            .chunk
            .as_ref()
            .is_none_or(|(keys, _)| self.at == keys.len())
        {
            let Some(batch) = self.source.next().await? else {
                return Ok(false);
            };
            let batch = (self.prepare)(&batch).map_err(failed)?;
            let rows = self.converter.convert_columns(batch.columns());
            let keys = batch.column(0).as_string::<i32>().clone();
            self.chunk = Some((keys, rows.map_err(failed)?));
            self.at = 0;
        }
        Ok(true)
    }

    fn decoded(&self, rows: &[Box<[u8]>], schema: &SchemaRef) -> Result<RecordBatch, FunnelError> {
        let parser = self.converter.parser();
        let rows = rows.iter().map(|row| parser.parse(row));
        let columns: Vec<ArrayRef> = self.converter.convert_rows(rows).map_err(failed)?;
        RecordBatch::try_new(schema.clone(), columns).map_err(failed)
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<RecordBatch>, FunnelError> {
        match self {
            Self::Stored(stored) => Ok(stored.next().await?),
            Self::Held(rest) if rest.num_rows() == 0 => Ok(None),
            Self::Held(rest) => {
                let now = rest.num_rows().min(CHUNK);
                let chunk = rest.slice(0, now);
                *rest = rest.slice(now, rest.num_rows() - now);
                Ok(Some(chunk))
            }
        }
    }
}

fn failed(source: ArrowError) -> FunnelError {
    FunnelError::arrow("comparing two nights")(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<Box<[u8]>> {
        let bytes = texts.iter().map(|text| text.as_bytes().into());
        bytes.collect()
    }

    // What both have goes, as often as both have it.
    #[test]
    fn equals_cancel_one_by_one() {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        let (before, after) = (rows(&["b", "a", "a", "c"]), rows(&["d", "a", "b"]));
        only_one_has(before, after, &mut gone, &mut come);
        assert_eq!((gone, come), (rows(&["a", "c"]), rows(&["d"])));
    }
}
