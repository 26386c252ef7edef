//! The walk alone, over evidence in files: whoever doubts an entry can take the evidence and see.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::clock;
use crate::config::Config;
use crate::funnel::{self, WalkedFiles};
use crate::pipeline::PipelineError;

/// Walks over evidence under the definitions that came into force by a day, by default yesterday, and
/// writes the entries. The warehouse is not opened.
pub(crate) fn walk(
    config: &Config,
    evidence: &[PathBuf],
    as_of: Option<Date>,
    out: &Path,
) -> Result<WalkedFiles, PipelineError> {
    let as_of = as_of.unwrap_or_else(|| clock::yesterday(&config.time_zone));
    let mut definitions = config.definitions();
    definitions.retain(|funnel| funnel.effective_from <= as_of);
    if definitions.is_empty() {
        return Err(PipelineError::NotInForce {
            definition: config.funnel.definition.clone(),
            effective_from: config.funnel.effective_from,
            as_of,
        });
    }
    let zone = &config.time_zone;
    Ok(funnel::walk_files(evidence, out, &definitions, zone)?)
}
