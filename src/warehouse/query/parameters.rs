//! The named parameters of a query, replaced by typed values before planning, so that every function
//! sees their types.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Statement, TimezoneInfo, TypedString, Value, VisitMut, VisitorMut,
};
use jiff::Timestamp;
use jiff::civil::Date;

/// Puts `$as_of` (date) and `$as_of_end` (instant) in place. The error is the name of a parameter
/// that there is not.
pub(in crate::warehouse) fn bind(
    statement: &mut Statement,
    as_of: Date,
    as_of_end: i64,
) -> Result<(), String> {
    match statement.visit(&mut Bind { as_of, as_of_end }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(unknown) => Err(unknown),
    }
}

struct Bind {
    as_of: Date,
    as_of_end: i64,
}

impl VisitorMut for Bind {
    type Break = String;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        let Expr::Value(value) = expr else {
            return ControlFlow::Continue(());
        };
        let Value::Placeholder(name) = &value.value else {
            return ControlFlow::Continue(());
        };
        *expr = match name.as_str() {
            "$as_of" => typed(DataType::Date, self.as_of.to_string()),
            "$as_of_end" => {
                let instant = Timestamp::from_microsecond(self.as_of_end).unwrap_or_default();
                let kind = DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone);
                typed(kind, instant.to_string())
            }
            _ => return ControlFlow::Break(name.clone()),
        };
        ControlFlow::Continue(())
    }
}

fn typed(data_type: DataType, text: String) -> Expr {
    Expr::TypedString(TypedString {
        data_type,
        value: Value::SingleQuotedString(text).into(),
        uses_odbc_syntax: false,
    })
}
