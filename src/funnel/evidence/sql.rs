//! The SQL behind each trigger: what the program evaluates, as a query over the published tables that
//! gives the same persons at the same instants, without those who are excluded then.

mod excluded;
mod scored;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions_mut};

use self::excluded::Excluded;
use crate::config::{Event, Funnel, Score, Sql, Trigger};
use crate::funnel::FunnelError;
use crate::funnel::shape::{self, Shape};
use crate::warehouse::{Relation, Session};

/// One trigger's query. Its columns: `person_id`, `at`; for an opportunity `opportunity_id` too.
#[derive(Debug, serde::Serialize)]
pub(crate) struct TriggerSql {
    pub(crate) stage: String,
    /// `stamp`, `when` or `on`.
    pub(crate) trigger: &'static str,
    pub(crate) sql: String,
}

/// What a source gives of a canonical table: the source's name, its query and the query's columns.
struct Records {
    source: String,
    sql: String,
    columns: SchemaRef,
}

/// The queries behind every trigger of every stage, in order. The session holds the streams, with or
/// without rows.
pub(crate) async fn trigger_sql(
    session: &Session,
    canonical: &BTreeMap<String, Vec<Relation>>,
    funnel: &Funnel,
) -> Result<Vec<TriggerSql>, FunnelError> {
    let records = sources(session, canonical, &shape::PERSON).await?;
    let deals = sources(session, canonical, &shape::OPPORTUNITY).await?;
    let excluded = Excluded::new(&funnel.exclude);
    let mut queries = Vec::new();
    for (index, stage) in funnel.stages.iter().enumerate() {
        let last = index + 1 == funnel.stages.len();
        for trigger in &stage.triggers {
            let (name, sql) = match trigger {
                Trigger::Stamp(sql) => ("stamp", stamp(&records, &sql.text, &excluded)),
                Trigger::When(sql) => ("when", when(&records, &funnel.scores, sql, &excluded)),
                Trigger::On {
                    event: Event::Opportunity,
                    predicate,
                    at,
                } => (
                    "on",
                    opportunity(&deals, predicate.as_ref(), at.as_ref(), last, &excluded),
                ),
                Trigger::On {
                    event, predicate, ..
                } => ("on", event_sql(*event, predicate.as_ref(), &excluded)),
            };
            queries.push(TriggerSql {
                stage: stage.id.clone(),
                trigger: name,
                sql,
            });
        }
    }
    Ok(queries)
}

/// The sources that give a canonical table and whose streams are there.
async fn sources(
    session: &Session,
    canonical: &BTreeMap<String, Vec<Relation>>,
    shape: &Shape,
) -> Result<Vec<Records>, FunnelError> {
    let tables = session.tables();
    let mut records = Vec::new();
    for (source, relations) in canonical {
        let named = relations.iter().find(|it| it.name == shape.table);
        let Some(relation) = named.filter(|it| it.needs.is_subset(&tables)) else {
            continue;
        };
        records.push(Records {
            source: source.clone(),
            sql: relation.sql.trim().trim_end_matches(';').to_owned(),
            columns: session.run(relation).await?.schema,
        });
    }
    Ok(records)
}

/// A common table expression of every record's versions, with these columns.
fn record(records: &[Records], columns: &[String]) -> String {
    let own = ["stream", "record_id", "valid_from", "known_at", "deleted"];
    let loose = [
        (
            "seen_after",
            r#"arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))')"#,
        ),
        ("via", "cast(null as varchar)"),
    ];
    let parts = records.iter().map(|part| {
        let has = |name: &str| part.columns.index_of(name).is_ok();
        let mut selected = vec![format!("'{}' as source", part.source)];
        selected.extend(own.map(str::to_owned));
        for (name, null) in loose {
            selected.push(if has(name) {
                name.to_owned()
            } else {
                format!("{null} as {name}")
            });
        }
        let named = columns.iter().filter(|it| !own.contains(&it.as_str()));
        selected.extend(named.map(|name| {
            let quoted = quoted(name);
            if has(name) {
                quoted
            } else {
                format!("null as {quoted}")
            }
        }));
        format!(
            "    select {}\n    from (\n{}\n    )",
            selected.join(", "),
            part.sql
        )
    });
    let parts: Vec<String> = parts.collect();
    format!("record as (\n{}\n)", parts.join("\n    union all\n"))
}

