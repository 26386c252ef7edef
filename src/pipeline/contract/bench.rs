//! Definitions tried out over a published history, none of which is published. The company is worked
//! out once; each definition pays for its own evidence, walk and measures.

use jiff::civil::Date;

use super::{difference, named};
use crate::config::{Config, Funnel};
use crate::funnel::Past;
use crate::metrics;
use crate::pipeline::reader::version_of;
use crate::pipeline::ready::canonical;
use crate::pipeline::{PipelineError, open_session};
use crate::problem::{Problem, Problems};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Relation, Session, Warehouse};

/// Two definitions side by side over the same history.
pub(crate) struct Contrast {
    pub(crate) as_of: Date,
    pub(crate) before: String,
    pub(crate) after: String,
    /// What the second says otherwise.
    pub(crate) words: Vec<String>,
    /// A row for each stage: see `queries/contract/contrast.sql`.
    pub(crate) stages: Frame,
    /// `stage_entry` under the second.
    pub(crate) entries: Frame,
}

/// A published history, and definitions to try on it.
pub(super) struct Bench {
    session: Session,
    past: Past,
    queries: Vec<Relation>,
    pub(super) as_of: Date,
}

impl Bench {
    /// Opens the history of a published day, or the newest, for these definitions.
    pub(super) async fn open(
        config: &Config,
        warehouse: &Warehouse,
        as_of: Option<Date>,
        tried: &[&Config],
    ) -> Result<Self, PipelineError> {
        let mut problems = Vec::new();
        let canonical = canonical(config, &mut problems);
        if !problems.is_empty() {
            return Err(Problems(problems).into());
        }
        let version = version_of(warehouse, as_of).await?;
        let as_of = version.as_of;
        let session = open_session(warehouse, Some(&version), config, as_of, &canonical).await?;
        let alone: Vec<[&Funnel; 1]> = tried.iter().map(|config| [&config.funnel]).collect();
        let lists: Vec<&[&Funnel]> = alone.iter().map(<[_; 1]>::as_slice).collect();
        Ok(Self {
            past: Past::read(&session, &canonical, &lists, &config.time_zone).await?,
            queries: load("contract", &config.queries)?,
            session,
            as_of,
        })
    }

    /// Walks and measures under one of the definitions.
    pub(super) async fn try_out(&self, config: &Config) -> Result<(), PipelineError> {
        self.past
            .walk(&self.session, &[&config.funnel], &config.time_zone)?;
        Box::pin(metrics::measure(&self.session, config)).await?;
        Ok(())
    }

    /// The rows of one of `queries/contract`, over what was measured last.
    pub(super) async fn ask(&self, query: &str) -> Result<Frame, PipelineError> {
        let found = self.queries.iter().find(|relation| relation.name == query);
        let missing = || Problem::new(format!("There is no query `contract/{query}.sql`"));
        let found = found.ok_or_else(|| Problems::from(missing()))?;
        Ok(self.session.run(found).await?)
    }

    /// Keeps a table under another name, for a query that reads it beside others.
    fn keep(&self, name: &str, rows: &Frame) -> Result<(), PipelineError> {
        let (schema, batches) = (rows.schema.clone(), rows.batches.clone());
        Ok(self.session.register(name, schema, batches)?)
    }

    async fn contrast(&self, before: &Config, after: &Config) -> Result<Contrast, PipelineError> {
        let mut entries = Vec::new();
        for (config, name) in [(before, "before"), (after, "after")] {
            self.try_out(config).await?;
            self.keep(&format!("effect_{name}"), &self.ask("effect").await?)?;
            let entered = self.session.table("stage_entry").await?;
            self.keep(&format!("entry_{name}"), &entered)?;
            entries.push(entered);
        }
        self.keep("moved", &self.ask("moved").await?)?;
        let stages = self.ask("contrast").await?;
        let shown = |config: &Config| config.funnel.definition.clone();
        Ok(Contrast {
            as_of: self.as_of,
            before: shown(before),
            after: shown(after),
            words: difference::words(&before.funnel, &after.funnel),
            stages,
            entries: entries.swap_remove(1),
        })
    }
}

/// What changes from one definition to another: by default from the newest that was published to the
/// file's. Each is a file or the name of a published definition.
pub(crate) async fn diff(
    config: &Config,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<Contrast, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let before = match before {
        Some(name) => named::find(config, &warehouse, name).await?,
        None => named::newest(config, &warehouse).await?,
    };
    let after = match after {
        Some(name) => named::find(config, &warehouse, name).await?,
        None => config.clone(),
    };
    let tried = [&before, &after];
    let bench = Bench::open(config, &warehouse, None, &tried).await?;
    bench.contrast(&before, &after).await
}

/// The history of a published day, or the newest, under another definition beside the file's.
pub(crate) async fn replay(
    config: &Config,
    other: &Config,
    as_of: Option<Date>,
) -> Result<Contrast, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let bench = Bench::open(config, &warehouse, as_of, &[config, other]).await?;
    bench.contrast(config, other).await
}
