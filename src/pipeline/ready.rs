//! What a deployment brings besides its configuration: queries and templates of its own. All that is
//! wrong with them before anything is pulled is told at once.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{PipelineError, gates};
use crate::config::{Config, Funnel, Source};
use crate::funnel;
use crate::problem::{Problem, Problems, nearest};
use crate::report::{self, Templates};
use crate::warehouse::Relation;
use crate::warehouse::query::relation;

/// What a deployment brings besides its configuration, read and checked.
pub(super) struct Ready {
    /// The canonical queries of every configured source, by source name.
    pub(super) canonical: BTreeMap<String, Vec<Relation>>,
    pub(super) templates: Templates,
}

/// Everything that can be known to be wrong before anything is pulled, told at once.
pub(super) fn ready(config: &Config, as_of: Date) -> Result<Ready, PipelineError> {
    let mut problems = unknown_reports(config);
    problems.extend(gates::unknown(config));
    let canonical = canonical(config, &mut problems);
    let templates = Templates::load(&config.templates)
        .and_then(|templates| report::check(&templates).map(|()| templates))
        .map_err(|Problems(more)| problems.extend(more));
    let Funnel {
        definition,
        effective_from,
        ..
    } = &config.funnel;
    match templates {
        Ok(templates) if problems.is_empty() && *effective_from <= as_of => Ok(Ready {
            canonical,
            templates,
        }),
        _ if problems.is_empty() => Err(PipelineError::NotInForce {
            definition: definition.clone(),
            effective_from: *effective_from,
            as_of,
        }),
        _ => Err(Problems(problems).into()),
    }
}

/// The canonical queries of every configured source, by source name.
pub(super) fn canonical(
    config: &Config,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Vec<Relation>> {
    let mut queries = BTreeMap::new();
    for source in &config.sources {
        match relation::load(&format!("canonical/{}", source.name), &config.queries) {
            Ok(relations) if relations.is_empty() => problems.push(unmapped(config, source)),
            Ok(relations) => {
                problems.extend(relations.iter().filter_map(nowhere_read));
                queries.insert(source.name.clone(), relations);
            }
            Err(Problems(more)) => problems.extend(more),
        }
    }
    queries
}

/// A canonical query that no table is made from is a misspelt file name.
fn nowhere_read(relation: &Relation) -> Option<Problem> {
    let tables = funnel::canonical_tables();
    let name = relation.name.as_str();
    if tables.contains(&name) {
        return None;
    }
    let fix = match nearest(name, tables) {
        Some(near) => format!("did you mean `{near}.sql`?"),
        None => format!("name it for one of `{}`", tables.join("`, `")),
    };
    let problem = Problem::new(format!("There is no canonical table `{name}`"));
    Some(problem.at(relation.start()).fix(fix))
}

/// Without canonical queries nothing of a source reaches the funnel.
fn unmapped(config: &Config, source: &Source) -> Problem {
    let folder = config.queries.join("canonical").join(&source.name);
    Problem::new(format!(
        "No query says what the streams of `{}` mean",
        source.name
    ))
    .at(source.place.clone())
    .fix(format!(
        "write `person_version.sql` and what else applies in `{}`",
        folder.display()
    ))
}

/// Reports that are neither shipped nor have queries of the deployment's own.
fn unknown_reports(config: &Config) -> Vec<Problem> {
    let shipped = report::names();
    let known = |name: &str| shipped.contains(&name) || has_queries(config, name);
    let unknown = config.reports.iter().filter(|report| !known(&report.name));
    unknown
        .map(|report| {
            let folder = config.queries.join("reports").join(&report.name);
            Problem::new(format!("There is no report `{}`", report.name))
                .at(report.place.clone())
                .fix(format!(
                    "name one of `{}`, or write its queries in `{}`",
                    shipped.join("`, `"),
                    folder.display()
                ))
        })
        .collect()
}

/// Whether a report has queries; what is wrong with them is told where they are planned.
fn has_queries(config: &Config, report: &str) -> bool {
    let queries = relation::load(&format!("reports/{report}"), &config.queries);
    queries.map_or(true, |queries| !queries.is_empty())
}
