//! A mail that is longer than mail programs show is cut by them, in the middle of a table: it is made
//! shorter here, where what is left out can be said.

use serde_json::{Value, json};

use super::templates::Templates;
use super::{ReportError, words};

/// Gmail shows 102,400 bytes of a mail's HTML.
const MOST: usize = 100_000;

/// How many rows the tables of a mail keep, the more the longer it is.
const ROWS: [usize; 3] = [15, 6, 2];

/// What is written where even short tables are too long.
const NOTICE: &str = "parts/large.mail.html";

/// The HTML of a report's mail: whole, else with shorter tables, else a notice that the page holds it.
pub(super) fn mail(
    report: &str,
    view: &Value,
    templates: &Templates,
) -> Result<String, ReportError> {
    let name = format!("{report}.mail.html");
    let whole = templates.render(&name, view)?;
    if whole.len() <= MOST {
        return Ok(whole);
    }
    for most in ROWS.iter().filter(|_| view.get("grids").is_some()) {
        let shorter = templates.render(&name, &shortened(view, *most))?;
        if shorter.len() <= MOST {
            return Ok(shorter);
        }
    }
    templates.render(NOTICE, view)
}

/// The view with at most so many rows in each table, and entries in the list of what to do.
fn shortened(view: &Value, most: usize) -> Value {
    let mut view = view.clone();
    let grids = view.get_mut("grids").and_then(Value::as_array_mut);
    for grid in grids.into_iter().flatten() {
        let cut = cut(grid.get_mut("rows"), most);
        let left_out = grid.get("left_out").and_then(Value::as_i64).unwrap_or(0) + cut;
        if let Some(more) = grid.get_mut("more") {
            *more = Value::String(words::more(left_out));
        }
    }
    let left_out = cut(view.get_mut("todo"), most);
    let todo = view.get_mut("todo").and_then(Value::as_array_mut);
    if let Some(todo) = todo.filter(|_| left_out > 0) {
        todo.push(json!({"what": words::more(left_out), "detail": "on the page"}));
    }
    view
}

/// Cuts a list and tells by how much.
fn cut(list: Option<&mut Value>, most: usize) -> i64 {
    let Some(list) = list.and_then(Value::as_array_mut) else {
        return 0;
    };
    let cut = list.len().saturating_sub(most);
    list.truncate(most);
    i64::try_from(cut).unwrap_or(i64::MAX)
}
