//! What a mail says of files that do not go with it. It is written into the finished mail, so that no
//! template of a deployment's own can leave it out.

use serde::Serialize;

use crate::report::{Rendered, ReportError, Templates, words};

/// A sentence about a file, and where the file is instead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Note {
    pub(crate) says: String,
    pub(crate) url: Option<String>,
}

/// What the two templates see.
#[derive(Serialize)]
struct View<'a> {
    notes: &'a [Note],
}

/// Says in both parts of a mail what does not go with it.
pub(crate) fn tell(
    rendered: &mut Rendered,
    notes: &[Note],
    templates: &Templates,
) -> Result<(), ReportError> {
    if notes.is_empty() {
        return Ok(());
    }
    let view = View { notes };
    let html = templates.render("parts/mail-notes.html", &view)?;
    let text = templates.render("parts/notes.txt", &view)?;
    let end = rendered.mail_html.to_ascii_lowercase().rfind("</body>");
    let end = end.unwrap_or(rendered.mail_html.len());
    rendered.mail_html.insert_str(end, &html);
    let body = rendered.mail_text.trim_end();
    rendered.mail_text = format!("{body}\n\n{}", words::wrapped(&text));
    Ok(())
}
