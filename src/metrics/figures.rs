//! The figures of one report: what its queries give, as values that the report's views are read from.
//!
//! Each query is asked once, whoever reads. Queries in the report's `scoped/` folder give the rows of
//! every scope, told apart by `scope_no`; `Figures::of` is the one place where a reader's rows are
//! chosen.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use jiff::civil::Date;

use super::scope::{self, SCOPE_NO};
use super::{MetricsError, measured, member, rows};
use crate::config::{ColumnType, Config, Locale, Scope, SignOff};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Relation, Session};

/// What a report may use, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricSet {
    pub(crate) report: String,
    pub(crate) company: String,
    pub(crate) as_of: Date,
    pub(crate) zone: String,
    pub(crate) definition: String,
    /// Who signed the definition, and who did not.
    pub(crate) sign_off: SignOff,
    /// What was kept from the reader.
    pub(crate) limits: Limits,
    /// Rows by the stem of the query's file.
    pub(crate) tables: BTreeMap<String, Vec<Row>>,
    /// The columns of those rows, in order.
    pub(crate) columns: BTreeMap<String, Vec<(String, ColumnType)>>,
}

pub(crate) type Row = serde_json::Map<String, serde_json::Value>;

/// What a reader does not see, to be said to them, and how they read numbers and dates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The rows that they see, in words; none: all.
    pub(crate) scope: Option<String>,
    /// Nobody's row and nobody's name.
    pub(crate) aggregate: bool,
    /// Fewer persons than this are no figure.
    pub(crate) few: Option<u32>,
    /// What is left out, as the queries call it.
    pub(crate) left_out: Vec<String>,
    pub(crate) locale: Locale,
}

/// The rows of every query of a report, for every reader.
pub(crate) struct Figures {
    /// Without rows.
    pub(super) set: MetricSet,
    pub(super) scopes: Vec<Scope>,
    /// Values of scopes that no row has ever had, in words.
    pub(crate) unknown: BTreeSet<String>,
    pub(super) queries: BTreeMap<String, Query>,
}

/// What one query of a report gave.
pub(super) struct Query {
    /// What it is, in the words of its file.
    pub(super) title: String,
    pub(super) columns: Vec<String>,
    pub(super) whole: Vec<Row>,
    pub(super) scoped: Scoped,
}

/// How a query's rows belong to scopes.
pub(super) enum Scoped {
    /// By a number, null for everyone.
    Numbered(Numbered),
    /// It does not say; the rows' own columns may.
    Unsaid,
}

/// Rows that are taken apart by their scope's number.
pub(super) struct Numbered {
    frame: Frame,
    /// It is a query of scopes, rather than one that is for everyone.
    by_scope: bool,
    /// Which rows are whose, in their order.
    places: BTreeMap<Option<i64>, Vec<u64>>,
}

/// The figures of `report` for who sees everything. See `figures_for`.
#[cfg(test)]
pub(crate) async fn figures(
    session: &Session,
    config: &Config,
    report: &str,
    as_of: Date,
) -> Result<MetricSet, MetricsError> {
    let figures = figures_for(session, config, report, as_of, &[]).await?;
    Ok(figures.whole())
}

/// Runs the queries of `report` over the measures, which are computed if the session lacks them: each
/// once, for all of `scopes`. A query of a report does not read another of its queries.
pub(crate) async fn figures_for(
    session: &Session,
    config: &Config,
    report: &str,
    as_of: Date,
    scopes: &[Scope],
) -> Result<Figures, MetricsError> {
    let relations = queries(report, config)?;
    measured(session, config).await?;
    if relations.iter().any(|it| it.needs.contains(member::TABLE)) {
        member::register(session, config).await?;
    }
    let folder = format!("reports/{report}");
    let (mut twins, unknown) = twins(session, config, &folder, scopes).await?;
    let frames = session.run_all(&relations).await?;
    let (mut queries, mut heads) = (BTreeMap::new(), BTreeMap::new());
    for (relation, frame) in relations.into_iter().zip(frames) {
        heads.insert(relation.name.clone(), columns(&frame));
        // The shipped rows of a scope are not those of a query of the deployment's own.
        let twin = twins.remove(&relation.name);
        let twin = twin.filter(|(twin, _)| twin.own || !relation.own);
        let query = Query::of(&relation, frame, twin.map(|(_, frame)| frame))?;
        queries.insert(relation.name, query);
    }
    Ok(Figures {
        set: MetricSet {
            report: report.to_owned(),
            company: config.company.clone(),
            as_of,
            zone: config.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            definition: config.funnel.definition.clone(),
            sign_off: config.sign_off(),
            limits: Limits::default(),
            tables: BTreeMap::new(),
            columns: heads,
        },
        scopes: scopes.to_vec(),
        unknown,
        queries,
    })
}

/// The queries of one report, those that all share included.
fn queries(report: &str, config: &Config) -> Result<Vec<Relation>, MetricsError> {
    let mut relations = load(&format!("reports/{report}"), &config.queries)?;
    if relations.is_empty() {
        return Err(MetricsError::NoReport {
            report: report.to_owned(),
        });
    }
    let shared = load("reports", &config.queries)?.into_iter();
    let missing = |it: &Relation| relations.iter().all(|own| own.name != it.name);
    let shared: Vec<Relation> = shared.filter(missing).collect();
    relations.extend(shared);
    Ok(relations)
}

