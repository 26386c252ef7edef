//! Definitions by name: a file, or one that the commit log remembers.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{Config, Funnel};
use crate::fs;
use crate::pipeline::PipelineError;
use crate::problem::{Problem, Problems};
use crate::warehouse::{Commit, Warehouse};

/// The name under which the commit log holds a definition's text.
const FUNNEL: &str = "funnel.yaml";

/// The deployment under the definition in a file, or under its own.
pub(crate) fn definition(config: &Config, file: Option<&Path>) -> Result<Config, PipelineError> {
    let Some(file) = file else {
        return Ok(config.clone());
    };
    let text = fs::read_text(file).map_err(|error| {
        Problems::from(Problem::new(error.to_string()).fix("name a file like `funnel.yaml`"))
    })?;
    Ok(config.under(&file.display().to_string(), &text)?)
}

/// The deployment under the definition in a file, or under the newest of that name that was published.
pub(super) async fn find(
    config: &Config,
    warehouse: &Warehouse,
    name: &str,
) -> Result<Config, PipelineError> {
    if Path::new(name).exists() {
        return definition(config, Some(Path::new(name)));
    }
    let mut known = BTreeSet::new();
    for commit in warehouse.commits().await?.iter().rev() {
        let Some(funnel) = read(commit) else {
            continue;
        };
        if funnel.definition == name {
            return Ok(with(config, funnel));
        }
        known.insert(format!("`{}`", funnel.definition));
    }
    let known: Vec<String> = known.into_iter().collect();
    let problem = Problem::new(format!("`{name}` is no file and no published definition"));
    let fix = match known.as_slice() {
        [] => "nothing is published yet: name a file".to_owned(),
        known => format!("name a file, or one of {}", known.join(", ")),
    };
    Err(Problems::from(problem.fix(fix)).into())
}

/// The deployment under the definition of the newest commit.
pub(super) async fn newest(
    config: &Config,
    warehouse: &Warehouse,
) -> Result<Config, PipelineError> {
    let commits = warehouse.commits().await?;
    let newest = commits.iter().rev().find_map(read);
    let newest = newest.ok_or(PipelineError::Empty)?;
    Ok(with(config, newest))
}

/// The definition that was signed or published with a hash, if the log holds it.
pub(super) async fn with_hash(
    warehouse: &Warehouse,
    hash: &str,
) -> Result<Option<Funnel>, PipelineError> {
    let commits = warehouse.commits().await?;
    let mut same = commits.iter().rev().filter(|it| it.definition_hash == hash);
    Ok(same.find_map(read))
}

fn with(config: &Config, funnel: Funnel) -> Config {
    Config {
        funnel,
        ..config.clone()
    }
}

/// The definition of a commit; none where it has none, or one that an older program wrote.
fn read(commit: &Commit) -> Option<Funnel> {
    let text = commit.texts.get(FUNNEL)?;
    Funnel::of_text(&format!("{FUNNEL} of commit {}", commit.commit_no), text).ok()
}
