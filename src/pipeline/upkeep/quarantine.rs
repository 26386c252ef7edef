//! The files that the gates refused.

use crate::config::Config;
use crate::pipeline::{PipelineError, reader};
use crate::warehouse::Frame;

/// The refused files that are kept, newest first. A file has a row more once it is released.
pub(crate) async fn quarantined(config: &Config) -> Result<Frame, PipelineError> {
    let sql = "select as_of, source, stream, bytes, file, max(released_by) as released_by,
                   min(reason) as reason
         from quarantine
         group by as_of, source, stream, bytes, file
         order by as_of desc, source, stream, file";
    reader(config, None).await?.query("quarantine", sql).await
}
