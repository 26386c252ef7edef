//! `leadgauge check`.

use super::output::Output;
use super::run::counted;
use super::{Failure, Outcome};
use crate::config::Config;
use crate::pipeline;

pub(super) async fn check(config: &Config, output: &Output) -> Result<Outcome, Failure> {
    let checked = pipeline::check(config).await?;
    output.finish();
    if output.wants_json() {
        let line = serde_json::to_string(&checked).map_err(Failure::run)?;
        output.data(format!("{line}\n").as_bytes());
    } else {
        let examples = match checked.examples {
            0 => String::new(),
            number => format!(", {} as expected", counted(number, "example")),
        };
        output.say(&format!(
            "All good: {} sources with {} streams, {} stages, {} queries planned, {} templates rendered{examples}",
            checked.sources, checked.streams, checked.stages, checked.queries, checked.templates
        ));
        if let Some(unsigned) = checked.unsigned {
            output.say(&format!("note: {unsigned}"));
        }
    }
    Ok(Outcome::Done)
}
