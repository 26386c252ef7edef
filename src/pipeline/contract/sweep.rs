//! What if: one number of a stage's trigger takes several values, and each is tried on the history.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::trigger::no_stage;
use crate::config::{Config, Sql, Stage, Trigger};
use crate::pipeline::PipelineError;
use crate::problem::{Place, Problem, Problems};
use crate::warehouse::Warehouse;

/// Where the value stands in an expression.
const HOLE: &str = "{}";

/// What is swept.
pub(crate) struct Asked<'a> {
    pub(crate) stage: &'a str,
    /// An expression with `{}` for the value, to stand in the place of the stage's triggers; without
    /// it, a number of the stage's own triggers is swept.
    pub(crate) when: Option<&'a str>,
    /// Which of several numbers.
    pub(crate) number: Option<&'a str>,
    pub(crate) values: &'a [String],
}

/// What came out, today's definition first.
#[derive(Debug, Serialize)]
pub(crate) struct Swept {
    pub(crate) as_of: Date,
    pub(crate) stage: String,
    pub(crate) tried: Vec<Tried>,
}

/// The history under one value.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    /// None for the definition as it is.
    pub(crate) value: Option<String>,
    pub(crate) months: Vec<Month>,
    pub(crate) reach: Vec<Reach>,
    /// The commitments of the running quarter.
    pub(crate) promises: Vec<Promise>,
}

/// The stage's observed entries of a month.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Month {
    #[serde(skip_serializing)]
    stage: String,
    pub(crate) month: Date,
    pub(crate) n: i64,
}

/// Of the stage's observed entries, those that reached a later stage.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reach {
    #[serde(skip_serializing)]
    stage: String,
    pub(crate) to_stage: String,
    pub(crate) n: i64,
    pub(crate) reached: i64,
}

/// A row of `queries/contract/promise.sql`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) quarter: String,
    pub(crate) stage: String,
    pub(crate) commitment: i64,
    pub(crate) attained: i64,
    pub(crate) weekly: f64,
    pub(crate) remaining_weeks: f64,
    pub(crate) needed_weekly: Option<f64>,
    pub(crate) reachable: bool,
}

/// Tries every value.
///
/// # Errors
/// That there is no such stage, or that it is not plain which number is meant.
pub(crate) async fn whatif(config: &Config, asked: &Asked<'_>) -> Result<Swept, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let stages = &config.funnel.stages;
    let index = stages.iter().position(|stage| stage.id == asked.stage);
    let ids: Vec<&str> = stages.iter().map(|stage| stage.id.as_str()).collect();
    let index = index.ok_or_else(|| Problems::from(no_stage(&ids, asked.stage)))?;
    let pattern = match asked.when {
        Some(when) => vec![Trigger::When(Sql {
            text: holed(when)?.to_owned(),
            place: Place::of("--when", when, 1, 1),
        })],
        None => with_hole(&stages[index], asked.number)?,
    };
    let mut variants = vec![(None, config.clone())];
    for value in asked.values {
        let mut variant = config.clone();
        variant.funnel.stages[index].triggers = filled(&pattern, value);
        variants.push((Some(value.clone()), variant));
    }
    let configs: Vec<&Config> = variants.iter().map(|(_, config)| config).collect();
    let bench = Bench::open(config, &warehouse, None, &configs).await?;
    let mut tried = Vec::new();
    for (value, variant) in &variants {
        bench.try_out(variant).await?;
        tried.push(figures(&bench, asked.stage, value.clone()).await?);
    }
    Ok(Swept {
        as_of: bench.as_of,
        stage: asked.stage.to_owned(),
        tried,
    })
}

async fn figures(
    bench: &Bench,
    stage: &str,
    value: Option<String>,
) -> Result<Tried, PipelineError> {
    let mut months: Vec<Month> = bench.ask("month").await?.rows()?;
    months.retain(|it| it.stage == stage);
    let mut reach: Vec<Reach> = bench.ask("reach").await?.rows()?;
    reach.retain(|it| it.stage == stage);
    Ok(Tried {
        value,
        months,
        reach,
        promises: bench.ask("promise").await?.rows()?,
    })
}

