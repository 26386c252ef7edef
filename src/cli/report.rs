//! `leadgauge report`.

use serde_json::json;

use super::args::ReportArgs;
use super::output::Output;
use super::{Failure, Outcome, erase};
use crate::config::Config;
use crate::{fs, pipeline};

pub(super) async fn report(
    config: &Config,
    args: &ReportArgs,
    output: &Output,
) -> Result<Outcome, Failure> {
    let (as_of, rendered, erased, missing) =
        pipeline::render_one(config, &args.name, args.as_of, args.reader.as_deref()).await?;
    output.finish();
    erase::warn(erased, output);
    let stem = format!("{}-{as_of}", rendered.report);
    let mut files = vec![
        (format!("{stem}.html"), rendered.page.as_bytes()),
        (format!("{stem}.mail.html"), rendered.mail_html.as_bytes()),
        (format!("{stem}.txt"), rendered.mail_text.as_bytes()),
    ];
    // The page may be among them.
    let beside = rendered.attached.iter();
    let beside = beside.filter(|file| file.suffix != "html");
    files.extend(beside.map(|file| (file.file_name(&rendered.report, as_of), &file.bytes[..])));
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = args.out.join(name);
        fs::write(&path, bytes).map_err(Failure::run)?;
        written.push(path.display().to_string());
    }
    if output.wants_json() {
        output.json(&json!({ "as_of": as_of, "files": written }));
    } else {
        output.data(format!("{}\n", written.join("\n")).as_bytes());
    }
    match missing {
        Some(why) => {
            output.say(&why);
            Ok(Outcome::Incomplete)
        }
        None => Ok(Outcome::Done),
    }
}
