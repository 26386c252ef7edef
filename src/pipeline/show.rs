//! One report of a published version, for whoever asks.

use jiff::civil::Date;

use super::render::scopes;
use super::{PipelineError, Templates, recipients};
use crate::config::{Config, Sees};
use crate::metrics::{self, Reading};
use crate::problem::Problems;
use crate::report::{self, Rendered};

/// Renders one report from a published version; sends nothing and changes nothing. `reader` is the
/// address of whom it would be mailed to; none: who sees everything. How many persons were erased
/// since comes with it, and why a file of the report is missing.
pub(crate) async fn render_one(
    config: &Config,
    name: &str,
    as_of: Option<Date>,
    reader: Option<&str>,
) -> Result<(Date, Rendered, usize, Option<String>), PipelineError> {
    let Some(report) = config.reports.iter().find(|report| report.name == name) else {
        let names: Vec<String> = config
            .reports
            .iter()
            .map(|report| format!("`{}`", report.name))
            .collect();
        let fix = format!("name one of {}", names.join(", "));
        return Err(PipelineError::NoReport {
            name: name.to_owned(),
            fix,
        });
    };
    let templates = Templates::load(&config.templates)?;
    let mut published = super::reader(config, as_of).await?;
    let session = published.with_all_tables().await?;
    let as_of = published.as_of();
    let config = config.on(as_of);
    let sees = match reader {
        None => Sees::default(),
        Some(address) => recipients::one(&session, &config, report, address).await?,
    };
    let scopes = scopes(std::iter::once(&sees));
    let figures = metrics::figures_for(&session, &config, name, as_of, &scopes).await?;
    if !sees.scope.is_everything() && !figures.tells_apart(&sees.scope) {
        return Err(Problems::from(recipients::nothing_told(report, &sees.scope)).into());
    }
    let Reading { set, .. } = figures.of(&sees, &config.delivery.privacy)?;
    let mut rendered = report::render(&set, &templates)?;
    let missing = super::attach::make(&config, report, &set, &mut rendered).await?;
    Ok((as_of, rendered, published.erased_since(), missing))
}
