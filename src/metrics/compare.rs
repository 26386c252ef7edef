//! The newest night beside a baseline, and what must be said with it.

use jiff::civil::Date;
use serde::Deserialize;

use super::{MetricsError, baseline, measured};
use crate::config::Config;
use crate::warehouse::{Frame, Session};

/// What `baseline compare` tells.
pub(crate) struct Compared {
    /// What bears on every figure, in sentences.
    pub(crate) notes: Vec<String>,
    /// The rows of `comparison`, in the order of the stages.
    pub(crate) rows: Frame,
}

#[derive(Deserialize)]
struct Head {
    baseline: String,
    definition: String,
    definition_hash: String,
    first_day: Date,
    last_day: Date,
    imported: bool,
}

#[derive(Deserialize)]
struct Late {
    /// In backticks, between commas.
    stages: String,
    observed_from: Date,
}

/// Compares with the baseline that `config` names; one that is not there is refused.
pub(crate) async fn compare(
    session: &Session,
    config: &Config,
    name: &str,
) -> Result<Compared, MetricsError> {
    baseline::known_name(session, name).await?;
    measured(session, config).await?;
    let sql = "select c.* from comparison c join stage s on s.id = c.stage order by s.stage_order";
    Ok(Compared {
        notes: notes(session, config, name).await?,
        rows: session.query("comparison", sql).await?,
    })
}

async fn notes(
    session: &Session,
    config: &Config,
    name: &str,
) -> Result<Vec<String>, MetricsError> {
    let heads: Vec<Head> = baseline::baselines(session).await?.rows()?;
    let Some(head) = heads.iter().find(|head| head.baseline == name) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "select string_agg(concat('`', stage, '`'), ', ' order by stage) as stages, observed_from from baseline
         where baseline = '{name}' and measure = 'stage' and observed_from > first_day
         group by observed_from order by observed_from"
    );
    let late: Vec<Late> = session.query("baseline", &sql).await?.rows()?;
    let mut notes = vec![format!(
        "Baseline `{name}`: {} to {}, definition {}",
        head.first_day, head.last_day, head.definition
    )];
    if head.imported {
        notes.push(
            "It rests on imported history, which may lack what the source did not keep".into(),
        );
    }
    notes.extend(late.iter().map(|late| {
        format!(
            "Observed only from {}, what is earlier was imported: {}",
            late.observed_from, late.stages
        )
    }));
    if head.definition_hash != config.funnel.hash {
        notes.push(format!(
            "It was frozen under another text of the definition than is in force, {}",
            config.funnel.definition
        ));
    }
    notes.push(
        "Entries of 28 days stand beside a mean of all its weeks; season_28 is what its weeks of a year ago held".into(),
    );
    Ok(notes)
}
