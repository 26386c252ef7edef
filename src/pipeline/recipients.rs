//! Who gets a report: those whom the configuration names, and those whom its queries give.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value;

use super::{PipelineError, Session};
use crate::config::{
    Cells, Config, Listed, RECIPIENT_COLUMNS, RecipientQuery, Report, Scope, Sees, unsaid,
};
use crate::metrics::{self, MetricSet};
use crate::problem::{Problem, Problems, nearest};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Relation};

/// The recipients of a report. What was wrong with a row costs nobody but its own recipient.
pub(super) struct Recipients {
    pub(super) listed: Vec<Listed>,
    /// What was wrong with rows, naming nobody.
    pub(super) refused: Vec<String>,
    /// What is wrong with whole queries.
    pub(super) problems: Vec<Problem>,
}

/// Those whom the configuration names first, then those of each query by address.
pub(super) async fn of_report(
    session: &Session,
    config: &Config,
    report: &Report,
) -> Result<Recipients, PipelineError> {
    let mut found = Recipients {
        listed: report.recipients.clone(),
        refused: Vec::new(),
        problems: Vec::new(),
    };
    for query in &report.recipient_queries {
        match rows(session, config, query).await {
            Ok((file, rows)) => found.add(config, query, &file, rows),
            Err(PipelineError::Problems(Problems(problems))) => found.problems.extend(problems),
            Err(error) => {
                let what = format!("The recipients' query `{}` fails", query.name);
                let problem = Problem::new(what).at(query.place.clone());
                found.problems.push(problem.why(error.to_string()));
            }
        }
    }
    Ok(found)
}

/// What who has an address would see of a report.
pub(super) async fn one(
    session: &Session,
    config: &Config,
    report: &Report,
    address: &str,
) -> Result<Sees, PipelineError> {
    let found = of_report(session, config, report).await?;
    let mut listed = found.listed.into_iter();
    let named = listed.find(|it| it.recipient.address().eq_ignore_ascii_case(address.trim()));
    if let Some(listed) = named {
        return Ok(listed.sees);
    }
    let mut problems = found.problems;
    let what = format!("Nobody with this address gets the report `{}`", report.name);
    let mut problem = Problem::new(what).at(report.place.clone());
    if let Some(why) = found.refused.first() {
        let more = found.refused.len();
        problem = problem.why(format!(
            "of its recipients {more} are refused, such as: {why}"
        ));
    }
    problems.push(problem.fix("add it to the report's `to`, or to the query that stands there"));
    Err(Problems(problems).into())
}

/// Plans a report's queries, those of its recipients and of their scopes. Gives what it would show to
/// who sees everything, and what is wrong.
pub(super) async fn check(
    session: &Session,
    config: &Config,
    report: &Report,
    as_of: Date,
) -> Result<(MetricSet, Vec<Problem>), PipelineError> {
    let found = of_report(session, config, report).await?;
    let mut problems = found.problems;
    let mut scopes: Vec<Scope> = Vec::new();
    for listed in &found.listed {
        let scope = &listed.sees.scope;
        if !scope.is_everything() && !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    // A query may give nobody yet.
    for query in report
        .recipient_queries
        .iter()
        .filter(|it| !it.scope.is_empty())
    {
        let columns = query.scope.iter();
        let any = columns.map(|column| (column.clone(), vec!["any".to_owned()]));
        scopes.extend(Scope::part(any).ok());
    }
    let figures = metrics::figures_for(session, config, &report.name, as_of, &scopes).await?;
    for scope in scopes.iter().filter(|scope| !figures.tells_apart(scope)) {
        problems.push(nothing_told(report, scope));
    }
    let whole = figures.of(&Sees::default(), &config.delivery.privacy)?;
    Ok((whole.set, problems))
}

/// A scope on a report that tells nothing apart.
pub(super) fn nothing_told(report: &Report, scope: &Scope) -> Problem {
    let listed = report.recipients.iter().find(|it| it.sees.scope == *scope);
    let place = listed.and_then(|it| it.place.clone());
    let what = format!(
        "Nothing of the report `{}` can be limited to {}",
        report.name,
        scope.words()
    );
    Problem::new(what)
        .at(place.unwrap_or_else(|| report.place.clone()))
        .why("none of its queries tells whose each row is, so such a recipient gets no mail")
        .fix("give the recipient another report, or add `scoped/` queries to this one")
}

/// The query's file and its rows, in the order of their texts.
async fn rows(
    session: &Session,
    config: &Config,
    query: &RecipientQuery,
) -> Result<(String, Vec<Cells>), PipelineError> {
    let all = load("recipients", &config.queries)?;
    let names: Vec<String> = all.iter().map(|it| it.name.clone()).collect();
    let Some(relation) = all.into_iter().find(|it| it.name == query.name) else {
        return Err(Problems::from(no_query(config, query, &names)).into());
    };
    let frame = session.run(&relation).await?;
    check_columns(query, &relation, &frame)?;
    let rows: Vec<serde_json::Map<String, Value>> = frame.rows()?;
    let mut rows: Vec<Cells> = rows.into_iter().map(cells).collect();
    rows.sort_by(|a, b| (a.get("email"), a).cmp(&(b.get("email"), b)));
    Ok((relation.file, rows))
}

fn cells(row: serde_json::Map<String, Value>) -> Cells {
    let texts = row.into_iter().filter_map(|(column, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some((column, text))
    });
    texts.collect()
}

fn no_query(config: &Config, query: &RecipientQuery, names: &[String]) -> Problem {
    let folder = config.queries.join("recipients");
    let fix = match nearest(&query.name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write `{}.sql` in `{}`", query.name, folder.display()),
    };
    Problem::new(format!("There is no recipients' query `{}`", query.name))
        .at(query.place.clone())
        .fix(fix)
}

/// The columns must be those that mean something, and the scope must be what the configuration says.
fn check_columns(
    query: &RecipientQuery,
    relation: &Relation,
    frame: &Frame,
) -> Result<(), Problems> {
    let fields = frame.schema.fields().iter();
    let columns: Vec<&str> = fields.map(|it| it.name().as_str()).collect();
    let scope: Vec<&str> = query.scope.iter().map(String::as_str).collect();
    let unsaid = unsaid(columns.iter().copied(), &query.scope);
    let known = |it: &&&str| {
        RECIPIENT_COLUMNS.contains(*it) || scope.contains(*it) || unsaid.contains(**it)
    };
    let needed = ["email"].into_iter().chain(scope.iter().copied());
    let missing = needed.filter(|column| !columns.contains(column));
    let mut problems: Vec<Problem> = missing.map(|it| lacks(query, relation, it)).collect();
    problems.extend(unsaid.iter().map(|it| no_scope(query, &scope, it)));
    let strange = columns.iter().filter(|it| !known(it));
    problems.extend(strange.map(|it| meaningless(relation, it)));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems(problems))
    }
}

