//! Questions to what is published: a reader pins one version and loads a table when a query names it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::json;

use super::{PipelineError, again, upkeep};
use crate::clock::RunId;
use crate::config::{ColumnType, Config};
use crate::delivery::Ledger;
use crate::metrics::{self, Compared, Freeze};
use crate::problem::Problems;
use crate::warehouse::query::past;
use crate::warehouse::query::refusal::no_table;
use crate::warehouse::{
    Frame, QueryError, Relation, Session, Version, Warehouse, batch_of, schema_of,
};

/// One published version, open for questions.
pub(crate) struct Reader {
    config: Config,
    warehouse: Warehouse,
    version: Version,
    session: Session,
    loaded: BTreeSet<String>,
    erased_since: usize,
}

/// Opens the version published for a day, or the newest.
pub(crate) async fn reader(config: &Config, as_of: Option<Date>) -> Result<Reader, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let version = version_of(&warehouse, as_of).await?;
    let session = Session::new(version.as_of, &config.time_zone);
    let mut loaded = BTreeSet::new();
    if !version.is_derived {
        for table in Box::pin(again::derive(config, &warehouse, &version)).await? {
            session.register(&table.name, table.schema, table.batches)?;
            loaded.insert(table.name);
        }
    }
    let mut others = tables(&version);
    others.extend(loaded.iter().cloned());
    let erased_since = match as_of {
        Some(_) => warehouse.erased_since(&version).await?,
        None => 0,
    };
    Ok(Reader {
        erased_since,
        config: config.on(version.as_of),
        warehouse,
        session: session.beside(others),
        version,
        loaded,
    })
}

/// The version published for a day, or the newest.
pub(super) async fn version_of(
    warehouse: &Warehouse,
    as_of: Option<Date>,
) -> Result<Version, PipelineError> {
    let newest = warehouse.latest().await?.ok_or(PipelineError::Empty)?;
    let Some(day) = as_of else {
        return Ok(newest);
    };
    let published = warehouse.as_of(day).await?;
    published.ok_or_else(|| PipelineError::NotPublished {
        as_of: day,
        fix: format!(
            "`leadgauge runs` lists the days there are; the newest is {}",
            newest.as_of
        ),
    })
}

/// Every table that can be asked about.
fn tables(version: &Version) -> BTreeSet<String> {
    let mut tables = version.tables();
    tables.insert("job_delivery".to_owned());
    tables
}

impl Reader {
    pub(crate) fn as_of(&self) -> Date {
        self.version.as_of
    }

    pub(crate) fn commit_no(&self) -> u64 {
        self.version.commit_no
    }

    /// How many persons were erased since the version was published.
    pub(crate) fn erased_since(&self) -> usize {
        self.erased_since
    }