const OF_RECORD: &str = "p.source = r.source and p.stream = r.stream and p.record_id = r.record_id";

fn stamp(records: &[Records], column: &str, excluded: &Excluded) -> String {
    let name = quoted(column);
    let (at, latest, on, judged) = if holds_dates(records, column) {
        let judged = "day_end(local_date(r.at))";
        (
            "day_start(stamp)",
            "day_end(next_stamp)",
            "next_stamp",
            judged,
        )
    } else {
        ("stamp", "next_stamp", "local_date(next_stamp)", "r.at")
    };
    let (step, unless) = excluded.beside("p.person_id", judged);
    let next_at = at.replace("stamp", "next_stamp");
    let record = record(records, &[column.to_owned()]);
    format!(
        "-- Every instant ever seen in `{column}`, record by record, but for those that were corrected: a
-- replacement dated before the last look corrects what it replaces.
with {record},
seen as (
    select *, {name} as stamp, lag({name}) over (partition by source, stream, record_id order by valid_from) as before
    from record
    where not deleted and {name} is not null
),
changed as (
    select
        *,
        lead(stamp) over (partition by source, stream, record_id order by valid_from) as next_stamp,
        lead(valid_from) over (partition by source, stream, record_id order by valid_from) as next_from,
        lead(seen_after) over (partition by source, stream, record_id order by valid_from) as next_seen_after,
        lead(known_at) over (partition by source, stream, record_id order by valid_from) as next_known_at,
        lead(via) over (partition by source, stream, record_id order by valid_from) as next_via
    from seen
    where before is null or before <> stamp
),
kept as (
    select source, stream, record_id, {at} as at
    from changed
    where next_stamp is null or case
        when next_via = 'history' then {on} = local_date(next_from)
        else (next_seen_after is null or {latest} > next_seen_after)
            and {next_at} <= coalesce(next_known_at, next_from)
    end
){step}
select distinct p.person_id, r.at
from kept r
join person_record p on {OF_RECORD}
where r.at <= $as_of_end{unless}
order by p.person_id, r.at"
    )
}

fn when(records: &[Records], scores: &[Score], sql: &Sql, excluded: &Excluded) -> String {
    let (condition, columns) = bare(&sql.text, None);
    let read = scored::read(scores, &columns);
    if !read.is_empty() {
        let behind = scored::behind(&read, &columns);
        return scored::when(
            &record(records, &behind),
            &changed(&behind),
            &condition,
            &read,
            &behind,
            excluded,
        );
    }
    let (record, new) = (record(records, &columns), changed(&columns));
    let (step, unless) = excluded.beside("t.person_id", "t.at");
    format!(
        "-- The instants at which it turns true over a person's versions, by a change of one of their records.
with {record},
judged as (
    select person_id, valid_from as at, coalesce(({condition}), false) and not deleted as met
    from person_version
),
turned as (
    select person_id, at, met, lag(met) over (partition by person_id order by at) as before
    from judged
),
changed as (
    select distinct p.person_id, r.valid_from as at
    from (select source, stream, record_id, valid_from, {new} as new from record) r
    join person_record p on {OF_RECORD}
    where r.new
){step}
select t.person_id, t.at
from turned t
join changed c on c.person_id = t.person_id and c.at = t.at
where t.met and not coalesce(t.before, false) and t.at <= $as_of_end{unless}
order by t.person_id, t.at"
    )
}

/// Whether a record's version begins with another value in one of these columns.
fn changed(columns: &[String]) -> String {
    let over = "over (partition by source, stream, record_id order by valid_from)";
    let differs = |name: &String| {
        let name = quoted(name);
        format!("({name} is distinct from lag({name}) {over})")
    };
    match columns {
        [] => "true".to_owned(),
        names => {
            let parts: Vec<String> = names.iter().map(differs).collect();
            format!("row_number() {over} = 1 or {}", parts.join(" or "))
        }
    }
}

