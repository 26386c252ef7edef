//! The values in use in the columns that conditions of the definition read, and which conditions
//! each meets: a query that is put together from `funnel.yaml`, since its columns and conditions are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;

use super::MetricsError;
use super::definition::Rule;
use crate::warehouse::Session;

/// What may name a person is no term and is never counted by value.
const PERSONAL: [&str; 5] = ["person_id", "record_id", "email", "name", "last_name"];

/// The relation of one row a table, column and value; see `queries/audit/audit_value.sql`.
const TERM_USE: &str = "term_use";

/// The relation of one row an exclusion.
const EXCLUSION_USE: &str = "exclusion_use";

/// The conditions over one table of versions.
struct Conditions<'a> {
    table: &'static str,
    /// The column that tells whose version a row is.
    key: &'static str,
    rules: Vec<&'a Rule<'a>>,
}

/// Registers `term_use`: of `person_version` and `opportunity_version`, every value of every text
/// column that a condition reads.
///
/// Columns: `source_table`, field, value (null: blank); ever, now (persons or opportunities that had
/// and have it); `first_seen`, `last_seen` (instants; the as-of day's end while in use); stages and exits
/// (whose conditions read the column and held on a version with the value, as a list of ids);
/// `stages_n`; `at_once` (versions on which conditions of two stages held together).
pub(super) async fn register(session: &Session, rules: &[Rule<'_>]) -> Result<(), MetricsError> {
    exclusions(session, rules).await?;
    let is_of = |rule: &&Rule<'_>, on_opportunity: bool| match rule.event {
        None => rule.kind != "stamp" && rule.kind != "exclude" && !on_opportunity,
        Some(event) => event == "opportunity" && on_opportunity,
    };
    let of = |on| rules.iter().filter(|rule| is_of(rule, on)).collect();
    let tables = [
        Conditions {
            table: "person_version",
            key: "person_id",
            rules: of(false),
        },
        Conditions {
            table: "opportunity_version",
            key: "opportunity_id",
            rules: of(true),
        },
    ];
    let mut parts = vec![NOTHING.to_owned()];
    for conditions in &tables {
        parts.extend(conditions.parts(session).await?);
    }
    let frame = session
        .query(TERM_USE, &parts.join("\nunion all\n"))
        .await?;
    Ok(session.register(TERM_USE, frame.schema, frame.batches)?)
}