fn holed(when: &str) -> Result<&str, Problems> {
    if when.contains(HOLE) {
        return Ok(when);
    }
    let problem = Problem::new(format!("`{when}` has no place for the value"));
    Err(problem
        .fix("write `{}` there, as `lead_score >= {}`")
        .into())
}

/// The stage's triggers with a hole where the one number stands, or the one that is named.
fn with_hole(stage: &Stage, number: Option<&str>) -> Result<Vec<Trigger>, Problems> {
    let texts = stage.triggers.iter().filter_map(expression);
    let there: Vec<&str> = texts.flat_map(|sql| numbers(&sql.text)).collect();
    let meant: Vec<&str> = match number {
        Some(number) => there.iter().copied().filter(|it| *it == number).collect(),
        None => there.clone(),
    };
    let [meant] = meant.as_slice() else {
        return Err(which(stage, number, &there));
    };
    let mut pattern = stage.triggers.clone();
    for sql in pattern.iter_mut().filter_map(expression_mut) {
        sql.text = replaced(&sql.text, meant);
    }
    Ok(pattern)
}

fn which(stage: &Stage, number: Option<&str>, there: &[&str]) -> Problems {
    let what = match (number, there) {
        (_, []) => format!("No trigger of stage `{}` holds a number", stage.id),
        (None, _) => format!("The triggers of stage `{}` hold several numbers", stage.id),
        (Some(number), _) if there.contains(&number) => {
            format!(
                "The triggers of stage `{}` hold `{number}` more than once",
                stage.id
            )
        }
        (Some(number), _) => format!("No trigger of stage `{}` holds `{number}`", stage.id),
    };
    let fix = match there {
        [] => "say what to try, as `--when 'lead_score >= {}'`".to_owned(),
        there => format!(
            "name one that stands there once with `--number`: {}; or write the condition with `--when`",
            there.join(", ")
        ),
    };
    Problem::new(what).at(stage.place.clone()).fix(fix).into()
}

fn expression(trigger: &Trigger) -> Option<&Sql> {
    match trigger {
        Trigger::Stamp(_) => None,
        Trigger::When(sql) => Some(sql),
        Trigger::On { predicate, .. } => predicate.as_ref(),
    }
}

fn expression_mut(trigger: &mut Trigger) -> Option<&mut Sql> {
    match trigger {
        Trigger::Stamp(_) => None,
        Trigger::When(sql) => Some(sql),
        Trigger::On { predicate, .. } => predicate.as_mut(),
    }
}

fn filled(pattern: &[Trigger], value: &str) -> Vec<Trigger> {
    let mut triggers = pattern.to_vec();
    for sql in triggers.iter_mut().filter_map(expression_mut) {
        sql.text = sql.text.replace(HOLE, value);
    }
    triggers
}

/// The numbers of an expression, outside quotes and names.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter(|piece| is_number(piece))
}

fn is_number(piece: &str) -> bool {
    piece.starts_with(|first: char| first.is_ascii_digit()) && piece.parse::<f64>().is_ok()
}

/// The expression with a hole in the place of a number.
fn replaced(text: &str, number: &str) -> String {
    let piece = |piece| if piece == number { HOLE } else { piece };
    pieces(text).map(piece).collect()
}

/// A text in pieces that together are the whole: quoted texts, words and numbers, and what lies between.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = if first == '\'' || first == '"' {
            let inside = rest.get(1..).unwrap_or_default();
            inside.find(first).map_or(rest.len(), |at| at + 2)
        } else if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // A number stands alone: not in a text, a quoted name or a name with digits.
    #[test]
    fn numbers_are_found_where_they_stand() {
        let text = "score2 >= 65 and kind = '65' and \"a 7\" < 0.5";
        assert_eq!(numbers(text).collect::<Vec<_>>(), ["65", "0.5"]);
        let hole = "score2 >= {} and kind = '65' and \"a 7\" < 0.5";
        assert_eq!(replaced(text, "65"), hole);
    }
}
