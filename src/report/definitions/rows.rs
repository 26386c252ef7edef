//! The rows of the reference card's queries, typed.

use jiff::civil::Date;

use crate::report::ReportError;
use crate::report::rows::Row;
use crate::report::words;

/// `definition.sql`: the definition in force.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) effective_from: Date,
    pub(super) hash: String,
    pub(super) skipped_stages: String,
    pub(super) deleted: String,
    pub(super) after_close: String,
    pub(super) quiet_days: i64,
}

/// `stages.sql`: one stage, in order.
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) term: String,
    pub(super) words: String,
    pub(super) required: Option<String>,
    pub(super) stock: Option<i64>,
    pub(super) entered: Option<i64>,
    pub(super) since: Option<Date>,
}

/// `rules.sql`: one condition.
pub(super) struct Rule {
    pub(super) kind: String,
    pub(super) stage: Option<String>,
    /// The stage's short name.
    pub(super) label: String,
    pub(super) name: Option<String>,
    pub(super) event: Option<String>,
    pub(super) expression: Option<String>,
    pub(super) at: Option<String>,
    pub(super) won: Option<String>,
    pub(super) reason: Option<String>,
}

/// `former.sql`: what a stage was called before.
pub(super) struct Former {
    pub(super) stage: String,
    pub(super) label: String,
    pub(super) words: String,
    pub(super) definition: String,
    pub(super) from: Date,
    pub(super) gone: bool,
}

impl Head {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            name: row.text("definition")?,
            effective_from: row.date("effective_from")?,
            hash: row.text("hash")?,
            skipped_stages: row.text("skipped_stages")?,
            deleted: row.text("deleted")?,
            after_close: words::label(&row.text("after_close_to")?, &row.text("after_close_term")?),
            quiet_days: row.integer("quiet_days")?,
        })
    }
}

impl Stage {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let (id, term) = (row.text("stage")?, row.text("term")?);
        Ok(Self {
            label: words::label(&id, &term),
            id,
            term,
            words: row.maybe_text("words")?.unwrap_or_default(),
            required: row
                .maybe_text("required_fields")?
                .filter(|it| !it.is_empty()),
            stock: row.maybe_integer("stock")?,
            entered: row.maybe_integer("entered_28")?,
            since: row.maybe_date("since")?,
        })
    }
}

impl Rule {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let (stage, term) = (row.maybe_text("stage")?, row.maybe_text("term")?);
        let label = stage.as_ref().zip(term.as_ref());
        Ok(Self {
            kind: row.text("kind")?,
            label: label.map_or_else(String::new, |(id, term)| words::label(id, term)),
            stage,
            name: row.maybe_text("name")?,
            event: row.maybe_text("event")?,
            expression: row.maybe_text("expression")?,
            at: row.maybe_text("at")?,
            won: row.maybe_text("won")?,
            reason: row.maybe_text("reason")?,
        })
    }
}

impl Former {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let id = row.text("stage")?;
        Ok(Self {
            label: words::label(&id, &row.text("term")?),
            stage: id,
            words: row.maybe_text("words")?.unwrap_or_default(),
            definition: row.text("definition")?,
            from: row.date("effective_from")?,
            gone: row.boolean("gone")?,
        })
    }
}
