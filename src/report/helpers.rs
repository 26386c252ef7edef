//! What templates may call: figures written as `words` writes them. Null is `–`.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, JsonValue, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use jiff::civil::Date;

use super::own::shapes;
use super::words;

/// A helper of one figure: what it is called, what it takes, how it writes it.
#[derive(Clone, Copy)]
struct Figure {
    takes: &'static str,
    write: fn(&JsonValue) -> Option<String>,
}

/// Every helper besides the built-in ones, by name.
const FIGURES: [(&str, Figure); 10] = [
    (
        "integer",
        Figure {
            takes: "a number",
            write: |value| number(value, words::rounded),
        },
    ),
    (
        "decimal",
        Figure {
            takes: "a number",
            write: |value| number(value, words::decimal),
        },
    ),
    (
        "percent",
        Figure {
            takes: "a ratio",
            write: |value| number(value, words::percent),
        },
    ),
    (
        "days",
        Figure {
            takes: "a number of days",
            write: |value| number(value, words::days),
        },
    ),
    (
        "signed",
        Figure {
            takes: "a whole number",
            write: |value| value.as_i64().map(words::signed),
        },
    ),
    (
        "date",
        Figure {
            takes: "a date",
            write: |value| date(value, words::date),
        },
    ),
    (
        "long_date",
        Figure {
            takes: "a date",
            write: |value| date(value, words::long_date),
        },
    ),
    (
        "short_date",
        Figure {
            takes: "a date",
            write: |value| date(value, words::short_date),
        },
    ),
    (
        "day",
        Figure {
            takes: "a date",
            write: |value| date(value, words::day),
        },
    ),
    (
        "upper",
        Figure {
            takes: "a text",
            write: |value| value.as_str().map(str::to_uppercase),
        },
    ),
];

/// A helper that makes something else of a query's rows: its name, and what it makes.
type Shape = (&'static str, fn(&[JsonValue]) -> JsonValue);

/// What reports of one's own are made with: the first row or null, and what the blocks write.
const SHAPES: [Shape; 4] = [
    ("first", |rows| rows.first().cloned().unwrap_or_default()),
    ("as_keys", shapes::keys),
    ("as_bars", shapes::bars),
    ("as_grid", shapes::grid),
];

/// The built-in helpers that a template may use.
const BUILT_IN: [&str; 11] = [
    "if", "unless", "each", "with", "eq", "ne", "gt", "and", "or", "not", "lookup",
];

pub(super) fn register(handlebars: &mut Handlebars<'static>) {
    for (name, figure) in FIGURES {
        handlebars.register_helper(name, Box::new(figure));
    }
    for (name, shape) in SHAPES {
        handlebars.register_helper(name, Box::new(OfRows(shape)));
    }
}

pub(super) fn is_helper(name: &str) -> bool {
    let figures = FIGURES.iter().map(|(figure, _)| figure);
    let mut all = figures
        .chain(SHAPES.iter().map(|(shape, _)| shape))
        .chain(&BUILT_IN);
    all.any(|helper| *helper == name)
}

/// A helper over the rows of a query.
struct OfRows(fn(&[JsonValue]) -> JsonValue);

impl HelperDef for OfRows {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let given = helper.param(0).filter(|given| !given.is_value_missing());
        let rows = given.and_then(|given| given.value().as_array());
        let rows = rows.ok_or_else(|| {
            let told = format!("`{}` takes the rows of a query", helper.name());
            RenderError::from(RenderErrorReason::Other(told))
        })?;
        Ok(ScopedJson::Derived((self.0)(rows)))
    }
}

impl HelperDef for Figure {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let refused = || {
            let told = format!("`{}` takes {}", helper.name(), self.takes);
            RenderError::from(RenderErrorReason::Other(told))
        };
        let given = helper.param(0).ok_or_else(refused)?;
        if given.is_value_missing() {
            return Err(RenderError::strict_error(given.relative_path()));
        }
        let written = if given.value().is_null() {
            words::NONE.to_owned()
        } else {
            (self.write)(given.value()).ok_or_else(refused)?
        };
        Ok(ScopedJson::Derived(JsonValue::String(written)))
    }
}

fn number(value: &JsonValue, write: impl Fn(f64) -> String) -> Option<String> {
    value.as_f64().map(write)
}

fn date(value: &JsonValue, write: impl Fn(Date) -> String) -> Option<String> {
    value.as_str()?.parse().ok().map(write)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> Result<String, RenderError> {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        register(&mut handlebars);
        let view = json!({"n": 1234, "r": 0.5, "none": null, "day": "2026-11-19", "word": "x<y"});
        handlebars.render_template(template, &view)
    }

    /// Each helper writes its figure; null is a dash; a wrong kind or an unknown variable is refused.
    #[test]
    fn figures() {
        let written = render(
            "{{integer n}} {{percent r}} {{days r}} {{signed n}} {{date day}} {{integer none}} {{upper word}}",
        );
        assert_eq!(
            written.expect("renders"),
            "1,234 50.0% 0.5 days +1,234 Thu 19 Nov 2026 – X&lt;Y"
        );
        let wrong = render("{{integer day}}").expect_err("a text is no number");
        assert_eq!(wrong.reason().to_string(), "`integer` takes a number");
        assert!(render("{{integer nothing}}").is_err());
    }
}
