//! Decides one column's type (as declared, else as known from earlier extracts, else as inferred)
//! and turns its cells into it, or says what does not fit.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::dates::{self, Order};
use super::error::Fault;
use super::infer::infer;
use super::raw::{Cells, RawColumn};
use super::roles::Role;
use super::typed::{self, Misfits, Target};
use crate::config::{Column, ColumnType};

/// All that decides a column's type.
pub(super) struct Question<'a> {
    pub(super) raw: &'a RawColumn,
    pub(super) declared: Option<&'a Column>,
    /// Its type in earlier extracts.
    pub(super) known: Option<ColumnType>,
    pub(super) role: Option<&'a Role<'a>>,
    /// Its known type may not widen.
    pub(super) held: bool,
}

/// Why a column is refused: how many rows, and the first three.
pub(super) struct Refused {
    pub(super) fault: Fault,
    pub(super) count: usize,
    pub(super) rows: Vec<usize>,
}

impl Question<'_> {
    pub(super) fn answer(&self) -> Result<(ColumnType, Vec<ArrayRef>), Refused> {
        let kind = self.kind();
        self.typed(kind).or_else(|refused| match self.wider(kind) {
            Some(wider) => self.typed(wider),
            None => Err(refused),
        })
    }

    /// The type that a column of numbers widens to where its known one does not hold them all. What a
    /// user declared, what identifies a record and what a query reads stays as it is.
    fn wider(&self, kind: ColumnType) -> Option<ColumnType> {
        use ColumnType::{Bigint, Decimal, Double};
        let stated = self.declared.and_then(|declared| declared.kind);
        if self.held || self.role.is_some() || stated.is_some() || self.known != Some(kind) {
            return None;
        }
        let own = self.inferred();
        matches!((kind, own), (Bigint, Double | Decimal) | (Double, Decimal)).then_some(own)
    }

    /// The cells as values of a type.
    fn typed(&self, kind: ColumnType) -> Result<(ColumnType, Vec<ArrayRef>), Refused> {
        let texts = match &self.raw.cells {
            Cells::Typed { chunks, kind: own } if *own == kind => {
                return self.filled(chunks.clone()).map(|chunks| (kind, chunks));
            }
            Cells::Typed { chunks, .. } => &chunks.iter().map(as_text).collect(),
            Cells::Text { chunks, .. } => chunks,
        };
        let target = Target::of(self.declared, kind);
        let mut misfits = Misfits::default();
        let mut chunks = Vec::with_capacity(texts.len());
        let mut first_row = 0;
        for chunk in texts {
            chunks.push(typed::parse(chunk, &target, first_row, &mut misfits));
            first_row += chunk.len();
        }
        if misfits.count > 0 {
            return Err(Refused {
                fault: fault(texts, &target, misfits.shape),
                count: misfits.count,
                rows: misfits.rows,
            });
        }
        self.filled(chunks).map(|chunks| (kind, chunks))
    }

    fn kind(&self) -> ColumnType {
        let must_be_time = self.role.is_some_and(|role| role.time);
        let fits = |kind: &ColumnType| !must_be_time || is_time(*kind);
        let text = self.role.is_some_and(|role| role.text);
        self.declared
            .and_then(|declared| declared.kind)
            .or(self.known.filter(fits))
            .or(text.then_some(ColumnType::String))
            .or_else(|| Some(self.inferred()).filter(fits))
            .unwrap_or(ColumnType::Timestamp)
    }

    fn inferred(&self) -> ColumnType {
        match &self.raw.cells {
            Cells::Text { chunks, guesses } => infer(chunks, *guesses),
            Cells::Typed { kind, .. } => *kind,
        }
    }

    /// The chunks, unless the column's role allows no null and there is one.
    fn filled(&self, chunks: Vec<ArrayRef>) -> Result<Vec<ArrayRef>, Refused> {
        let count: usize = chunks.iter().map(Array::null_count).sum();
        let Some(role) = self.role.filter(|role| role.filled && count > 0) else {
            return Ok(chunks);
        };
        let nulls = chunks
            .iter()
            .flat_map(|chunk| (0..chunk.len()).map(|row| chunk.is_null(row)));
        let rows = nulls.enumerate().filter(|(_, null)| *null);
        Err(Refused {
            fault: Fault::Null { role: role.what },
            count,
            rows: rows.map(|(row, _)| row).take(3).collect(),
        })
    }
}

pub(super) fn is_time(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Date | ColumnType::Timestamp)
}

pub(super) fn label(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::String => "string",
        ColumnType::Boolean => "boolean",
        ColumnType::Bigint => "bigint",
        ColumnType::Double => "double",
        ColumnType::Decimal => "decimal(18,4)",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
    }
}

fn as_text(chunk: &ArrayRef) -> StringArray {
    let text = cast(chunk, &DataType::Utf8).expect("every type of an extract can be text");
    text.as_string::<i32>().clone()
}

/// Why values do not fit; for dates without a stated form, what to state.
fn fault(texts: &[StringArray], target: &Target<'_>, shape: String) -> Fault {
    let unstated = is_time(target.kind) && target.format.is_none();
    let order = unstated.then(|| dates::order(texts)).flatten();
    match order {
        Some(Order::Either(formats)) => Fault::Ambiguous { shape, formats },
        Some(Order::Only(order, format)) => Fault::Unstated {
            shape,
            order,
            format,
        },
        None => Fault::Unfit {
            kind: label(target.kind),
            shape,
            format: target.format.map(str::to_owned),
        },
    }
}