    /// Every table there is, sorted.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let mut all = tables(&self.version);
        all.extend(self.loaded.iter().cloned());
        all
    }

    /// Runs one query. `name` stands for it in errors.
    pub(crate) async fn query(&mut self, name: &str, sql: &str) -> Result<Frame, PipelineError> {
        let relation = Relation::parse("query", name, sql)
            .map_err(|problem| QueryError::Refused(Box::new(problem)))?;
        let catalog = |table: &String| table.starts_with("information_schema.");
        if relation.needs.iter().any(catalog) {
            self.with_all_tables().await?;
        }
        for table in &relation.needs {
            self.load(table).await?;
        }
        Ok(self.session.run(&relation).await?)
    }

    /// A table's columns: name and type, as the tables' contract calls it.
    pub(crate) async fn columns(&mut self, table: &str) -> Result<Frame, PipelineError> {
        let tables = self.tables();
        if !tables.contains(table) {
            return Err(Problems::from(no_table(table, &tables)).into());
        }
        self.load(table).await?;
        let (schema, name) = table.rsplit_once('.').unwrap_or(("public", table));
        let sql = format!(
            "select column_name as \"column\", case
                 when data_type = 'Utf8' then 'string'
                 when data_type = 'Int64' then 'bigint'
                 when data_type = 'Float64' then 'double'
                 when data_type = 'Date32' then 'date'
                 when data_type like 'Timestamp%' then 'timestamp'
                 when data_type like 'Decimal%' then 'decimal'
                 else lower(data_type)
             end as type
             from information_schema.columns
             where table_schema = '{}' and table_name = '{}' order by ordinal_position",
            schema.replace('\'', "''"),
            name.replace('\'', "''"),
        );
        Ok(self.session.query("columns", &sql).await?)
    }

    /// The session with every table of the version in it.
    pub(super) async fn with_all_tables(&mut self) -> Result<Session, PipelineError> {
        for table in self.tables() {
            self.load(&table).await?;
        }
        Ok(self.session.clone())
    }

    /// Makes a table known if the version has it; a name it does not have is for the planner to refuse.
    async fn load(&mut self, table: &str) -> Result<(), PipelineError> {
        if self.loaded.contains(table) {
            return Ok(());
        }
        if table == "job_delivery" {
            self.load_deliveries().await?;
        } else if let Some((day, known)) = past::known_on(table) {
            self.load_known(table, day, &known).await?;
        } else if self.version.tables().contains(table) {
            let rows = self.warehouse.table(&self.version, table).await?;
            self.session.register_table(table, &rows)?;
        } else {
            return Ok(());
        }
        self.loaded.insert(table.to_owned());
        Ok(())
    }

    /// A table as it was published for another day, under the name by which a query calls it.
    async fn load_known(&self, name: &str, day: Date, table: &str) -> Result<(), PipelineError> {
        let mut then = Box::pin(reader(&self.config, Some(day))).await?;
        let tables = then.tables();
        if !tables.contains(table) {
            return Err(Problems::from(no_table(table, &tables)).into());
        }
        Box::pin(then.load(table)).await?;
        let rows = then.session.table(table).await?;
        Ok(self.session.register(name, rows.schema, rows.batches)?)
    }

    /// The ledger as a table: it lives beside the versions, since sending comes after the commit.
    async fn load_deliveries(&self) -> Result<(), PipelineError> {
        let ledger = Ledger::new(self.warehouse.store());
        let rows: Vec<serde_json::Value> = ledger
            .all()
            .await?
            .iter()
            .map(|entry| {
                json!({
                    "message": entry.message, "number": entry.number, "state": entry.state.as_str(),
                    "at": entry.at, "host": entry.host, "process": entry.process, "reason": entry.reason,
                })
            })
            .collect();
        let schema = schema_of(&[
            ("message", ColumnType::String),
            ("number", ColumnType::Bigint),
            ("state", ColumnType::String),
            ("at", ColumnType::Timestamp),
            ("host", ColumnType::String),
            ("process", ColumnType::Bigint),
            ("reason", ColumnType::String),
        ]);
        let batch = batch_of(&schema, &rows).map_err(|error| QueryError::Shape {
            name: "job_delivery".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(self.session.register("job_delivery", schema, vec![batch])?)
    }
}

/// The newest runs, newest first.
pub(crate) async fn runs(config: &Config, last: usize) -> Result<Frame, PipelineError> {
    let sql = format!(
        "select as_of, commit_no, outcome, streams, streams_missing, streams_quarantined, reports, mails,
                round(seconds, 1) as seconds, message
         from job_run order by commit_no desc limit {last}"
    );
    reader(config, None).await?.query("runs", &sql).await
}

/// What a freeze made.
pub(crate) struct Frozen {
    pub(crate) first_day: Date,
    pub(crate) last_day: Date,
    pub(crate) figures: usize,
    pub(crate) commit_no: u64,
    /// What stands between the version and other tools, in words.
    pub(crate) problem: Option<String>,
}

/// Freezes a window's figures under a name, in a version of its own.
pub(crate) async fn freeze(
    config: &Config,
    name: &str,
    window: Option<(Date, Date)>,
    imported: bool,
) -> Result<Frozen, PipelineError> {
    let mut reader = reader(config, None).await?;
    let config = &reader.config.clone();
    let session = reader.with_all_tables().await?;
    let asked = Freeze {
        name,
        window,
        commit_no: reader.commit_no(),
        imported,
    };
    let frozen = metrics::freeze(&session, config, &asked).await?;
    let run_id = RunId::new(reader.as_of());
    let mut draft = reader
        .warehouse
        .begin_addition(&run_id, &config.time_zone)
        .await?;
    draft
        .append("baseline", &frozen.schema, &frozen.batches)
        .await?;
    let commit = draft
        .commit(config.texts.clone(), &config.funnel.hash)
        .await?;
    Ok(Frozen {
        first_day: frozen.first_day,
        last_day: frozen.last_day,
        figures: frozen.rows,
        commit_no: commit.commit_no,
        problem: upkeep::export_delta(&reader.warehouse).await,
    })
}

/// The baselines there are, one row each.
pub(crate) async fn baselines(config: &Config) -> Result<Frame, PipelineError> {
    let mut reader = reader(config, None).await?;
    let session = reader.with_all_tables().await?;
    Ok(metrics::baselines(&session).await?)
}

/// The figures of one baseline: what was frozen, by stage and member.
pub(crate) async fn show_baseline(config: &Config, name: &str) -> Result<Frame, PipelineError> {
    let mut reader = reader(config, None).await?;
    let session = reader.with_all_tables().await?;
    Ok(metrics::show(&session, name).await?)
}

/// The newest night beside a baseline.
pub(crate) async fn compare(config: &Config, name: &str) -> Result<Compared, PipelineError> {
    let mut reader = reader(config, None).await?;
    let session = reader.with_all_tables().await?;
    let mut with = config.clone();
    with.metrics.baseline = Some(name.to_owned());
    Ok(metrics::compare(&session, &with, name).await?)
}