/// Registers `exclusion_use`: of every exclusion, by name, how many persons meet it now and ever did.
async fn exclusions(session: &Session, rules: &[Rule<'_>]) -> Result<(), MetricsError> {
    let none = "select cast(null as varchar) as name, cast(null as bigint) as now, cast(null as bigint) as ever where false";
    let excluded = rules.iter().filter(|rule| rule.kind == "exclude");
    let each = excluded.map(|rule| {
        let name = rule.name.unwrap_or_default().replace('\'', "''");
        let when = rule.expression.unwrap_or("true");
        format!(
            "select '{name}' as name, count(*) filter (where valid_to is null) as now,
    count(distinct person_id) as ever
from person_version
where not deleted and ({when}\n)"
        )
    });
    let parts: Vec<String> = [none.to_owned()].into_iter().chain(each).collect();
    let frame = session
        .query(EXCLUSION_USE, &parts.join("\nunion all\n"))
        .await?;
    Ok(session.register(EXCLUSION_USE, frame.schema, frame.batches)?)
}

/// No row, with the columns and their types.
const NOTHING: &str = "select cast(null as varchar) as source_table, cast(null as varchar) as field,
    cast(null as varchar) as value, cast(null as bigint) as ever, cast(null as bigint) as now,
    $as_of_end as first_seen, $as_of_end as last_seen, cast(null as varchar) as stages,
    cast(null as varchar) as exits, cast(null as bigint) as stages_n, cast(null as bigint) as at_once
where false";

impl Conditions<'_> {
    /// One query a column.
    async fn parts(&self, session: &Session) -> Result<Vec<String>, MetricsError> {
        let none = format!("select * from {} where false", self.table);
        let schema = session.query(self.table, &none).await?.schema;
        let mut fields: BTreeMap<String, Vec<&Rule<'_>>> = BTreeMap::new();
        for rule in &self.rules {
            for column in columns(session, &schema, rule) {
                fields.entry(column).or_default().push(rule);
            }
        }
        Ok(fields
            .iter()
            .map(|(field, rules)| self.part(field, rules))
            .collect())
    }

    /// The values of `field`, which `rules` read.
    fn part(&self, field: &str, rules: &[&Rule<'_>]) -> String {
        let Self { table, key, .. } = self;
        let stages: BTreeSet<&str> = of_stages(rules).filter_map(|rule| rule.stage).collect();
        let exits: BTreeSet<&str> = rules.iter().map(|rule| rule.kind).filter(is_exit).collect();
        let mut met = String::new();
        for stage in &stages {
            let all = of_stages(rules).filter(|rule| rule.stage == Some(stage));
            write_met(&mut met, &format!("stage_{stage}"), all);
        }
        for exit in &exits {
            let all = rules.iter().copied().filter(|rule| rule.kind == *exit);
            write_met(&mut met, &format!("exit_{exit}"), all);
        }
        let list = |prefix: &str, names: &BTreeSet<&str>| {
            let each = names
                .iter()
                .map(|name| format!("case when max(\"{prefix}_{name}\") = 1 then '{name}' end"));
            let each: Vec<String> = each.collect();
            if each.is_empty() {
                return "cast(null as varchar)".to_owned();
            }
            format!("nullif(concat_ws(', ', {}), '')", each.join(", "))
        };
        let sum = |of: &dyn Fn(&str) -> String| {
            let each: Vec<String> = stages.iter().map(|stage| of(stage)).collect();
            if each.is_empty() {
                return "cast(0 as bigint)".to_owned();
            }
            each.join(" + ")
        };
        let stages_n = sum(&|stage| format!("max(\"stage_{stage}\")"));
        let held = sum(&|stage| format!("\"stage_{stage}\""));
        format!(
            "select '{table}' as source_table, '{field}' as field, value,
    count(distinct {key}) as ever,
    count(*) filter (where valid_to is null) as now,
    min(valid_from) as first_seen,
    max(least(coalesce(valid_to, $as_of_end), $as_of_end)) as last_seen,
    {} as stages, {} as exits,
    {stages_n} as stages_n,
    count(*) filter (where {held} > 1) as at_once
from (
    select {key}, valid_from, valid_to, nullif(trim(\"{field}\"), '') as value{met}
    from {table}
    where not deleted
) held
group by value",
            list("stage", &stages),
            list("exit", &exits),
        )
    }
}

fn of_stages<'a>(rules: &'a [&'a Rule<'a>]) -> impl Iterator<Item = &'a Rule<'a>> {
    rules.iter().copied().filter(|rule| !is_exit(&rule.kind))
}

fn is_exit(kind: &&'static str) -> bool {
    matches!(*kind, "recycle" | "disqualify")
}

/// Adds a column that is 1 where one of the rules holds. A rule without a condition always holds.
fn write_met<'a>(into: &mut String, name: &str, rules: impl Iterator<Item = &'a Rule<'a>>) {
    let each =
        rules.map(|rule| format!("coalesce(({}\n), false)", rule.expression.unwrap_or("true")));
    let each: Vec<String> = each.collect();
    write!(
        into,
        ",\n        cast({} as bigint) as \"{name}\"",
        each.join(" or ")
    )
    .expect("writing to a String does not fail");
}

/// The text columns that a rule reads and that name nobody.
fn columns(session: &Session, schema: &Schema, rule: &Rule<'_>) -> BTreeSet<String> {
    let (Some(sql), Ok(columns)) = (rule.expression, DFSchema::try_from(schema.clone())) else {
        return BTreeSet::new();
    };
    // The funnel planned it before, so it is an expression over these columns.
    let Ok(expression) = session.context().state().create_logical_expr(sql, &columns) else {
        return BTreeSet::new();
    };
    let read = expression
        .column_refs()
        .into_iter()
        .map(|it| it.name.clone());
    read.filter(|name| !PERSONAL.contains(&name.as_str()))
        .filter(|name| is_text(schema, name))
        .collect()
}

fn is_text(schema: &Schema, name: &str) -> bool {
    let field = schema.field_with_name(name);
    field.is_ok_and(|field| {
        matches!(
            field.data_type(),
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
        )
    })
}