/// The types in which a report sees a query's columns; what is none of them is read as text.
fn columns(frame: &Frame) -> Vec<(String, ColumnType)> {
    let kind = |kind: &DataType| match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => ColumnType::Decimal,
        kind if kind.is_integer() => ColumnType::Bigint,
        kind if kind.is_floating() => ColumnType::Double,
        _ => ColumnType::String,
    };
    let fields = frame.schema.fields().iter();
    let fields = fields.filter(|field| field.name() != SCOPE_NO);
    fields
        .map(|field| (field.name().clone(), kind(field.data_type())))
        .collect()
}

type Twins = BTreeMap<String, (Relation, Frame)>;

/// What the `scoped/` queries of a report give, by name; and the values of scopes that no row has.
async fn twins(
    session: &Session,
    config: &Config,
    folder: &str,
    scopes: &[Scope],
) -> Result<(Twins, BTreeSet<String>), MetricsError> {
    if scopes.is_empty() {
        return Ok((Twins::new(), BTreeSet::new()));
    }
    let unknown = scope::register(session, config, scopes).await?;
    let relations = load(&format!("{folder}/scoped"), &config.queries)?;
    let frames = session.run_all(&relations).await?;
    scope::forget(session)?;
    let pairs = relations.into_iter().zip(frames);
    let twins = pairs.map(|it| (it.0.name.clone(), it)).collect();
    Ok((twins, unknown))
}

impl Figures {
    /// Every row that belongs to no scope alone.
    #[cfg(test)]
    fn whole(self) -> MetricSet {
        let tables = self.queries.into_iter();
        MetricSet {
            tables: tables.map(|(name, query)| (name, query.whole)).collect(),
            ..self.set
        }
    }
}

impl Query {
    fn of(relation: &Relation, frame: Frame, twin: Option<Frame>) -> Result<Self, MetricsError> {
        let names = |frame: &Frame| {
            let fields = frame.schema.fields().iter();
            fields.map(|it| it.name().clone()).collect::<Vec<_>>()
        };
        let mut whole: Vec<Row> = frame.rows()?;
        for row in &mut whole {
            row.shift_remove(SCOPE_NO);
        }
        let columns = names(&frame);
        let by_scope = twin.is_some();
        let everyones = || columns.iter().any(|it| it == SCOPE_NO).then_some(frame);
        let numbered = twin.or_else(everyones);
        Ok(Self {
            title: title(relation),
            columns: match &numbered {
                Some(frame) => columns.into_iter().chain(names(frame)).collect(),
                None => columns,
            },
            whole,
            scoped: match numbered {
                Some(frame) => Scoped::Numbered(Numbered::of(frame, by_scope)?),
                None => Scoped::Unsaid,
            },
        })
    }
}

/// What a query's file says that it is: its first sentence, without the name.
fn title(relation: &Relation) -> String {
    let lines = relation.sql.lines();
    let comment = lines.map_while(|line| line.strip_prefix("--"));
    let text: Vec<&str> = comment.map(str::trim).collect();
    let text = text.join(" ");
    let said = text.strip_prefix(&format!("{}:", relation.name));
    let sentence = said.unwrap_or_default().trim().split(['.', ':']).next();
    let sentence = sentence.unwrap_or_default().trim();
    if sentence.is_empty() {
        relation.name.replace('_', " ")
    } else {
        sentence.to_owned()
    }
}

impl Numbered {
    fn of(frame: Frame, by_scope: bool) -> Result<Self, MetricsError> {
        let lacks = || MetricsError::Unscoped {
            query: frame.name.clone(),
        };
        let at = frame.schema.index_of(SCOPE_NO).map_err(|_| lacks())?;
        let batch = concat_batches(&frame.schema, &frame.batches).map_err(rows("scope"))?;
        let column = batch.column(at).as_primitive_opt::<Int64Type>();
        let mut places: BTreeMap<Option<i64>, Vec<u64>> = BTreeMap::new();
        for (place, number) in (0..).zip(column.ok_or_else(lacks)?) {
            places.entry(number).or_default().push(place);
        }
        Ok(Self {
            places,
            by_scope,
            frame: Frame {
                batches: vec![batch],
                ..frame
            },
        })
    }

    pub(super) fn tells_apart(&self) -> bool {
        self.by_scope
    }

    /// The rows of one scope, and everyone's.
    pub(super) fn of_scope(&self, number: i64) -> Result<Vec<Row>, MetricsError> {
        let [everyone, own] = [None, Some(number)].map(|key| self.places.get(&key));
        let mut places: Vec<u64> = everyone.into_iter().chain(own).flatten().copied().collect();
        places.sort_unstable();
        let taken: Result<Vec<RecordBatch>, _> = self
            .frame
            .batches
            .iter()
            .map(|batch| take_record_batch(batch, &UInt64Array::from(places.clone())))
            .collect();
        let frame = Frame {
            batches: taken.map_err(rows("scope"))?,
            ..self.frame.clone()
        };
        let mut found: Vec<Row> = frame.rows()?;
        for row in &mut found {
            row.shift_remove(SCOPE_NO);
        }
        Ok(found)
    }
}
