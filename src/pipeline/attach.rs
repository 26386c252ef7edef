//! The files of a report: made once, kept in the archive, and in its mails as far as they fit.

use super::PipelineError;
use super::pdf::Printer;
use super::render::{Due, dated};
use super::summary::RunSummary;
use crate::config::{Attach, Config, Report};
use crate::delivery::{self, shown};
use crate::metrics::MetricSet;
use crate::report::{self, Attachment, Note, Rendered};
use crate::warehouse::{Draft, FileKind};

impl Due<'_> {
    /// Makes the files of a report whose page is in the archive, puts them beside it under names that
    /// begin with `stem`, and says in the mail which do not go with it.
    pub(super) async fn attach(
        &self,
        draft: &mut Draft,
        summary: &mut RunSummary,
        (report, set, stem): (&Report, &MetricSet, &str),
        rendered: &mut Rendered,
    ) -> Result<(), PipelineError> {
        let mut notes = Vec::new();
        if let Some(why) = make(self.config, report, set, rendered).await? {
            notes.push(missing());
            summary.problems.push(why);
        }
        let page = format!("{stem}.html");
        for file in &rendered.attached {
            let place = format!("{stem}.{}", file.suffix);
            if place != page {
                draft
                    .put(FileKind::Archive, &place, file.bytes.clone())
                    .await?;
            }
        }
        let limit = self.config.delivery.attachments.max_size;
        let stem = format!("{}/{stem}", draft.run_id());
        for file in delivery::fit(rendered, set.as_of, limit)? {
            let note = too_large(self.config, set, &file, &stem);
            let url = note.url.as_ref().map(|url| format!(" {url}"));
            let url = url.unwrap_or_default();
            summary.notes.push(format!("{}{url}", note.says));
            notes.push(note);
        }
        report::tell(rendered, &notes, self.templates)?;
        Ok(())
    }
}

/// Makes the files of a report; why there is no PDF, where one is asked for.
pub(super) async fn make(
    config: &Config,
    report: &Report,
    set: &MetricSet,
    rendered: &mut Rendered,
) -> Result<Option<String>, PipelineError> {
    rendered.attached = report::attachments(set, rendered, &report.attach)?;
    if !report.attach.contains(&Attach::Pdf) {
        return Ok(None);
    }
    let chromium = config.delivery.attachments.chromium.as_deref();
    let printed = match Printer::find(chromium) {
        Ok(printer) => {
            printer
                .print(&rendered.page, dated(set.as_of, config))
                .await
        }
        Err(why) => Err(why),
    };
    match printed {
        Ok(pdf) => {
            let pdf = Attachment::new("pdf", "application/pdf", pdf);
            rendered.attached.push(pdf);
            Ok(None)
        }
        Err(why) => Ok(Some(format!(
            "The PDF of report `{}` is missing: {why}",
            report.name
        ))),
    }
}

fn missing() -> Note {
    Note {
        says: "The PDF of this report could not be made; whoever runs the job is told why."
            .to_owned(),
        url: None,
    }
}

/// What a mail says of a file that it has no room for. `stem` is where it
/// lies in the archive, without what follows the report's name.
fn too_large(config: &Config, set: &MetricSet, file: &Attachment, stem: &str) -> Note {
    let bounds = &config.delivery.attachments;
    let name = file.file_name(&set.report, set.as_of);
    let (size, limit) = (shown(file.bytes.len() as u64), shown(bounds.max_size));
    let place = format!("{stem}.{}", file.suffix);
    let url = bounds
        .archive_url
        .as_ref()
        .and_then(|url| url.join(&place).ok());
    let instead = match &url {
        Some(_) => "It is here:".to_owned(),
        None => format!("It is kept in the archive as {place}."),
    };
    Note {
        says: format!(
            "{name} ({size}) would make this mail larger than the {limit} that it may have. {instead}"
        ),
        url: url.map(String::from),
    }
}
