//! `quantile(x, q)`: the exact quantile of whole numbers, type 7 of Hyndman and Fan (1996), "Sample
//! Quantiles in Statistical Packages", as R and `NumPy` have it by default. Nulls are left out; of no
//! value it is null. DataFusion's `percentile_cont` cuts its weights to a millionth.

use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

pub(in crate::warehouse) fn quantile() -> AggregateUDF {
    let takes = vec![DataType::Int64, DataType::Float64];
    AggregateUDF::from(Quantile {
        signature: Signature::exact(takes, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    signature: Signature,
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &'static str {
        "quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("quantile(distinct …)");
        }
        Ok(Box::new(Values {
            values: Vec::new(),
            q: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = DataType::new_list(DataType::Int64, true);
        Ok(vec![
            Field::new(format!("{}_values", args.name), list, true).into(),
            Field::new(format!("{}_q", args.name), DataType::Float64, true).into(),
        ])
    }
}

/// All values of a group: exactness has its price.
#[derive(Debug)]
struct Values {
    values: Vec<i64>,
    q: Option<f64>,
}

impl Values {
    fn take_q(&mut self, column: &ArrayRef) {
        self.q = self
            .q
            .or_else(|| column.as_primitive::<Float64Type>().iter().flatten().next());
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values
            .extend(columns[0].as_primitive::<Int64Type>().iter().flatten());
        self.take_q(&columns[1]);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for part in states[0].as_list::<i32>().iter().flatten() {
            self.values
                .extend(part.as_primitive::<Int64Type>().iter().flatten());
        }
        self.take_q(&states[1]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = std::mem::take(&mut self.values);
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let items = Arc::new(arrow::array::Int64Array::from(values));
        let field = Arc::new(Field::new_list_field(DataType::Int64, true));
        let list = ListArray::try_new(field, offsets, items, None)?;
        Ok(vec![
            ScalarValue::List(Arc::new(list)),
            ScalarValue::Float64(self.q),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_unstable();
        Ok(ScalarValue::Float64(
            self.q.and_then(|q| type_7(&self.values, q)),
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i64>()
    }
}

/// The quantile of ascending values: between the two neighbours of position `q * (n - 1)`, in
/// proportion; none of no value.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the position lies between 0 and the number of values"
)]
pub(crate) fn type_7(sorted: &[i64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let low = sorted[below] as f64;
    let high = sorted[last.min(below + 1)] as f64;
    Some((high - low).mul_add(position - position.floor(), low))
}

#[cfg(test)]
mod tests {
    use super::type_7;

    // The values that R 4.3 gives for quantile(c(1, 2, 4, 8, 16), type = 7).
    #[test]
    fn agrees_with_r() {
        let of = |q| type_7(&[1, 2, 4, 8, 16], q).unwrap();
        let found = [0.0, 0.1, 0.25, 0.5, 0.9, 1.0].map(of);
        let r = [1.0, 1.4, 2.0, 4.0, 12.8, 16.0];
        assert!(
            found.iter().zip(r).all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
    }

    // No value has no quantile; one value is all of them.
    #[test]
    fn none_and_one() {
        assert_eq!(type_7(&[], 0.5), None);
        assert_eq!(type_7(&[7], 0.9), Some(7.0));
    }
}
