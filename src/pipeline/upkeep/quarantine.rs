//! The files that the gates refused.

use jiff::civil::Date;
use serde_json::json;

use crate::config::Config;
use crate::pipeline::record::{QUARANTINE, shape};
use crate::pipeline::{PipelineError, reader};
use crate::problem::{Problem, Problems};
use crate::warehouse::{Draft, Frame, batch_of, schema_of};

/// A refused file that is kept.
pub(in crate::pipeline) struct Kept {
    /// `<source>.<stream>`.
    pub(in crate::pipeline) table: String,
    pub(in crate::pipeline) as_of: Date,
    /// Where its source's files of that run are, in the warehouse.
    pub(in crate::pipeline) folder: String,
    row: serde_json::Value,
}

/// The refused files that are kept, newest first. A file has a row more once it is released.
pub(crate) async fn quarantined(config: &Config) -> Result<Frame, PipelineError> {
    let sql = "select as_of, source, stream, bytes, file, max(released_by) as released_by,
                   min(reason) as reason
         from quarantine
         group by as_of, source, stream, bytes, file
         order by as_of desc, source, stream, file";
    reader(config, None).await?.query("quarantine", sql).await
}

/// The newest file that was refused of a stream for a day, and is not released.
pub(in crate::pipeline) async fn kept(
    config: &Config,
    table: &str,
    day: Date,
) -> Result<Kept, PipelineError> {
    let sql = format!(
        "select * from quarantine
         where source || '.' || stream = '{}' and as_of = date '{day}'
         order by run_id desc",
        table.replace('\'', "''")
    );
    let frame = reader(config, None)
        .await?
        .query("quarantine", &sql)
        .await?;
    let rows: Vec<serde_json::Value> = frame.rows()?;
    let nothing = |what: String| {
        let fix = "`leadgauge warehouse quarantine` lists what is kept";
        PipelineError::from(Problems::from(Problem::new(what).fix(fix)))
    };
    if let Some(by) = rows.iter().find_map(|row| row["released_by"].as_str()) {
        return Err(nothing(format!(
            "`{table}` of {day} is released already, by run `{by}`"
        )));
    }
    let Some(row) = rows.into_iter().next() else {
        return Err(nothing(format!("No file of `{table}` is kept for {day}")));
    };
    // `quarantine/<run_id>/<source>/<path as in the source>`
    let file = row["file"].as_str().unwrap_or_default();
    let parts: Vec<&str> = file.split('/').take(3).collect();
    Ok(Kept {
        table: table.to_owned(),
        as_of: day,
        folder: parts.join("/"),
        row,
    })
}

/// Says in the draft that its run released a file.
pub(in crate::pipeline) async fn mark_released(
    draft: &mut Draft,
    kept: &Kept,
) -> Result<(), PipelineError> {
    let mut row = kept.row.clone();
    row["released_by"] = json!(draft.run_id());
    let schema = schema_of(&QUARANTINE);
    let batch = batch_of(&schema, &[row]).map_err(shape)?;
    Ok(draft.append("quarantine", &schema, &[batch]).await?)
}