fn lacks(query: &RecipientQuery, relation: &Relation, column: &str) -> Problem {
    let name = &query.name;
    Problem::new(format!(
        "The recipients' query `{name}` gives no column `{column}`"
    ))
    .at(relation.start())
    .fix(format!("add `{column}` to its `select`"))
}

fn no_scope(query: &RecipientQuery, scope: &[&str], column: &str) -> Problem {
    let scope: Vec<&str> = scope.iter().copied().chain([column]).collect();
    Problem::new(format!(
        "`{column}` would be a scope, and `to` does not say that it is one"
    ))
    .at(query.place.clone())
    .fix(format!(
        "write `{{ query: {}, scope: [{}] }}`, or take it out of the query",
        query.name,
        scope.join(", ")
    ))
}

fn meaningless(relation: &Relation, column: &str) -> Problem {
    let fix = match nearest(column, RECIPIENT_COLUMNS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name some of `{}`", RECIPIENT_COLUMNS.join("`, `")),
    };
    let place = relation.mention(column);
    Problem::new(format!("`{column}` means nothing of a recipient"))
        .at(place.unwrap_or_else(|| relation.start()))
        .fix(fix)
}

impl Recipients {
    fn add(&mut self, config: &Config, query: &RecipientQuery, file: &str, rows: Vec<Cells>) {
        let mut by_address: BTreeMap<String, Result<Listed, String>> = BTreeMap::new();
        for (number, cells) in (1..).zip(rows) {
            let told =
                |what: &str| format!("{file}, row {number} in the order of addresses: {what}");
            let read = Listed::of_row(&cells, &query.scope);
            let key = cells.get("email").map(|it| it.trim().to_ascii_lowercase());
            let key = key.unwrap_or_else(|| number.to_string());
            let one = match (by_address.remove(&key), read) {
                (_, Err(what)) => Err(told(&what)),
                (Some(Err(what)), _) => Err(what),
                (Some(Ok(before)), Ok(next)) => before.joined(next).map_err(|it| told(&it)),
                (None, Ok(_)) if self.has(&key) => {
                    Err(told("its address gets this report already"))
                }
                (None, Ok(next)) if !config.delivery.privacy.admits(next.recipient.address()) => {
                    Err(told(
                        "mail may not go to its domain, see `delivery.privacy.domains`",
                    ))
                }
                (None, Ok(next)) => Ok(next),
            };
            by_address.insert(key, one);
        }
        for one in by_address.into_values() {
            match one {
                Ok(listed) => self.listed.push(listed),
                Err(what) => self.refused.push(what),
            }
        }
    }

    fn has(&self, address: &str) -> bool {
        let mut listed = self.listed.iter();
        listed.any(|it| it.recipient.address().eq_ignore_ascii_case(address))
    }
}