fn event_sql(event: Event, predicate: Option<&Sql>, excluded: &Excluded) -> String {
    let table = if event == Event::Activity {
        "activity"
    } else {
        "response"
    };
    let condition = predicate.map(|sql| bare(&sql.text, Some("event")).0);
    let condition = condition
        .map(|sql| format!("({sql}) and "))
        .unwrap_or_default();
    let (with, unless) = excluded.alone("event.person_id", "event.occurred_at");
    format!(
        "-- Events, and the person as of each.
{with}select event.person_id, event.occurred_at as at
from {table} event
left join person_version person
    on person.person_id = event.person_id and person.valid_from <= event.occurred_at
    and (person.valid_to is null or person.valid_to > event.occurred_at)
where {condition}event.person_id is not null and event.occurred_at <= $as_of_end{unless}
order by event.person_id, event.occurred_at"
    )
}

/// Whether a column holds dates without time; a date stands for the first instant of its day.
fn holds_dates(sources: &[Records], column: &str) -> bool {
    let is_date = |part: &Records| {
        let field = part.columns.field_with_name(column);
        field.is_ok_and(|field| *field.data_type() == DataType::Date32)
    };
    sources.iter().any(is_date)
}

fn opportunity(
    deals: &[Records],
    predicate: Option<&Sql>,
    at: Option<&Sql>,
    last: bool,
    excluded: &Excluded,
) -> String {
    let condition = predicate.map_or_else(|| "true".to_owned(), |sql| bare(&sql.text, None).0);
    let told = at.map_or_else(|| "null".to_owned(), |at| quoted(&at.text));
    let (at, judged) = match at {
        Some(at) if holds_dates(deals, &at.text) => (
            "coalesce(day_start(told), began)",
            "coalesce(day_end(told), began)",
        ),
        Some(_) => ("coalesce(told, began)", "coalesce(told, began)"),
        None => ("began", "began"),
    };
    let (step, unless) = excluded.beside("p.person_id", "r.judged_at");
    let judged = if unless.is_empty() {
        String::new()
    } else {
        format!(", {judged} as judged_at")
    };
    let stands = if last { "stands and " } else { "" };
    let only = if last {
        ", of which only the one that stands counts"
    } else {
        ""
    };
    format!(
        "-- The runs of an opportunity's versions for which it is true{only}; each is of the credited person.
with judged as (
    select
        opportunity_id, valid_from, deleted, {told} as told,
        coalesce(({condition}), false) and not deleted as met
    from opportunity_version
),
numbered as (
    select
        *,
        sum(case when met then 0 else 1 end) over (partition by opportunity_id order by valid_from) as run,
        max(case when not deleted then valid_from end) over (partition by opportunity_id) as latest
    from judged
),
run as (
    select
        opportunity_id, run, min(valid_from) as began, bool_or(valid_from = latest) as stands,
        last_value(told order by valid_from) filter (where told is not null) as told
    from numbered
    where met
    group by opportunity_id, run
),
dated as (
    select opportunity_id, {at} as at{judged}, stands
    from run
){step}
select coalesce(p.person_id, concat('opportunity:', r.opportunity_id)) as person_id, r.at, r.opportunity_id
from dated r
left join opportunity_person p on p.opportunity_id = r.opportunity_id and p.credited
where {stands}r.at <= $as_of_end{unless}
order by person_id, r.at"
    )
}

/// An expression whose own columns stand bare, or behind `qualifier` if one is given, and those columns,
/// sorted. The person's (`person.x`) stay as they are beside a qualifier.
fn bare(text: &str, qualifier: Option<&str>) -> (String, Vec<String>) {
    let Ok(mut parsed) = DFParser::parse_sql_into_expr(text) else {
        return (text.to_owned(), Vec::new());
    };
    let mut columns = BTreeSet::new();
    let _whole = visit_expressions_mut(&mut parsed.expr, |expr| {
        let name = match expr {
            Expr::Identifier(name) => name.clone(),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [table, _] if qualifier.is_some() && table.value == "person" => {
                    return ControlFlow::<()>::Continue(());
                }
                [.., name] => name.clone(),
                [] => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        let plain = name.quote_style.is_none();
        columns.insert(if plain {
            name.value.to_lowercase()
        } else {
            name.value.clone()
        });
        *expr = match qualifier {
            Some(table) => Expr::CompoundIdentifier(vec![Ident::new(table), name]),
            None => Expr::Identifier(name),
        };
        ControlFlow::Continue(())
    });
    (parsed.expr.to_string(), columns.into_iter().collect())
}

/// A column's name where it may be a word of SQL.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(plain) {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}
