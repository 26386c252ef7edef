//! The table `evidence`: signs in the order in which the walk takes persons.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use super::{Definition, Facts, Origin, Sign, Signs, Who};
use crate::funnel::FunnelError;
use crate::funnel::history::{filled, text};

/// The names of those whom signs are about, and their places in the order of the names.
struct Names {
    names: Vec<(String, Who)>,
}

impl Names {
    fn new(facts: &Facts<'_>, signs: &[Sign]) -> Self {
        let who: BTreeSet<Who> = signs.iter().map(|sign| sign.who).collect();
        let name = |who: &Who| match who {
            Who::Person(person) => facts.versions.history.keys[*person].clone(),
            Who::Opportunity(opportunity) => {
                format!(
                    "opportunity:{}",
                    facts.opportunities.history.keys[*opportunity]
                )
            }
        };
        let mut names: Vec<(String, Who)> = who.iter().map(|who| (name(who), *who)).collect();
        names.sort_unstable();
        Self { names }
    }
}

/// The rows of `evidence`, sorted by person, instant, stage and kind.
pub(in crate::funnel) fn table(
    facts: &Facts<'_>,
    definitions: &[Definition<'_>],
    signs: Signs,
) -> Result<RecordBatch, FunnelError> {
    let mut signs = signs.dated;
    let names = Names::new(facts, &signs);
    let place: HashMap<Who, usize> = names
        .names
        .iter()
        .enumerate()
        .map(|(place, (_, who))| (*who, place))
        .collect();
    // Stable, so that what is equal here stays in the order of the definition.
    signs.sort_by_cached_key(|sign| (place[&sign.who], sign.at, sign.order, sign.kind));
    let excluded = excluded(facts, definitions, &signs)?;
    let origins = Origins::of(facts);
    let person = signs
        .iter()
        .map(|sign| Some(names.names[place[&sign.who]].0.as_str()));
    let stage = |sign: &Sign| {
        let index = sign.order.checked_sub(1)?;
        let funnel = definitions[sign.definition].funnel;
        Some(funnel.stages[index].id.as_str())
    };
    let opportunity = |sign: &Sign| {
        let number = sign.opportunity?;
        Some(facts.opportunities.history.keys[number].as_str())
    };
    let order = |sign: &Sign| i64::try_from(sign.order).ok();
    crate::funnel::table([
        (
            "person_id",
            Arc::new(person.collect::<StringArray>()) as ArrayRef,
        ),
        ("at", instants(&signs, |sign| Some(sign.at))),
        ("stage", texts(&signs, stage)),
        (
            "stage_order",
            Arc::new(signs.iter().map(order).collect::<Int64Array>()),
        ),
        ("kind", texts(&signs, |sign| Some(sign.kind.as_str()))),
        ("via", texts(&signs, |sign| Some(sign.via.as_str()))),
        ("source", texts(&signs, |sign| origins.source(sign.origin))),
        (
            "record_id",
            texts(&signs, |sign| origins.record(sign.origin)),
        ),
        ("opportunity_id", texts(&signs, opportunity)),
        ("seen_after", instants(&signs, |sign| sign.seen_after)),
        ("known_at", instants(&signs, |sign| Some(sign.known_at))),
        ("censored", truths(&signs, |sign| Some(sign.censored))),
        ("imported", truths(&signs, |sign| Some(sign.imported))),
        ("date_only", truths(&signs, |sign| Some(sign.date_only))),
        ("won", truths(&signs, |sign| sign.won)),
        ("reason", texts(&signs, |sign| sign.reason.as_deref())),
        (
            "customer",
            truths(&signs, |sign| Some(is_customer(facts, sign))),
        ),
        (
            "new_business",
            truths(&signs, |sign| Some(sign.new_business)),
        ),
        ("amount", amounts(&signs)?),
        ("excluded", Arc::new(BooleanArray::from(excluded))),
    ])
}

fn texts<'a>(signs: &'a [Sign], cell: impl Fn(&'a Sign) -> Option<&'a str>) -> ArrayRef {
    Arc::new(signs.iter().map(cell).collect::<StringArray>())
}

fn truths(signs: &[Sign], cell: impl Fn(&Sign) -> Option<bool>) -> ArrayRef {
    Arc::new(signs.iter().map(cell).collect::<BooleanArray>())
}

fn instants(signs: &[Sign], cell: impl Fn(&Sign) -> Option<i64>) -> ArrayRef {
    let instants: TimestampMicrosecondArray = signs.iter().map(cell).collect();
    Arc::new(instants.with_timezone("UTC"))
}

fn amounts(signs: &[Sign]) -> Result<ArrayRef, FunnelError> {
    let amounts: Decimal128Array = signs.iter().map(|sign| sign.amount).collect();
    let amounts = amounts
        .with_precision_and_scale(18, 4)
        .map_err(FunnelError::arrow("typing amounts"))?;
    Ok(Arc::new(amounts))
}

/// An opportunity's own win makes nobody a customer before it.
fn is_customer(facts: &Facts<'_>, sign: &Sign) -> bool {
    match sign.who {
        Who::Person(person) => facts.customers.is(person, sign.at, sign.opportunity),
        Who::Opportunity(_) => false,
    }
}

/// Whether each sign's person is excluded at its instant: as of the version then, or the first if
/// there was none by then; of a date, as of the day's end.
fn excluded(
    facts: &Facts<'_>,
    definitions: &[Definition<'_>],
    signs: &[Sign],
) -> Result<Vec<bool>, FunnelError> {
    let history = &facts.versions.history;
    let mut excluded = vec![false; signs.len()];
    let rules = definitions.iter().enumerate();
    let rules = rules.flat_map(|(number, of)| of.exclude.iter().map(move |rule| (number, rule)));
    for (definition, (rule, ever)) in rules {
        let met = rule.truths(&history.rows, None)?;
        for (sign, excluded) in signs.iter().zip(&mut excluded) {
            let Who::Person(person) = sign.who else {
                continue;
            };
            if sign.definition != definition {
                continue;
            }
            let mut span = history.spans[person].clone();
            *excluded |= if *ever {
                span.any(|version| met.value(version))
            } else {
                let instant = if sign.date_only {
                    facts.day_end(sign.at)
                } else {
                    sign.at
                };
                met.value(history.as_of(person, instant).unwrap_or(span.start))
            };
        }
    }
    Ok(excluded)
}

/// Where the names of origins stand: of each kind, the sources and the ids.
struct Origins<'a>([(&'a StringArray, &'a StringArray); 4]);

impl<'a> Origins<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let columns = |rows: &'a RecordBatch, id| (text(rows, "source"), text(rows, id));
        Self([
            columns(&facts.records.rows, "record_id"),
            columns(&facts.opportunities.history.rows, "opportunity_id"),
            columns(&facts.activity.table, facts.activity.id),
            columns(&facts.response.table, facts.response.id),
        ])
    }

    fn row(&self, origin: Origin) -> (&'a StringArray, &'a StringArray, usize) {
        let (kind, row) = match origin {
            Origin::Record(row) => (0, row),
            Origin::Opportunity(row) => (1, row),
            Origin::Activity(row) => (2, row),
            Origin::Response(row) => (3, row),
        };
        (self.0[kind].0, self.0[kind].1, row)
    }

    fn source(&self, origin: Origin) -> Option<&'a str> {
        let (sources, _, row) = self.row(origin);
        filled(sources, row)
    }

    fn record(&self, origin: Origin) -> Option<&'a str> {
        let (_, ids, row) = self.row(origin);
        filled(ids, row)
    }
}
